#include "net_in_self.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <stdexcept>

#include "arch/displace.h"

namespace clew::test {
namespace {

using live::net::Header;
using live::net::page_size;
using live::net::SignalAction;
using live::net::Trap;

constexpr size_t slot_size = 64;
constexpr size_t table_room = 16 * page_size;
constexpr size_t slots_room = 16 * page_size;
constexpr size_t total = page_size + table_room + slots_room;

std::byte* at(Addr where) {
  return reinterpret_cast<std::byte*>(where.value);  // NOLINT(performance-no-int-to-ptr)
}

void write_text(int file, Addr where, std::byte byte) {
  if (pwrite(file, &byte, 1, static_cast<off_t>(where.value)) != 1) {
    throw std::runtime_error("the text cannot be written");
  }
}

/// Free memory below this program's text.
std::byte* map_near() {
  const auto text = reinterpret_cast<uint64_t>(&map_near) & ~uint64_t{page_size - 1};
  for (uint64_t distance = 1 << 24; distance < 1U << 30; distance += 1 << 20) {
    void* got = mmap(at(Addr{text - distance}), total, PROT_READ | PROT_WRITE | PROT_EXEC,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
    if (got != MAP_FAILED) return static_cast<std::byte*>(got);
  }
  throw std::runtime_error("no room near the text");
}

}  // namespace

NetInSelf::NetInSelf() : file_(open("/proc/self/mem", O_RDWR | O_CLOEXEC)) {
  std::byte* memory = map_near();
  base_ = Addr{reinterpret_cast<uint64_t>(memory)};
  slots_ = base_ + page_size + table_room;
  std::memcpy(memory, live::net::code().data(), live::net::code().size());
  mprotect(memory, page_size, PROT_READ | PROT_EXEC);
  header_ = new (memory + page_size) Header{};
  traps_ = reinterpret_cast<Trap*>(memory + page_size + sizeof(Header));
  header_->magic = live::net::magic;
  header_->traps = reinterpret_cast<uint64_t>(traps_);
  header_->slot_size = slot_size;
  std::memcpy(header_->memory_path, live::net::memory_file, sizeof live::net::memory_file);
}

void NetInSelf::add_function(void (*function)()) {
  Addr address{reinterpret_cast<uint64_t>(function)};
  for (;;) {
    const Bytes code(at(address), 16);
    const Addr slot = slots_ + header_->trap_count * slot_size;
    const auto displaced = arch::displace(code, address, slot);
    if (!displaced) throw std::runtime_error(displaced.error().text);
    std::memcpy(at(slot), displaced->code.data(), displaced->code.size());
    Trap& trap = traps_[header_->trap_count++];
    trap = {
        address.value, slot.value, static_cast<uint8_t>(code[0]), PROT_READ | PROT_EXEC, 0, 1, 0};
    if (displaced->info.is_return) return;
    address = address + displaced->info.length;
  }
}

void NetInSelf::plant() {
  for (uint32_t i = 0; i < header_->trap_count; ++i) {
    write_text(file_, Addr{traps_[i].address}, std::byte{0xCC});
    traps_[i].is_out = 0;
  }
  __atomic_store_n(&header_->state, live::net::armed, __ATOMIC_RELEASE);
}

void NetInSelf::drop_slots() {
  for (uint32_t i = 0; i < header_->trap_count; ++i) traps_[i].slot = 0;
}

SignalAction NetInSelf::action() {
  SignalAction action{};
  syscall(SYS_rt_sigaction, SIGTRAP, nullptr, &action, sizeof action.mask);
  return action;
}

void NetInSelf::set_action(const SignalAction& action) {
  syscall(SYS_rt_sigaction, SIGTRAP, &action, nullptr, sizeof action.mask);
}

void NetInSelf::install() {
  header_->former = action();
  set_action(live::net::action_over(header_->former, base_));
}

std::string NetInSelf::text_difference() const {
  for (uint32_t i = 0; i < header_->trap_count; ++i) {
    const auto now = static_cast<uint8_t>(*at(Addr{traps_[i].address}));
    if (now == traps_[i].original) continue;
    return fmt::format("{:#x} holds {:#x}, not {:#x}", traps_[i].address, now, traps_[i].original);
  }
  return {};
}

bool NetInSelf::is_planted() const {
  for (uint32_t i = 0; i < header_->trap_count; ++i) {
    if (*at(Addr{traps_[i].address}) != std::byte{0xCC}) return false;
  }
  return true;
}

ChildEnd in_child(const std::function<std::string()>& body) {
  int fds[2];
  if (pipe2(fds, O_CLOEXEC) != 0) throw std::runtime_error("pipe2");
  const pid_t pid = fork();
  if (pid == 0) {
    const rlimit none{};
    setrlimit(RLIMIT_CORE, &none);
    alarm(300);  // a thread that hits the same trap for ever
    std::string text;
    try {
      text = body();
    } catch (const std::exception& error) {
      text = error.what();
    }
    const auto written = write(fds[1], text.data(), text.size());
    _exit(written == static_cast<ssize_t>(text.size()) ? 0 : 1);
  }
  close(fds[1]);
  ChildEnd end;
  char buffer[4096];
  for (ssize_t got = 0; (got = read(fds[0], buffer, sizeof buffer)) > 0;) {
    end.text.append(buffer, static_cast<size_t>(got));
  }
  close(fds[0]);
  waitpid(pid, &end.status, 0);
  return end;
}

}  // namespace clew::test
