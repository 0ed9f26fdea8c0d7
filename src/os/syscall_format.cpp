#include "os/syscall_format.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/futex.h>
#include <sys/syscall.h>

#include <algorithm>
#include <string_view>
#include <utility>

#include "os/signal_names.h"
#include "os/syscall_flags.h"
#include "os/syscall_memory.h"
#include "os/syscall_table.h"

namespace clew::os {
namespace {

std::string format_hex(uint64_t value) { return value == 0 ? "0" : fmt::format("{:#x}", value); }

std::string format_signal(uint64_t value) {
  // kill(2) takes 0 for "is it there?".
  const auto number = int32_t(value);
  return number >= 1 && number <= 64 ? signal_name(number) : fmt::format("{}", number);
}

/// Shows one call. The arguments that a call really uses can depend on the first ones (futex,
/// fcntl, open), so each writer appends what it decides to.
class CallText {
 public:
  CallText(const SyscallCall& call, const SyscallLookups& lookups)
      : call_(call), memory_(lookups) {}

  std::string build() {
    const SyscallInfo* info = find_syscall(call_.number);
    if (info == nullptr) {
      // The kernel's type is signed: -1 is what a tracer writes to cancel a call.
      text_ = fmt::format("syscall_{}(", int64_t(call_.number));
      for (const uint64_t value : call_.args) add(format_hex(value));
    } else {
      text_ = fmt::format("{}(", info->name);
      if (call_.number == SYS_futex) {
        add_futex();
      } else {
        for (size_t i = 0; i < info->arg_count(); ++i) add_argument(info->args[i], i);
      }
    }
    return std::move(text_) + ')';
  }

 private:
  void add(std::string_view argument) {
    if (text_.back() != '(') text_ += ", ";
    text_ += argument;
  }

  void add_argument(ArgKind kind, size_t index) {
    if (kind == ArgKind::open_mode) {
      add_open_mode(index);
    } else if (kind == ArgKind::fcntl_arg) {
      add_fcntl_argument(index);
    } else {
      add(argument(kind, index));
    }
  }

  std::string argument(ArgKind kind, size_t index) const;
  std::string memory_argument(ArgKind kind, size_t index) const;
  void add_open_mode(size_t index);
  void add_fcntl_argument(size_t index);
  void add_futex();

