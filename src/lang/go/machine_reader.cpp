#include "lang/go/machine_reader.h"

#include <algorithm>
#include <cstring>

namespace clew::go {
namespace {

/// A runtime.g or runtime.m is no larger, as far as it is of interest.
constexpr uint64_t largest_part = 4096;

/// A structure of the target's, copied by one read.
class Part {
 public:
  Part(MemoryReader& memory, uint64_t address, uint64_t size)
      : bytes_(std::min(size, largest_part)) {
    if (address == 0 || !memory.read_exactly({address}, bytes_)) bytes_.clear();
  }
  explicit operator bool() const { return !bytes_.empty(); }
  uint64_t word(uint64_t offset) const {
    uint64_t value = 0;
    if (offset + sizeof value <= bytes_.size())
      std::memcpy(&value, bytes_.data() + offset, sizeof value);
    return value;
  }

 private:
  std::vector<std::byte> bytes_;
};

OwnStack stack_of(const Part& g, uint64_t address, const RuntimeLayout::Goroutine& at) {
  OwnStack stack;
  stack.descriptor = {address};
  stack.low = g.word(at.stack_low);
  stack.high = g.word(at.stack_high);
  stack.saved_pc = g.word(at.saved_pc);
  stack.saved_sp = g.word(at.saved_sp);
  stack.saved_fp = g.word(at.saved_fp);
  return stack;
}

}  // namespace

std::vector<Machine> read_machines(MemoryReader& memory, const RuntimeLayout& layout) {
  std::vector<Machine> machines;
  if (layout.all_machines.value == 0) return machines;
  uint64_t next = memory.read<uint64_t>(layout.all_machines).value_or(0);
  while (next != 0 && machines.size() < most_machines) {
    const Part m(memory, next, layout.machine.end);
    if (!m) break;
    Machine machine;
    machine.descriptor = {next};
    machine.tid = m.word(layout.machine.thread_id);
    if (layout.machine.vdso_pc) machine.vdso_pc = m.word(*layout.machine.vdso_pc);
    if (layout.machine.vdso_sp) machine.vdso_sp = m.word(*layout.machine.vdso_sp);
    const uint64_t own = m.word(layout.machine.system_stack);
    const uint64_t current = m.word(layout.machine.goroutine);
    if (const Part g(memory, own, layout.goroutine.end); g)
      machine.system = stack_of(g, own, layout.goroutine);
    if (const Part g(memory, current, layout.goroutine.end); g) {
      machine.goroutine = g.word(layout.goroutine.id);
      machine.current = stack_of(g, current, layout.goroutine);
    }
    machines.push_back(machine);
    next = m.word(layout.machine.next);
  }
  std::sort(machines.begin(), machines.end(),
            [](const Machine& a, const Machine& b) { return a.tid < b.tid; });
  return machines;
}

const Machine* machine_of(const std::vector<Machine>& machines, uint64_t tid) {
  const auto found = std::lower_bound(
      machines.begin(), machines.end(), tid,
      [](const Machine& machine, uint64_t wanted) { return machine.tid < wanted; });
  return tid == 0 || found == machines.end() || found->tid != tid ? nullptr : &*found;
}

}  // namespace clew::go
