#include "value/go_results.h"

#include <dwarf.h>
#include <fmt/format.h>

#include <algorithm>
#include <span>
#include <unordered_set>

#include "sym/module.h"
#include "value/dwarf_read.h"

namespace clew::value {
namespace {

constexpr uint64_t go_word = 8;
constexpr std::array<std::string_view, 9> integers{"rax", "rbx", "rcx", "rdi", "rsi",
                                                   "r8",  "r9",  "r10", "r11"};
constexpr std::array<std::string_view, 15> vectors{"xmm0",  "xmm1",  "xmm2",  "xmm3",  "xmm4",
                                                   "xmm5",  "xmm6",  "xmm7",  "xmm8",  "xmm9",
                                                   "xmm10", "xmm11", "xmm12", "xmm13", "xmm14"};
/// Structures within structures: what goes into registers is never deeper than there are registers,
/// but for such as have one field each.
constexpr int deepest_in_register = 64;

/// A part of a value that has a register of its own.
struct Piece {
  std::string_view name;
  uint64_t offset = 0, size = 0;
};

/// A parameter or result as the function declares it.
struct Declared {
  std::string name;
  const Type* type = nullptr;
  bool is_result = false;
};

/// Maps, channels and functions are pointers, whatever the debug information says that they are
/// made of.
bool is_one_word(const Type* type) {
  return type->find_go_kind(GoKind::map) != nullptr ||
         type->find_go_kind(GoKind::channel) != nullptr ||
         type->find_go_kind(GoKind::function) != nullptr;
}

uint64_t size_of(const Type* type) {
  return is_one_word(type) ? go_word : type->size().value_or(0);
}

uint64_t alignment_of(const Type* type, int depth = 0) {
  const Type* const plain = type->stripped();
  if (is_one_word(type) || depth > deepest_in_register) return go_word;
  switch (plain->kind()) {
    case TypeKind::array:
      return alignment_of(plain->target(), depth + 1);
    case TypeKind::complex:
      return std::max<uint64_t>(plain->size().value_or(0) / 2, 1);
    case TypeKind::structure: {
      uint64_t most = 1;
      for (const Member& member : plain->members())
        most = std::max(most, alignment_of(member.type, depth + 1));
      return most;
    }
    default:
      return std::clamp<uint64_t>(plain->size().value_or(go_word), 1, go_word);
  }
}

uint64_t aligned(uint64_t offset, uint64_t alignment) {
  return (offset + alignment - 1) / alignment * alignment;
}

/// Gives registers and places on the stack to values, one after the other.
class Assignment {
 public:
  /// Where a value is: in pieces, or at an offset on the stack when it has no pieces and a size.
  struct Place {
    std::vector<Piece> pieces;
    bool is_on_stack = false;
    uint64_t offset = 0;
  };

  Place add(const Type* type) {
    Place place;
    const size_t integers_before = integers_used_, vectors_before = vectors_used_;
    if (assign(type, 0, place.pieces, 0)) return place;
    integers_used_ = integers_before;
    vectors_used_ = vectors_before;
    place.pieces.clear();
    place.is_on_stack = true;
    place.offset = aligned(stack_, alignment_of(type));
    stack_ = place.offset + size_of(type);
    return place;
  }

  /// Results begin with all registers, and behind the parameters on the stack.
  void begin_results() {
    integers_used_ = vectors_used_ = 0;
    stack_ = aligned(stack_, go_word);
  }

 private:
  bool take(std::span<const std::string_view> names, size_t& used, std::vector<Piece>& pieces,
            uint64_t offset, uint64_t size) {
    if (used == names.size()) return false;
    pieces.push_back({names[used++], offset, size});
    return true;
  }