  const SyscallCall& call_;
  SyscallMemory memory_;
  std::string text_;
};

std::string CallText::argument(ArgKind kind, size_t index) const {
  const uint64_t value = call_.args[index];
  switch (kind) {
    case ArgKind::integer:
    case ArgKind::pid:
      return fmt::format("{}", int32_t(value));
    case ArgKind::uinteger:
      return fmt::format("{}", uint32_t(value));
    case ArgKind::size:
      return fmt::format("{}", value);
    case ArgKind::offset:
      return fmt::format("{}", int64_t(value));
    case ArgKind::hex:
      return format_hex(value);
    case ArgKind::mode:
      return fmt::format("{:#o}", uint32_t(value));
    case ArgKind::signal:
      return format_signal(value);
    case ArgKind::fd:
      return memory_.fd(int32_t(value));
    case ArgKind::dirfd:
      return int32_t(value) == AT_FDCWD ? "AT_FDCWD" : memory_.fd(int32_t(value));
    case ArgKind::clone_flags: {
      std::string flags = format_named(*named_set(kind), value & ~0xffULL);
      const uint64_t exit_signal = value & 0xff;
      if (exit_signal == 0) return flags;
      return flags == "0" ? format_signal(exit_signal) : flags + "|" + format_signal(exit_signal);
    }
    default:
      if (const NamedSet* set = named_set(kind)) return format_named(*set, value);
      return memory_argument(kind, index);
  }
}

std::string CallText::memory_argument(ArgKind kind, size_t index) const {
  const uint64_t address = call_.args[index];
  const uint64_t next = index + 1 < call_.args.size() ? call_.args[index + 1] : 0;
  switch (kind) {
    case ArgKind::string:
    case ArgKind::path:
      return memory_.text(address);
    case ArgKind::bytes_in:
      return memory_.bytes(address, next);
    case ArgKind::timespec_in:
      return memory_.timespec(address);
    case ArgKind::timeval_in:
      return memory_.timeval(address);
    case ArgKind::sigset_in:
      return memory_.sigset(address);
    case ArgKind::fd_set_in:
      return memory_.fd_set(address, int32_t(call_.args[0]));
    case ArgKind::sockaddr_in:
      return memory_.socket_address(address, int32_t(next));
    case ArgKind::poll_fds_in:
      return memory_.poll_fds(address, uint32_t(next));
    case ArgKind::iovec_in:
      return memory_.io_vectors(address, next, true);
    case ArgKind::iovec_out:
      return memory_.io_vectors(address, next, false);
    case ArgKind::sembufs_in:
      return memory_.semaphore_operations(address, uint32_t(next));
    case ArgKind::futex_waiters_in:
      return memory_.futex_waiters(address, uint32_t(next));
    case ArgKind::epoll_event_in:
      return memory_.epoll_event(address);
    default:
      return format_pointer(address);
  }
}

void CallText::add_open_mode(size_t index) {
  // Without these flags the caller need not pass a mode, and the register holds anything (open(2)).
  const uint64_t flags = call_.args[index - 1];
  const bool creates = (flags & O_CREAT) != 0 || (flags & O_TMPFILE) == O_TMPFILE;
  if (creates) add(argument(ArgKind::mode, index));
}

void CallText::add_fcntl_argument(size_t index) {
  const uint64_t value = call_.args[index];
  switch (int32_t(call_.args[index - 1])) {
    case F_GETFD:
    case F_GETFL:
    case F_GETOWN:
    case F_GETSIG:
    case F_GETLEASE:
    case F_GETPIPE_SZ:
    case F_GET_SEALS:
      return;  // these take no argument
    case F_SETFD:
      return add(value == FD_CLOEXEC ? "FD_CLOEXEC" : format_hex(value));
    case F_SETFL:
      return add(argument(ArgKind::open_flags, index));
    case F_DUPFD:
    case F_DUPFD_CLOEXEC:
    case F_SETOWN:
    case F_SETPIPE_SZ:
      return add(argument(ArgKind::integer, index));
    case F_SETSIG:
      return add(argument(ArgKind::signal, index));
    case F_SETLEASE:
      return add(argument(ArgKind::lock_type, index));
    case F_GETLK:
    case F_SETLK:
    case F_SETLKW:
    case F_OFD_GETLK:
    case F_OFD_SETLK:
    case F_OFD_SETLKW:
      return add(memory_.file_lock(value));
    default:
      return add(format_hex(value));
  }
}

/// Which arguments an operation of futex(2) uses besides the address and itself. The fourth is a
/// timeout for some and a second count for others.
struct FutexOperation {
  enum class Last : uint8_t { none, address, address_and_value, bitset };
  std::string_view name;
  bool has_value;
  bool has_timeout;
  bool has_second_count;
  Last last;
};

using Last = FutexOperation::Last;
constexpr FutexOperation futex_operations[] = {
    {"FUTEX_WAIT", true, true, false, Last::none},
    {"FUTEX_WAKE", true, false, false, Last::none},
    {"FUTEX_FD", true, false, false, Last::none},
    {"FUTEX_REQUEUE", true, false, true, Last::address},
    {"FUTEX_CMP_REQUEUE", true, false, true, Last::address_and_value},
    {"FUTEX_WAKE_OP", true, false, true, Last::address_and_value},
    {"FUTEX_LOCK_PI", false, true, false, Last::none},
    {"FUTEX_UNLOCK_PI", false, false, false, Last::none},
    {"FUTEX_TRYLOCK_PI", false, false, false, Last::none},
    {"FUTEX_WAIT_BITSET", true, true, false, Last::bitset},
    {"FUTEX_WAKE_BITSET", true, false, false, Last::bitset},
    {"FUTEX_WAIT_REQUEUE_PI", true, true, false, Last::address},
    {"FUTEX_CMP_REQUEUE_PI", true, false, true, Last::address_and_value},
    {"FUTEX_LOCK_PI2", false, true, false, Last::none},
};
static_assert(std::size(futex_operations) == FUTEX_LOCK_PI2 + 1);

std::string futex_operation_name(std::string_view name, uint32_t operation) {
  std::string text(name);
  if ((operation & FUTEX_PRIVATE_FLAG) != 0) text += "_PRIVATE";
  if ((operation & FUTEX_CLOCK_REALTIME) != 0) text += "|FUTEX_CLOCK_REALTIME";
  return text;
}

void CallText::add_futex() {
  const auto operation = uint32_t(call_.args[1]);
  const uint32_t command = operation & uint32_t(FUTEX_CMD_MASK);
  add(format_pointer(call_.args[0]));
  if (command >= std::size(futex_operations)) {
    for (size_t i = 1; i < call_.args.size(); ++i) add(format_hex(call_.args[i]));
    return;
  }
  const FutexOperation& form = futex_operations[command];
  add(futex_operation_name(form.name, operation));
  if (form.has_value) add(argument(ArgKind::uinteger, 2));
  if (form.has_timeout) add(argument(ArgKind::timespec_in, 3));
  if (form.has_second_count) add(argument(ArgKind::uinteger, 3));
  const auto value3 = uint32_t(call_.args[5]);
  switch (form.last) {
    case Last::none:
      break;
    case Last::address:
      add(format_pointer(call_.args[4]));
      break;
    case Last::address_and_value:
      add(format_pointer(call_.args[4]));
      // FUTEX_WAKE_OP packs an operation into bit fields, for the others it is the expected value.
      add(command == FUTEX_WAKE_OP ? format_hex(value3) : fmt::format("{}", value3));
      break;
    case Last::bitset:
      // "Any bit" is what the C library passes; naming it each time would only cost width.
      if (value3 != FUTEX_BITSET_MATCH_ANY) add(format_hex(value3));
      break;
  }
}

bool is_continuation_byte(char c) { return (static_cast<unsigned char>(c) & 0xc0) == 0x80; }

/// @return the start of `text` that takes at most `columns`, whole characters only.
std::string_view first_columns(std::string_view text, size_t columns) {
  size_t end = 0;
  while (end < text.size()) {
    if (!is_continuation_byte(text[end]) && columns-- == 0) break;
    ++end;
  }
  return text.substr(0, end);
}

std::string fit(std::string text, size_t max_width) {
  if (max_width == 0 || first_columns(text, max_width).size() == text.size()) return text;
  // Without room for the bracket and something inside it, only the start of the name is shown.
  const size_t bracket = text.find('(');
  if (max_width < bracket + 3)
    return fmt::format("{}{}", first_columns(text, max_width - 1), ellipsis);
  std::string_view kept = first_columns(text, max_width - 2);
  if (kept.ends_with(ellipsis)) kept.remove_suffix(ellipsis.size());
  return fmt::format("{}{})", kept, ellipsis);
}

}  // namespace

std::string format_syscall(const SyscallCall& call, const SyscallLookups& lookups,
                           size_t max_width) {
  return fit(CallText(call, lookups).build(), max_width);
}

}  // namespace clew::os
