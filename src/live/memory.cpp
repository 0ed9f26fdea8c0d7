#include "live/memory.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace clew::live {

namespace {

/// The memory of a process of which clew keeps nothing else.
class ChildMemory final : public MemoryPort {
 public:
  ChildMemory(os::ProcDir proc, PtracePort& ptrace)
      : proc_(std::move(proc)), memory_(proc_, ptrace) {}

  Result<size_t> read_memory(Addr address, MutableBytes into) override {
    return memory_.read_memory(address, into);
  }
  Status write_memory(Addr address, Bytes data, std::optional<pid_t> held_tid) override {
    return memory_.write_memory(address, data, held_tid);
  }
  Result<std::vector<os::Mapping>> mappings() override { return memory_.mappings(); }
  std::unique_ptr<MemoryPort> of_child(pid_t pid) override { return memory_.of_child(pid); }
  void renew() override { memory_.renew(); }

 private:
  os::ProcDir proc_;
  Memory memory_;
};

}  // namespace

std::unique_ptr<MemoryPort> Memory::of_child(pid_t pid) {
  auto proc = os::ProcDir::open(pid);
  if (!proc) return nullptr;
  return std::make_unique<ChildMemory>(std::move(*proc), ptrace_);
}

Status Memory::open() {
  if (fd_) return {};
  auto fd = proc_.open_file("mem", O_RDWR);
  if (!fd)
    return fail(fd.error().code, fd.error().sys_errno,
                "cannot open the target's memory: " + fd.error().text);
  fd_ = std::move(*fd);
  return {};
}

Result<size_t> Memory::read_memory(Addr address, MutableBytes into) {
  if (auto opened = open(); !opened) return tl::unexpected(opened.error());
  size_t done = 0;
  while (done < into.size()) {
    const uint64_t at = address.value + done;
    const ssize_t n =
        ::pread64(fd_.value(), into.data() + done, into.size() - done, static_cast<off64_t>(at));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) break;
    done += static_cast<size_t>(n);
  }
  if (done == 0 && !into.empty()) {
    return fail(ErrorCode::fault, EFAULT,
                fmt::format("there is no readable memory at {:#x}", address.value));
  }
  return done;
}

Status Memory::write_memory(Addr address, Bytes data, std::optional<pid_t> held_tid) {
  if (auto opened = open(); !opened) return opened;
  size_t done = 0;
  while (done < data.size()) {
    const ssize_t n = ::pwrite64(fd_.value(), data.data() + done, data.size() - done,
                                 static_cast<off64_t>(address.value + done));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) break;
    done += static_cast<size_t>(n);
  }
  if (done == data.size()) return {};
  if (held_tid) return write_words(address + done, data.subspan(done), *held_tid);
  return fail(ErrorCode::fault, EFAULT,
              fmt::format("there is no writable memory at {:#x}", address.value + done));
}

Status Memory::write_words(Addr address, Bytes data, pid_t tid) {
  while (!data.empty()) {
    // A word that is written only in part keeps its other bytes.
    uint64_t word = 0;
    if (const auto old = read_memory(address, bytes_of(word)); !old || *old != sizeof word) {
      return fail(ErrorCode::fault, EFAULT,
                  fmt::format("there is no writable memory at {:#x}", address.value));
    }
    const size_t n = std::min(sizeof word, data.size());
    std::copy_n(data.begin(), n, bytes_of(word).begin());
    const PortResult result = ptrace_.write_word(tid, address.value, word);
    if (!result.is_ok()) {
      return fail(ErrorCode::fault, result.error,
                  fmt::format("the memory at {:#x} cannot be written", address.value));
    }
    address = address + n;
    data = data.subspan(n);
  }
  return {};
}

}  // namespace clew::live