  /// @return false when there are not registers enough, or it never goes into any.
  bool assign(const Type* type, uint64_t offset, std::vector<Piece>& pieces, int depth) {
    if (depth > deepest_in_register) return false;
    const Type* const plain = type->stripped();
    const uint64_t size = size_of(type);
    if (is_one_word(type)) return take(integers, integers_used_, pieces, offset, go_word);
    switch (plain->kind()) {
      case TypeKind::floating:
        return take(vectors, vectors_used_, pieces, offset, size);
      case TypeKind::complex:
        return take(vectors, vectors_used_, pieces, offset, size / 2) &&
               take(vectors, vectors_used_, pieces, offset + size / 2, size / 2);
      case TypeKind::array:
        if (plain->count() == 0u) return true;
        return plain->count() == 1u && assign(plain->target(), offset, pieces, depth + 1);
      case TypeKind::structure: {
        const auto members = plain->members();
        return std::all_of(members.begin(), members.end(), [&](const Member& member) {
          return assign(member.type, offset + member.offset(), pieces, depth + 1);
        });
      }
      default:
        return size <= go_word && take(integers, integers_used_, pieces, offset, size);
    }
  }

  size_t integers_used_ = 0, vectors_used_ = 0;
  uint64_t stack_ = 0;
};

std::vector<Declared> declared_by(Types& types, const std::shared_ptr<const sym::Module>& module,
                                  const Dwarf_Die& function) {
  std::vector<Declared> variables;
  std::vector<Dwarf_Die> entries;
  std::unordered_set<std::string> seen;
  {
    const auto lock = module->lock();
    for_each_child(function, [&](const Dwarf_Die& child) {
      if (tag_of(child) != DW_TAG_formal_parameter) return true;
      auto result = attribute_of(child, DW_AT_variable_parameter);
      bool is_result = false;
      if (result && dwarf_formflag(&*result, &is_result) != 0) is_result = false;
      std::string name = name_of(child);
      // One that has moved to the heap is described by its pointer as well, and a result of a
      // function with deferred calls twice.
      const bool is_known = name != "_" && !seen.insert(name).second;
      if (is_known || name.starts_with('&')) return true;
      // Without a name in the source.
      if (name.starts_with('~')) name.clear();
      variables.push_back({std::move(name), nullptr, is_result});
      entries.push_back(child);
      return true;
    });
  }
  for (size_t i = 0; i < entries.size(); ++i) variables[i].type = types.type_of(module, entries[i]);
  return variables;
}

Result<Value> result_at(Target& target, const Type* type, const Assignment::Place& place,
                        const RegisterReader& registers) {
  if (place.is_on_stack) {
    const auto rsp = registers("rsp");
    if (!rsp) return tl::unexpected(rsp.error());
    uint64_t address = 0;
    std::copy_n(rsp->begin(), std::min(rsp->size(), sizeof address), bytes_of(address).begin());
    return Value::in_memory(target, type, {address + place.offset});
  }
  std::vector<std::byte> bytes(size_of(type));
  for (const Piece& piece : place.pieces) {
    const auto all = registers(piece.name);
    if (!all) return tl::unexpected(all.error());
    if (piece.offset + piece.size > bytes.size() || piece.size > all->size())
      return fail(ErrorCode::bad_data, "the description of its type makes no sense");
    std::copy_n(all->begin(), piece.size, bytes.begin() + static_cast<ptrdiff_t>(piece.offset));
  }
  return Value::of_bytes(target, type, std::move(bytes));
}

}  // namespace

std::vector<GoResult> go_results(Target& target, const std::shared_ptr<const sym::Module>& module,
                                 const Dwarf_Die& function, const RegisterReader& registers) {
  const auto variables = declared_by(target.types(), module, function);
  Assignment assignment;
  for (const Declared& variable : variables) {
    if (!variable.is_result) (void)assignment.add(variable.type);
  }
  assignment.begin_results();
  std::vector<GoResult> results;
  for (const Declared& variable : variables) {
    if (!variable.is_result) continue;
    const Assignment::Place place = assignment.add(variable.type);
    results.push_back({variable.name, result_at(target, variable.type, place, registers)});
  }
  return results;
}

}  // namespace clew::value
