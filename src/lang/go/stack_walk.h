#pragma once

#include <vector>

#include "lang/go/code_facts.h"
#include "lang/go/goroutine_reader.h"
#include "lang/go/target_copy.h"

namespace clew::go {

/// Walks over stacks of Go code that were copied or are copied as it goes: places alone, no
/// registers.
class StackWalk {
 public:
  StackWalk(const TargetCopy& memory, const sym::ModuleMap& modules, const ReadOptions& options)
      : memory_(memory), facts_(modules), options_(options) {}

  CodeFacts& facts() { return facts_; }

  /// The places of a goroutine from where it stands. `top` is what was copied of its stack from its
  /// stack pointer on. Good until the next call.
  std::span<const StackWord> run(const Goroutine& goroutine, Bytes top);

 private:
  std::optional<uint64_t> word_at(uint64_t address);

  const TargetCopy& memory_;
  CodeFacts facts_;
  const ReadOptions& options_;
  std::vector<StackWord> words_;
  // The part of the stack that is at hand.
  uint64_t window_start_ = 0;
  Bytes window_;
  uint64_t stack_high_ = 0;
  std::vector<std::byte> storage_;
};

}  // namespace clew::go
