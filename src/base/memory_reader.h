#pragma once

#include "base/addr.h"
#include "base/bytes.h"
#include "base/result.h"

namespace clew {

/// Something that the target's memory can be read through: the live process, a core file, or a copy
/// taken while it was held.
class MemoryReader {
 public:
  virtual ~MemoryReader() = default;

  /// Reads up to `into.size()` bytes. @return how many could be read from `address` on; `fault`
  /// when not even one.
  virtual Result<size_t> read_memory(Addr address, MutableBytes into) = 0;

  /// Reads exactly `into.size()` bytes. @return fault when not all are there.
  Status read_exactly(Addr address, MutableBytes into);

  /// Reads one object of plain data.
  template <typename T>
  Result<T> read(Addr address) {
    T object{};
    if (auto status = read_exactly(address, bytes_of(object)); !status) {
      return tl::unexpected(status.error());
    }
    return object;
  }

  /// Reads a string that ends with a zero byte. @return the part before it, cut at `limit` bytes or
  /// where memory ends; fault when not even one byte can be read.
  Result<std::string> read_string(Addr address, size_t limit);
};

}  // namespace clew
