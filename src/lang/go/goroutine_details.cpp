#include "lang/go/goroutine_details.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/circle.h"

namespace clew::go {
namespace {

/// Lists that are longer are broken, or of no use to a reader.
constexpr size_t most_deferred = 100'000;
constexpr size_t most_panics = 1000;
constexpr uint64_t most_ancestors = 1000, most_places = 1000;
constexpr size_t most_waiters = size_t{1} << 24;

class DetailReader {
 public:
  DetailReader(MemoryReader& memory, const RuntimeLayout& layout)
      : memory_(memory), layout_(layout) {}

  GoroutineDetails read(Addr descriptor);

 private:
  /// 0 for what cannot be read or has no place.
  uint64_t word(uint64_t at, const std::optional<uint64_t>& offset) const {
    if (at == 0 || !offset) return 0;
    return memory_.read<uint64_t>({at + *offset}).value_or(0);
  }
  bool flag(uint64_t at, const std::optional<uint64_t>& offset) const {
    return offset && memory_.read<uint8_t>({at + *offset}).value_or(0) != 0;
  }
  void read_deferred(uint64_t first);
  void read_panics(uint64_t first);
  void read_ancestors(uint64_t list);

  MemoryReader& memory_;
  const RuntimeLayout& layout_;
  GoroutineDetails details_;
};

void DetailReader::read_deferred(uint64_t first) {
  const RuntimeLayout::Panics& at = layout_.panics;
  if (!at.next || !at.function) return;
  for (uint64_t record = first; record != 0; record = word(record, at.next)) {
    if (details_.deferred.size() == most_deferred) {
      details_.problems.emplace_back("the list of deferred calls has no end");
      return;
    }
    DeferredCall call;
    // A func() is a pointer to what begins with the address of the code.
    call.function = {word(word(record, at.function), uint64_t{0})};
    call.pc = {word(record, at.deferrer_pc)};
    call.body_sp = word(record, at.deferrer_sp);
    details_.deferred.push_back(call);
  }
}

void DetailReader::read_panics(uint64_t first) {
  const RuntimeLayout::Panics& at = layout_.panics;
  if (!at.earlier || !at.argument) return;
  for (uint64_t record = first; record != 0; record = word(record, at.earlier)) {
    if (details_.panics.size() == most_panics) {
      details_.problems.emplace_back("the list of panics has no end");
      return;
    }
    Panic panic;
    panic.record = {record};
    panic.value = {record + *at.argument};
    panic.is_recovered = flag(record, at.recovered);
    panic.is_goexit = flag(record, at.goexit);
    details_.panics.push_back(panic);
  }
}

void DetailReader::read_ancestors(uint64_t list) {
  const RuntimeLayout::Ancestor& at = layout_.ancestor;
  if (list == 0 || at.size == 0 || !at.places) return;
  const uint64_t first = word(list, uint64_t{0});
  const uint64_t count = word(list, sizeof(uint64_t));
  if (count > most_ancestors) {
    details_.problems.push_back(fmt::format("the list of ancestors says that it has {}", count));
    return;
  }
  for (uint64_t i = 0; i < count; ++i) {
    const uint64_t record = first + i * at.size;
    Ancestor& ancestor = details_.ancestors.emplace_back();
    ancestor.id = word(record, at.id);
    ancestor.go_pc = {word(record, at.go_pc)};
    const uint64_t places = word(record, at.places);
    const uint64_t depth = std::min(word(record, *at.places + sizeof(uint64_t)), most_places);
    for (uint64_t j = 0; j < depth; ++j)
      ancestor.places.push_back({word(places, j * sizeof(uint64_t))});
  }
}

GoroutineDetails DetailReader::read(Addr descriptor) {
  read_deferred(word(descriptor.value, layout_.panics.defers));
  read_panics(word(descriptor.value, layout_.panics.list));
  read_ancestors(word(descriptor.value, layout_.goroutine.ancestors));
  return std::move(details_);
}

}  // namespace

GoroutineDetails read_details(MemoryReader& memory, const RuntimeLayout& layout, Addr descriptor) {
  return DetailReader(memory, layout).read(descriptor);
}

std::vector<Addr> waiters_of(MemoryReader& memory, const RuntimeLayout& layout, Addr channel,
                             std::string& problem) {
  std::vector<Addr> waiters;
  const RuntimeLayout::Channel& at = layout.channel;
  if (!at.receivers || !at.senders || !at.waiter || !at.next) {
    problem = "this Go runtime does not say who waits at a channel";
    return waiters;
  }
  for (const uint64_t queue : {*at.receivers, *at.senders}) {
    auto record = memory.read<uint64_t>(channel + queue);
    CircleFinder circle;
    while (record && *record != 0) {
      if (circle.has_returned(*record) || waiters.size() == most_waiters) {
        problem = "the channel's list of those who wait has no end";
        return waiters;
      }
      const auto waiter = memory.read<uint64_t>({*record + *at.waiter});
      if (waiter) waiters.push_back({*waiter});
      record = memory.read<uint64_t>({*record + *at.next});
    }
    if (!record) problem = fmt::format("what is at {:#x} is no channel", channel.value);
  }
  return waiters;
}

}  // namespace clew::go
