#include "stack/groups.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>

namespace clew::stack {
namespace {

/// Whoever waits in one of these waits for another thread to get out of its way, not for work.
constexpr std::array<std::string_view, 6> lock_functions{
    "mutex_lock", "lll_lock_wait", "mutex_cond_lock", "rwlock", "lock_contended", "lock_slow"};
/// How many of the innermost frames a wait in a library can be deep.
constexpr size_t deepest_wait = 6;

uint64_t hash_of(const RawStack& stack) {
  uint64_t hash = static_cast<uint64_t>(stack.end);
  for (const RawFrame& frame : stack.frames)
    hash = (hash ^ frame.lookup.value) * 0x9e3779b97f4a7c15 + (hash >> 29);
  return hash;
}

bool is_same(const StackGroup& group, const RawStack& stack) {
  if (group.end != stack.end || group.frames.size() != stack.frames.size()) return false;
  return std::equal(group.frames.begin(), group.frames.end(), stack.frames.begin(),
                    [](const StackGroup::Frame& a, const RawFrame& b) {
                      return a.pc == b.pc && a.lookup == b.lookup && a.origin == b.origin;
                    });
}

StackGroup make_group(const RawStack& stack) {
  StackGroup group;
  group.frames.reserve(stack.frames.size());
  for (const RawFrame& frame : stack.frames)
    group.frames.push_back({frame.pc, frame.lookup, frame.origin, frame.is_signal_frame});
  group.end = stack.end;
  group.end_note = stack.end_note;
  return group;
}

/// What a reader sees of a stack.
std::string appearance(const StackGroup& group, Namer& namer) {
  std::string text = fmt::format("{}", static_cast<int>(group.end));
  for (const StackGroup::Frame& frame : group.frames) {
    const Place& place = namer.place(frame.lookup);
    text +=
        fmt::format("\n{}{}{}", is_guess(frame.origin) ? "?" : "", frame.is_signal_frame ? "!" : "",
                    place.module == nullptr ? "" : place.module->module->path());
    for (const PlaceFunction& part : place.functions) {
      text += "\t" + part.function.name;
      if (part.line) text += fmt::format("\v{}:{}", part.line->file, part.line->line);
    }
    // Where there is no name, the address is all that a reader sees.
    if (place.functions.back().function.name.empty())
      text += fmt::format("\t{:#x}", frame.pc.value);
  }
  return text;
}

bool waits_for_lock(const StackGroup& group, Namer& namer) {
  for (size_t i = 0; i < std::min(group.frames.size(), deepest_wait); ++i) {
    for (const PlaceFunction& part : namer.place(group.frames[i].lookup).functions) {
      const std::string& name = part.function.name;
      if (std::any_of(lock_functions.begin(), lock_functions.end(), [&](std::string_view lock) {
            return name.find(lock) != std::string::npos;
          })) {
        return true;
      }
    }
  }
  return false;
}

}  // namespace

size_t StackGroups::keep(const RawStack& stack) {
  const uint64_t hash = hash_of(stack);
  const auto [first, last] = by_hash_.equal_range(hash);
  const auto found = std::find_if(
      first, last, [&](const auto& entry) { return is_same(kept_[entry.second].group, stack); });
  if (found != last) return found->second;
  kept_.push_back({make_group(stack), 0});
  by_hash_.emplace(hash, kept_.size() - 1);
  return kept_.size() - 1;
}

void StackGroups::add(size_t thread, const RawStack& stack, bool is_waiting) {
  const size_t index = keep(stack);
  kept_[index].group.threads.push_back(thread);
  kept_[index].waiting += is_waiting ? 1 : 0;
  order_.emplace_back(thread, index);
}

void StackGroups::add(std::span<const size_t> threads, const RawStack& stack) {
  const size_t index = keep(stack);
  std::vector<size_t>& all = kept_[index].group.threads;
  all.insert(all.end(), threads.begin(), threads.end());
  for (const size_t thread : threads) order_.emplace_back(thread, index);
}

std::vector<StackGroup> StackGroups::finish(Namer& namer) {
  std::unordered_map<std::string, size_t> seen;
  std::vector<Kept> merged;
  for (Kept& kept : kept_) {
    const auto [found, is_new] = seen.try_emplace(appearance(kept.group, namer), merged.size());
    if (is_new) {
      merged.push_back(std::move(kept));
      continue;
    }
    Kept& into = merged[found->second];
    into.group.threads.insert(into.group.threads.end(), kept.group.threads.begin(),
                              kept.group.threads.end());
    into.waiting += kept.waiting;
  }
  std::vector<StackGroup> groups;
  groups.reserve(merged.size());
  for (Kept& kept : merged) {
    StackGroup& group = groups.emplace_back(std::move(kept.group));
    std::sort(group.threads.begin(), group.threads.end());
    const size_t count = group.threads.size();
    group.is_idle = count > 1 && kept.waiting == count && !waits_for_lock(group, namer);
  }
  std::stable_sort(groups.begin(), groups.end(), [](const StackGroup& a, const StackGroup& b) {
    return a.threads.size() != b.threads.size() ? a.threads.size() > b.threads.size()
                                                : a.threads.front() < b.threads.front();
  });
  by_hash_.clear();
  kept_.clear();
  order_.clear();
  return groups;
}

std::vector<StackGroup> StackGroups::finish_each() const {
  std::vector<StackGroup> groups;
  groups.reserve(order_.size());
  for (const auto& [thread, index] : order_) {
    StackGroup& group = groups.emplace_back(kept_[index].group);
    group.threads = {thread};
  }
  return groups;
}

}  // namespace clew::stack
