#include "stack/stack_copy.h"

#include <fmt/format.h>

#include <algorithm>

namespace clew::stack {

StackCopy::StackCopy(std::vector<MemoryCopy> parts, const CodeView& code, MemoryReader& live)
    : parts_(std::move(parts)), code_(code), live_(live) {
  std::sort(parts_.begin(), parts_.end(),
            [](const MemoryCopy& a, const MemoryCopy& b) { return a.start < b.start; });
}

Result<size_t> StackCopy::read_memory(Addr address, MutableBytes into) {
  size_t done = 0;
  for (const MemoryCopy& part : parts_) {
    const Addr at = address + done;
    if (at < part.start) break;
    const uint64_t inside = at - part.start;
    if (inside >= part.bytes.size()) continue;
    const size_t size = std::min(part.bytes.size() - inside, into.size() - done);
    std::copy_n(part.bytes.begin() + static_cast<ptrdiff_t>(inside), size,
                into.begin() + static_cast<ptrdiff_t>(done));
    done += size;
    if (done == into.size()) break;
  }
  if (done > 0 || into.empty()) return done;
  if (code_.is_code(address.value)) return live_.read_memory(address, into);
  return fail(ErrorCode::fault,
              fmt::format("the memory at {:#x} was not copied while the process was stopped",
                          address.value));
}

}  // namespace clew::stack
