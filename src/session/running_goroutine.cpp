#include "session/running_goroutine.h"

#include <array>
#include <cstring>

namespace clew {
namespace {

/// The fields are within some hundred bytes, in all versions.
constexpr uint64_t most_of_structure = 1024;

uint64_t word_in(std::span<const std::byte> bytes, uint64_t offset) {
  uint64_t word = 0;
  if (offset + sizeof word <= bytes.size()) std::memcpy(&word, bytes.data() + offset, sizeof word);
  return word;
}

/// One runtime.g; `machine` becomes its m.
std::optional<RunningGoroutine> read_goroutine(const go::RuntimeLayout::Goroutine& at,
                                               MemoryReader& memory, uint64_t address,
                                               uint64_t& machine) {
  std::array<std::byte, most_of_structure> buffer{};
  const uint64_t size = std::min<uint64_t>(
      most_of_structure, std::max({at.id, at.machine, at.stack_high}) + sizeof(uint64_t));
  const auto bytes = std::span(buffer).first(size);
  if (address == 0 || !memory.read_exactly({address}, bytes)) return std::nullopt;
  machine = word_in(bytes, at.machine);
  return RunningGoroutine{word_in(bytes, at.id),
                          {address},
                          word_in(bytes, at.stack_low),
                          word_in(bytes, at.stack_high)};
}

}  // namespace

std::optional<RunningGoroutine> running_goroutine(const GoRuntime& runtime, MemoryReader& memory,
                                                  const arch::Arch& arch,
                                                  const arch::GeneralRegisters& registers) {
  const uint64_t storage = registers.word(arch.thread_pointer);
  if (!runtime.thread_goroutine || storage == 0 || arch.is_compat(registers)) return std::nullopt;
  uint64_t place = storage + runtime.thread_goroutine->offset;
  if (runtime.thread_goroutine->base) {
    const auto base = memory.read<uint64_t>(*runtime.thread_goroutine->base);
    if (!base || *base == 0) return std::nullopt;
    place += *base;
  }
  const auto address = memory.read<uint64_t>({place});
  if (!address) return std::nullopt;
  uint64_t machine = 0;
  auto found = read_goroutine(runtime.layout.goroutine, memory, *address, machine);
  if (!found || found->id != 0) return found;
  // The thread's own (g0) or that of its signal stack: the user's is the one that m.curg names.
  const auto current = memory.read<uint64_t>({machine + runtime.layout.machine.goroutine});
  if (machine == 0 || !current) return std::nullopt;
  found = read_goroutine(runtime.layout.goroutine, memory, *current, machine);
  return found && found->id != 0 ? found : std::nullopt;
}

}  // namespace clew
