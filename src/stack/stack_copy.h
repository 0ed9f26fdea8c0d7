#pragma once

#include <vector>

#include "base/memory_reader.h"
#include "stack/code_view.h"

namespace clew::stack {

/// A part of the target's memory as it was while the target was held.
struct MemoryCopy {
  Addr start;
  Bytes bytes;  ///< of whoever took the copy
};

/// The memory of a thread after it runs again: what was copied of it. Code is read from the process
/// as it is now, since it does not change; everything else could be something else by now, and is
/// refused.
class StackCopy final : public MemoryReader {
 public:
  /// `parts` do not overlap. `code` and `live` must outlive it.
  StackCopy(std::vector<MemoryCopy> parts, const CodeView& code, MemoryReader& live);

  Result<size_t> read_memory(Addr address, MutableBytes into) override;

 private:
  std::vector<MemoryCopy> parts_;  // by address
  const CodeView& code_;
  MemoryReader& live_;
};

}  // namespace clew::stack
