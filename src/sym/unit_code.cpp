#include "sym/unit_code.h"

#include <dwarf.h>

#include <algorithm>
#include <functional>

namespace clew::sym {
namespace {

bool is_scope(const EntryShape& shape) {
  switch (shape.tag) {
    case DW_TAG_namespace:
    case DW_TAG_module:
    case DW_TAG_class_type:
    case DW_TAG_structure_type:
    case DW_TAG_union_type:
    case DW_TAG_interface_type:
    case DW_TAG_enumeration_type:
      return true;
    case DW_TAG_subprogram:
      // Classes and functions that are local to a function stand in it. A mere declaration has
      // nothing but parameters.
      return !shape.is_declaration;
    default:
      return false;
  }
}

/// More copies in one another than this are no program's.
constexpr size_t most_copies = 1024;

const std::byte* address_of(const Dwarf_Die& die) {
  return static_cast<const std::byte*>(die.addr);
}

}  // namespace

UnitCode::UnitCode(const Dwarf_Die& unit, std::shared_ptr<const UnitShapes> shapes,
                   RangeReader& ranges)
    : unit_(unit), reader_(unit, std::move(shapes)), ranges_(ranges) {
  language_ = std::max(0, dwarf_srclang(&unit_));
  read_entries();
}

void UnitCode::read_entries() {
  constexpr uint32_t no_scope = 0;
  std::vector<IntervalMap<uint32_t>::Item> ranges;
  std::vector<uint32_t> open;  // for each level of the tree: the scope that it makes, or none
  uint32_t inner = no_scope;
  const std::byte* last = nullptr;
  reader_.walk(
      reader_.begin(),
      [&](const std::byte* address, const EntryShape& shape) {
        last = address;
        if (shape.tag == DW_TAG_subprogram && shape.has_code) {
          const size_t before = ranges.size();
          add_ranges(address, static_cast<uint32_t>(functions_.size()), ranges);
          if (ranges.size() > before) functions_.push_back(address);
        }
        if (!shape.has_children) return false;
        uint32_t made = no_scope;
        if (is_scope(shape)) {
          scopes_.push_back({address, nullptr, inner});
          made = static_cast<uint32_t>(scopes_.size());
          inner = made;
        }
        open.push_back(made);
        return true;
      },
      [&] {
        const uint32_t made = open.back();
        open.pop_back();
        if (made == no_scope) return;
        Scope& scope = scopes_[made - 1];
        scope.end = last + 1;
        inner = scope.parent;
      });
  for (Scope& scope : scopes_) {
    if (scope.end == nullptr) scope.end = last + 1;  // the unit is cut short
  }
  functions_.shrink_to_fit();
  scopes_.shrink_to_fit();
  function_at_ = IntervalMap<uint32_t>(std::move(ranges));
}

void UnitCode::add_ranges(const std::byte* die, uint32_t value,
                          std::vector<IntervalMap<uint32_t>::Item>& into) {
  ranges_.for_each(reader_.entry(die), [&](uint64_t start, uint64_t end) {
    into.push_back({start, end, value});
  });
}

bool UnitCode::find_function(uint64_t address, Dwarf_Die& function) const {
  const auto* const found = function_at_.find(address);
  if (found == nullptr) return false;
  function = reader_.entry(functions_[found->value]);
  return true;
}

bool UnitCode::find_piece(uint64_t address, Piece& piece) const {
  const auto* const found = function_at_.find(address);
  if (found == nullptr) return false;
  piece = {found->start, found->end};
  return true;
}

const UnitCode::Inlined& UnitCode::inlined_of(const Dwarf_Die& function) {
  auto [found, is_new] = inlined_.try_emplace(address_of(function));
  Inlined& inlined = found->second;
  if (!is_new) return inlined;
  std::vector<IntervalMap<uint32_t>::Item> ranges;
  std::vector<uint32_t> open;  // for each level of the tree: the copy around it
  uint32_t inner = 0;
  reader_.walk(
      address_of(function),
      [&](const std::byte* address, const EntryShape& shape) {
        // A function in a function has its own code and its own copies.
        if (shape.tag == DW_TAG_subprogram && address != address_of(function)) return false;
        const uint32_t around = inner;
        if (shape.tag == DW_TAG_inlined_subroutine && shape.has_code) {
          add_ranges(address, static_cast<uint32_t>(inlined.copies.size()), ranges);
          inlined.copies.push_back({address, around});
          if (shape.has_children) inner = static_cast<uint32_t>(inlined.copies.size());
        }
        if (shape.has_children) open.push_back(around);
        return shape.has_children;
      },
      [&] {
        inner = open.back();
        open.pop_back();
      });
  inlined.copies.shrink_to_fit();
  inlined.at = IntervalMap<uint32_t>(std::move(ranges));
  return inlined;
}

std::vector<Dwarf_Die> UnitCode::inlined_at(const Dwarf_Die& function, uint64_t address) {
  std::vector<Dwarf_Die> copies;
  const Inlined& inlined = inlined_of(function);
  const auto* const innermost = inlined.at.find(address);
  if (innermost == nullptr) return copies;
  for (uint32_t i = innermost->value + 1; i != 0 && copies.size() < most_copies;
       i = inlined.copies[i - 1].parent) {
    copies.push_back(reader_.entry(inlined.copies[i - 1].die));
  }
  return copies;
}

bool UnitCode::find_scope(const Dwarf_Die& die, Dwarf_Die& scope) const {
  const std::less<> before;
  const std::byte* const address = address_of(die);
  auto after = std::lower_bound(
      scopes_.begin(), scopes_.end(), address,
      [&](const Scope& candidate, const std::byte* a) { return before(candidate.start, a); });
  if (after == scopes_.begin()) return false;
  // The scope that begins last before it either holds it or lies in what does.
  auto index = static_cast<uint32_t>(after - scopes_.begin());
  while (index != 0 && !before(address, scopes_[index - 1].end)) index = scopes_[index - 1].parent;
  if (index == 0) return false;
  scope = reader_.entry(scopes_[index - 1].start);
  return true;
}

}  // namespace clew::sym
