#pragma once

#include <optional>
#include <unordered_map>

#include "lang/go/goroutine.h"
#include "lang/go/runtime_layout.h"
#include "lang/go/target_copy.h"

namespace clew::go {

/// Reads the labels that goroutines have by runtime/pprof, each set once: those that a goroutine
/// has started have the same.
class LabelReader {
 public:
  LabelReader(const TargetCopy& memory, const RuntimeLayout& layout)
      : memory_(memory), layout_(layout) {}

  /// The set at a goroutine's pointer: its number in sets(). @return nullopt when there is none, or
  /// what is there makes no sense.
  std::optional<uint32_t> read(uint64_t pointer);

  std::vector<LabelSet> take_sets() { return std::move(sets_); }
  /// How many pointers have led to nothing that makes sense.
  size_t broken() const { return broken_; }

 private:
  std::optional<LabelSet> read_list(uint64_t pointer) const;
  std::optional<LabelSet> read_map(uint64_t pointer) const;
  bool add_buckets(uint64_t start, uint64_t count, LabelSet& set) const;
  bool add_bucket(uint64_t at, uint64_t& next, LabelSet& set) const;
  std::optional<std::string> text(uint64_t start, uint64_t length) const;

  const TargetCopy& memory_;
  const RuntimeLayout& layout_;
  std::unordered_map<uint64_t, std::optional<uint32_t>> known_;
  std::vector<LabelSet> sets_;
  size_t broken_ = 0;
};

}  // namespace clew::go
