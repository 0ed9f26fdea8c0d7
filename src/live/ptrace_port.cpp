#include "live/ptrace_port.h"

#include <fmt/format.h>
#include <sys/ptrace.h>
#include <sys/uio.h>

#include <string_view>

#include "base/log.h"
#include "live/tick.h"

namespace clew::live {
namespace {

template <typename Address, typename Data>
PortResult call(__ptrace_request request, std::string_view name, pid_t tid, Address address,
                Data data) {
  errno = 0;
  const long answer = ::ptrace(request, tid, address, data);
  const PortResult result{answer == -1 ? errno : 0};
  log(LogArea::ptrace, "{} {} -> {}", name, tid, result.error);
  return result;
}

/// ptrace(2) takes numbers as pointers.
void* as_data(unsigned long number) {
  return reinterpret_cast<void*>(number);  // NOLINT(performance-no-int-to-ptr)
}
void* as_data(int signal) { return as_data(static_cast<unsigned long>(signal)); }

class SystemPtracePort final : public PtracePort {
 public:
  PortResult seize(pid_t tid, unsigned options) override {
    const PortResult result = escapable_seize(tid, options);
    log(LogArea::ptrace, "SEIZE {} -> {}", tid, result.error);
    return result;
  }
  PortResult interrupt(pid_t tid) override {
    return call(PTRACE_INTERRUPT, "INTERRUPT", tid, nullptr, nullptr);
  }
  PortResult resume(pid_t tid, int signal) override {
    return call(PTRACE_CONT, "CONT", tid, nullptr, as_data(signal));
  }
  PortResult step(pid_t tid, int signal) override {
    return call(PTRACE_SINGLESTEP, "SINGLESTEP", tid, nullptr, as_data(signal));
  }
  PortResult resume_to_syscall(pid_t tid, int signal) override {
    return call(PTRACE_SYSCALL, "SYSCALL", tid, nullptr, as_data(signal));
  }
  PortResult call_info(pid_t tid, bool& is_entry) override {
    __ptrace_syscall_info info{};
    const PortResult result =
        call(PTRACE_GET_SYSCALL_INFO, "GET_SYSCALL_INFO", tid, as_data(sizeof info), &info);
    is_entry = info.op == PTRACE_SYSCALL_INFO_ENTRY;
    return result;
  }
  PortResult set_options(pid_t tid, unsigned options) override {
    return call(PTRACE_SETOPTIONS, "SETOPTIONS", tid, nullptr,
                as_data(static_cast<unsigned long>(options)));
  }
  PortResult listen(pid_t tid) override {
    return call(PTRACE_LISTEN, "LISTEN", tid, nullptr, nullptr);
  }
  PortResult detach(pid_t tid, int signal) override {
    return call(PTRACE_DETACH, "DETACH", tid, nullptr, as_data(signal));
  }
  PortResult event_message(pid_t tid, uint64_t& message) override {
    unsigned long word = 0;
    const PortResult result = call(PTRACE_GETEVENTMSG, "GETEVENTMSG", tid, nullptr, &word);
    message = word;
    return result;
  }
  PortResult signal_info(pid_t tid, siginfo_t& info) override {
    return call(PTRACE_GETSIGINFO, "GETSIGINFO", tid, nullptr, &info);
  }
  PortResult set_signal_info(pid_t tid, const siginfo_t& info) override {
    siginfo_t copy = info;
    return call(PTRACE_SETSIGINFO, "SETSIGINFO", tid, nullptr, &copy);
  }
  PortResult pending_signals(pid_t tid, std::span<siginfo_t> into, size_t& count) override {
    __ptrace_peeksiginfo_args arguments{};
    arguments.nr = static_cast<int>(into.size());
    errno = 0;
    const long answer = ::ptrace(PTRACE_PEEKSIGINFO, tid, &arguments, into.data());
    count = answer > 0 ? static_cast<size_t>(answer) : 0;
    return {answer < 0 ? errno : 0};
  }
  PortResult signal_mask(pid_t tid, uint64_t& mask) override {
    return call(PTRACE_GETSIGMASK, "GETSIGMASK", tid, sizeof mask, &mask);
  }
  PortResult set_signal_mask(pid_t tid, uint64_t mask) override {
    return call(PTRACE_SETSIGMASK, "SETSIGMASK", tid, sizeof mask, &mask);
  }
  PortResult read_registers(pid_t tid, unsigned set, MutableBytes into, size_t& size) override {
    iovec vec{into.data(), into.size()};
    const PortResult result = call(PTRACE_GETREGSET, "GETREGSET", tid, set, &vec);
    size = vec.iov_len;
    return result;
  }
  PortResult write_registers(pid_t tid, unsigned set, Bytes from) override {
    iovec vec{const_cast<std::byte*>(from.data()), from.size()};
    return call(PTRACE_SETREGSET, "SETREGSET", tid, set, &vec);
  }
  PortResult read_user(pid_t tid, size_t offset, uint64_t& word) override {
    // The library's wrapper returns the word itself, so that -1 is an error only when errno says
    // so.
    errno = 0;
    const long answer = ::ptrace(PTRACE_PEEKUSER, tid, offset, nullptr);
    word = static_cast<uint64_t>(answer);
    return {answer == -1 ? errno : 0};
  }
  PortResult write_user(pid_t tid, size_t offset, uint64_t word) override {
    return call(PTRACE_POKEUSER, "POKEUSER", tid, offset, word);
  }
  PortResult write_word(pid_t tid, uint64_t address, uint64_t word) override {
    return call(PTRACE_POKEDATA, "POKEDATA", tid, address, word);
  }
};

}  // namespace

std::unique_ptr<PtracePort> system_ptrace_port() { return std::make_unique<SystemPtracePort>(); }

}  // namespace clew::live
