#include "live/trap_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/log.h"

namespace clew::live {
namespace {

/// The longest instruction of any instruction set that clew knows.
constexpr size_t longest_instruction = 16;
constexpr uint64_t slot_area_size = uint64_t{64} * 1024;

}  // namespace

std::optional<Addr> SlotArea::take(const Trap* owner) {
  const auto free = std::find(owners_.begin(), owners_.end(), nullptr);
  if (free == owners_.end()) return std::nullopt;
  *free = owner;
  return start_ + static_cast<uint64_t>(free - owners_.begin()) * slot_size;
}

Status TrapTable::read_code(Trap& trap) {
  std::array<std::byte, longest_instruction> code{};
  const auto n = memory_.read_memory(trap.address, code);
  if (!n || *n < arch_.trap_code.size()) {
    return fail(ErrorCode::fault,
                fmt::format("no breakpoint can be set at {:#x}: there is no code there",
                            trap.address.value));
  }
  hide(trap.address, MutableBytes(code).first(*n));
  const Bytes now = Bytes(code).first(*n);
  if (std::equal(now.begin(), now.end(), trap.code.begin(), trap.code.end())) return {};
  trap.code.assign(now.begin(), now.end());
  free_slot(trap);  // a copy of what was there before
  return {};
}

Status TrapTable::add(Addr address) {
  auto found = traps_.find(address.value);
  if (found == traps_.end()) {
    auto fresh = std::make_unique<Trap>();
    fresh->address = address;
    if (auto read = read_code(*fresh); !read) return read;
    found = traps_.emplace(address.value, std::move(fresh)).first;
  }
  ++found->second->users;
  return {};
}

void TrapTable::free_slot(Trap& trap) {
  if (!trap.slot) return;
  for (SlotArea& area : areas_) {
    if (area.contains(*trap.slot)) area.give_back(*trap.slot);
  }
  trap.slot.reset();
}

void TrapTable::remove(Addr address) {
  const auto found = traps_.find(address.value);
  if (found == traps_.end() || --found->second->users > 0) return;
  free_slot(*found->second);
  traps_.erase(found);
}

void TrapTable::forget() {
  traps_.clear();
  patched_.clear();
  areas_.clear();
  inserted_ = false;
}

const Trap* TrapTable::find_patched(Addr address) const {
  const auto found = patched_.find(address.value);
  return found == patched_.end() ? nullptr : found->second;
}

const Trap* TrapTable::find(Addr address) const {
  const auto found = traps_.find(address.value);
  return found == traps_.end() ? nullptr : found->second.get();
}

std::vector<const Trap*> TrapTable::all() const {
  std::vector<const Trap*> all;
  all.reserve(traps_.size());
  for (const auto& [address, trap] : traps_) all.push_back(trap.get());
  return all;
}

void TrapTable::prepare(std::optional<pid_t> held, const MapPages& map_pages) {
  for (auto& [address, trap] : traps_) {
    // Read anew each time: a page may have been changed, or mapped again, since.
    trap->readable = read_code(*trap).has_value();
    if (trap->readable && !trap->slot) prepare_slot(*trap, held, map_pages);
  }
}

void TrapTable::prepare_also(Addr address, std::optional<pid_t> held, const MapPages& map_pages) {
  Trap& trap = *traps_.at(address.value);
  trap.readable = true;
  if (!trap.slot) prepare_slot(trap, held, map_pages);
}

Status TrapTable::patch(Trap& trap, std::optional<pid_t> held) {
  if (!trap.readable) {
    return fail(ErrorCode::fault,
                fmt::format("there is no code at {:#x} any more", trap.address.value));
  }
  if (auto written = memory_.write_memory(trap.address, arch_.trap_code, held); !written)
    return written;
  trap.patched = true;
  patched_[trap.address.value] = &trap;
  return {};
}

Status TrapTable::insert(std::optional<pid_t> held) {
  Status first_failure;
  inserted_ = true;
  for (auto& [address, trap] : traps_) {
    const Status patched = patch(*trap, held);
    if (!patched && first_failure) first_failure = patched;
  }
  return first_failure;
}

Status TrapTable::insert_also(Addr address, std::optional<pid_t> held) {
  return patch(*traps_.at(address.value), held);
}

void TrapTable::lift(std::optional<pid_t> held) {
  std::vector<std::byte> now(arch_.trap_code.size());
  for (auto& [address, trap] : traps_) {
    if (!trap->patched) continue;
    trap->patched = false;
    const bool readable = memory_.read_exactly(trap->address, now).has_value();
    if (!readable || !std::equal(now.begin(), now.end(), arch_.trap_code.begin())) {
      log(LogArea::engine, "the trap at {:#x} is gone: the target has changed its text", address);
      continue;
    }
    (void)memory_.write_memory(trap->address, original(*trap), held);
  }
  patched_.clear();
  inserted_ = false;
}

void TrapTable::clean_copy(MemoryPort& copy, pid_t held) const {
  for (const auto& [address, trap] : traps_) {
    if (trap->patched) (void)copy.write_memory(trap->address, original(*trap), held);
  }
}

void TrapTable::hide(Addr start, MutableBytes bytes) const {
  if (!inserted_) return;
  const uint64_t reach = arch_.trap_code.size() - 1;
  auto i = traps_.lower_bound(start.value - std::min(start.value, reach));
  for (; i != traps_.end() && i->first < start.value + bytes.size(); ++i) {
    const Trap& trap = *i->second;
    if (!trap.patched) continue;
    const Bytes own = original(trap);
    for (size_t k = 0; k < own.size(); ++k) {
      const uint64_t at = i->first + k - start.value;
      if (at < bytes.size()) bytes[at] = own[k];
    }
  }
}

void TrapTable::write_through(Addr start, std::vector<std::byte>& bytes) {
  if (!inserted_) return;
  for (auto& [address, trap] : traps_) {
    if (!trap->patched) continue;
    for (size_t k = 0; k < arch_.trap_code.size(); ++k) {
      const uint64_t at = address + k - start.value;
      if (at >= bytes.size()) continue;
      trap->code[k] = bytes[at];
      bytes[at] = arch_.trap_code[k];
    }
  }
}

const Trap* TrapTable::slot_owner(Addr address) const {
  for (const SlotArea& area : areas_) {
    if (area.contains(address)) return area.owner(address);
  }
  return nullptr;
}

bool TrapTable::prepare_slot(Trap& trap, std::optional<pid_t> held, const MapPages& map_pages) {
  for (SlotArea& area : areas_) {
    const auto slot = area.take(&trap);
    if (!slot) continue;
    if (fill_slot(trap, *slot, held)) return true;
    area.give_back(*slot);
  }
  const auto start = map_pages(trap.address, slot_area_size);
  if (!start) {
    log(LogArea::engine, "no slots near {:#x}: {}", trap.address.value, start.error().text);
    return false;
  }
  areas_.emplace_back(*start, slot_area_size);
  const auto slot = areas_.back().take(&trap);
  if (fill_slot(trap, *slot, held)) return true;
  areas_.back().give_back(*slot);
  return false;
}

bool TrapTable::fill_slot(Trap& trap, Addr slot, std::optional<pid_t> held) {
  auto copy = arch::displace(trap.code, trap.address, slot);
  if (!copy) return false;
  if (!memory_.write_memory(slot, copy->code, held)) return false;
  trap.copy = std::move(*copy);
  trap.slot = slot;
  return true;
}

}  // namespace clew::live
