#include "live/x86_64/debug_registers.h"

namespace clew::live {
namespace {

uint64_t access_bits(WatchKind kind) {
  constexpr uint64_t writes = 1;
  constexpr uint64_t reads_and_writes = 3;
  // The processor cannot watch for reads alone.
  return kind == WatchKind::write ? writes : reads_and_writes;
}

uint64_t length_bits(unsigned size) {
  constexpr uint64_t eight = 2;
  return size == 8 ? eight : size - 1;
}

}  // namespace

uint64_t debug_control_word(const std::array<std::optional<WatchedPlace>, watch_slots>& places) {
  uint64_t word = 0;
  for (unsigned slot = 0; slot < watch_slots; ++slot) {
    if (!places[slot]) continue;
    const uint64_t local_enable = uint64_t{1} << (slot * 2);
    const uint64_t what = access_bits(places[slot]->kind) | length_bits(places[slot]->size) << 2;
    word |= local_enable | what << (16 + slot * 4);
  }
  return word;
}

}  // namespace clew::live
