#include "live/safety_net.h"

#include <fmt/format.h>
#include <sys/mman.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>

#include "base/log.h"

namespace clew::live {
namespace {

// The data page: the header, then room for two actions to be handed to the kernel, then nothing.
constexpr uint64_t new_action_offset = 512;
constexpr uint64_t old_action_offset = 576;
constexpr uint64_t own_size = uint64_t{2} * net::page_size;
constexpr uint64_t mask_size = 8;

bool is_error(int64_t result) { return result < 0 && result > -4096; }

/// The one result of one call. @return unavailable with `what` when the kernel has refused it.
Result<uint64_t> made(const Result<std::vector<int64_t>>& results, std::string_view what) {
  if (!results) return tl::unexpected(results.error());
  if (results->empty()) return fail(ErrorCode::internal, "a call in the target gave no result");
  const int64_t result = results->back();
  if (is_error(result)) {
    return fail(ErrorCode::unavailable, static_cast<int>(-result),
                fmt::format("{}: {}", what, errno_text(static_cast<int>(-result))));
  }
  return static_cast<uint64_t>(result);
}

TargetCall map_call(const arch::Arch& arch, uint64_t hint, uint64_t size, uint64_t protection,
                    uint64_t flags) {
  return {arch.mmap_call, {hint, size, protection, flags, ~uint64_t{0}, 0}};
}

net::Trap entry_of(const Trap& trap) {
  net::Trap entry{};
  entry.address = trap.address.value;
  entry.slot = trap.slot.value_or(Addr{}).value;
  entry.original = std::to_integer<uint8_t>(trap.code.front());
  entry.protection = PROT_READ | PROT_EXEC;
  return entry;
}

/// Of the tids that are in front of the traps in the table.
uint64_t tids_size(size_t tids) {
  const uint64_t size = tids * sizeof(int32_t);
  return (size + alignof(net::Trap) - 1) & ~uint64_t{alignof(net::Trap) - 1};
}

}  // namespace

Status SafetyNet::install(const CallTarget& call, std::optional<pid_t> held, bool without_calls) {
  if (is_installed()) return {};
  if (auto mapped = map(call); !mapped) return mapped;
  header_ = {};
  header_.magic = net::magic;
  header_.flags = without_calls ? uint32_t{net::no_system_calls} : 0;
  header_.slot_size = SlotArea::slot_size;
  std::memcpy(header_.memory_path, net::memory_file, sizeof net::memory_file);
  Status done = write(*base_, net::code(), held);
  if (done) done = write(*base_ + net::page_size, bytes_of(header_), held);
  if (done) done = read_former(call);
  if (done) done = write(*base_ + net::page_size, bytes_of(header_), held);
  if (done) done = install_handler(call);
  if (!done) {
    const TargetCall unmap{arch_.munmap_call, {base_->value, own_size}};
    (void)call(std::span(&unmap, 1));
    base_.reset();
  }
  return done;
}

Status SafetyNet::map(const CallTarget& call) {
  // One mapping for both, and then rights of their own: nothing can come between them.
  const auto start = made(call(std::array{map_call(arch_, 0, own_size, PROT_READ | PROT_WRITE,
                                                   MAP_PRIVATE | MAP_ANONYMOUS)}),
                          "the target cannot map pages for the safety net");
  if (!start) return tl::unexpected(start.error());
  const auto code =
      made(call(std::array{map_call(arch_, *start, net::page_size, PROT_READ | PROT_EXEC,
                                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED)}),
           "the target cannot map code for the safety net");
  if (!code) {
    const TargetCall unmap{arch_.munmap_call, {*start, own_size}};
    (void)call(std::span(&unmap, 1));
    return tl::unexpected(code.error());
  }
  base_ = Addr{*start};
  return {};
}

TargetCall SafetyNet::action_call(uint64_t new_action, uint64_t old_action) const {
  const uint64_t data = base_->value + net::page_size;
  return {arch_.sigaction_call,
          {SIGTRAP, new_action == 0 ? 0 : data + new_action,
           old_action == 0 ? 0 : data + old_action, mask_size}};
}

Status SafetyNet::read_former(const CallTarget& call) {
  const TargetCall ask = action_call(0, old_action_offset);
  if (auto asked = made(call(std::span(&ask, 1)), "cannot look up the action of SIGTRAP"); !asked)
    return tl::unexpected(asked.error());
  const auto former = memory_.read<net::SignalAction>(*base_ + net::page_size + old_action_offset);
  if (!former) return tl::unexpected(former.error());
  header_.former = *former;
  return {};
}

Status SafetyNet::install_handler(const CallTarget& call) {
  const net::SignalAction action = net::action_over(header_.former, *base_);
  if (auto written = write(*base_ + net::page_size + new_action_offset, bytes_of(action), {});
      !written)
    return written;
  const TargetCall set = action_call(new_action_offset, 0);
  if (auto done = made(call(std::span(&set, 1)), "cannot install the safety net's handler"); !done)
    return tl::unexpected(done.error());
  return {};
}

Status SafetyNet::make_room(size_t traps, size_t tids, const CallTarget& call) {
  const uint64_t needed = tids_size(tids) + traps * sizeof(net::Trap);
  if (needed <= table_.size) return {};
  const uint64_t size = (std::max(needed * 2, uint64_t{net::page_size}) + net::page_size - 1) &
                        ~uint64_t{net::page_size - 1};
  if (table_.size > 0) {
    const TargetCall unmap{arch_.munmap_call, {table_.start.value, table_.size}};
    (void)call(std::span(&unmap, 1));
    table_ = {};
  }
  const auto start = made(call(std::array{map_call(arch_, 0, size, PROT_READ | PROT_WRITE,
                                                   MAP_PRIVATE | MAP_ANONYMOUS)}),
                          "the target cannot map the table of traps");
  if (!start) return tl::unexpected(start.error());
  table_ = {{*start}, size};
  return {};
}

Status SafetyNet::publish(const TrapTable& traps, std::span<const pid_t> unblocked,
                          const CallTarget& call, std::optional<pid_t> held) {
  const std::vector<const Trap*> all = traps.all();
  if (auto room = make_room(all.size(), unblocked.size(), call); !room) return room;
  std::vector<net::Trap> entries;
  entries.reserve(all.size());
  for (const Trap* trap : all) entries.push_back(entry_of(*trap));
  header_.state = net::armed;
  header_.unblocked = table_.start.value;
  header_.unblocked_count = static_cast<uint32_t>(unblocked.size());
  header_.traps = table_.start.value + tids_size(unblocked.size());
  header_.trap_count = static_cast<uint32_t>(entries.size());
  Status done = write({header_.traps}, std::as_bytes(std::span(entries)), held);
  if (done) done = write({header_.unblocked}, std::as_bytes(unblocked), held);
  if (done) done = write(*base_ + net::page_size, bytes_of(header_), held);
  published_ = done ? entries.size() : 0;
  return done;
}

Status SafetyNet::publish_also(const Trap& trap, std::optional<pid_t> held) {
  const Addr at{header_.traps + published_ * sizeof(net::Trap)};
  if (published_ == 0 || at + sizeof(net::Trap) > table_.start + table_.size)
    return fail(ErrorCode::unavailable, "there is no room in the table of traps");
  // In this order, so that the table is good whenever clew dies.
  const auto count = static_cast<uint32_t>(published_ + 1);
  Status done = write(at, bytes_of(entry_of(trap)), held);
  if (done)
    done =
        write(*base_ + net::page_size + offsetof(net::Header, trap_count), bytes_of(count), held);
  if (done) published_ = count;
  return done;
}

void SafetyNet::withdraw(std::optional<pid_t> held) {
  if (!is_installed() || published_ == 0) return;
  published_ = 0;
  // What the target has set itself since then is not overwritten: only the numbers.
  const uint32_t none = 0;
  const Addr header = *base_ + net::page_size;
  (void)write(header + offsetof(net::Header, trap_count), bytes_of(none), held);
  (void)write(header + offsetof(net::Header, unblocked_count), bytes_of(none), held);
}

std::vector<TargetCall> SafetyNet::removal(const TrapTable& traps) const {
  std::vector<TargetCall> calls{action_call(new_action_offset, 0)};
  for (const SlotArea& area : traps.areas())
    calls.push_back({arch_.munmap_call, {area.start().value, area.size()}});
  if (table_.size > 0) calls.push_back({arch_.munmap_call, {table_.start.value, table_.size}});
  const bool has_handler = header_.former.handler > 1;
  if (!has_handler) calls.push_back({arch_.munmap_call, {base_->value, own_size}});
  return calls;
}

std::vector<TargetCall> SafetyNet::prepare_copy(MemoryPort& copy, const TrapTable& traps) const {
  (void)copy.write_memory(*base_ + net::page_size + new_action_offset, bytes_of(header_.former),
                          {});
  return removal(traps);
}

void SafetyNet::remove(const TrapTable& traps, const CallTarget& call) {
  if (!is_installed()) return;
  const TargetCall ask = action_call(0, old_action_offset);
  const auto asked = call(std::span(&ask, 1));
  const Addr data = *base_ + net::page_size;
  const auto now = memory_.read<net::SignalAction>(data + old_action_offset);
  // The net itself resets the former action where that had SA_RESETHAND.
  if (const auto header = memory_.read<net::Header>(data)) header_.former = header->former;
  std::vector<TargetCall> calls = removal(traps);
  if (!asked || !now || !net::is_action_of_net(*now, *base_)) {
    calls.erase(calls.begin());  // the program has set another action since
  } else if (!write(data + new_action_offset, bytes_of(header_.former), {})) {
    return;
  }
  const auto removed = call(calls);
  if (!removed) log(LogArea::engine, "the safety net stays: {}", removed.error().text);
  forget();
}

void SafetyNet::forget() {
  base_.reset();
  table_ = {};
  published_ = 0;
}

}  // namespace clew::live
