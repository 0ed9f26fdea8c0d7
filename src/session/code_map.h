#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/addr.h"
#include "os/mappings.h"

namespace clew {

/// Says in which mapped file an address of code lies.
class CodeMap {
 public:
  CodeMap() = default;
  explicit CodeMap(std::vector<os::Mapping> mappings);

  struct Place {
    std::string module;   ///< base name of the file, or "[vdso]" and the like
    std::string path;     ///< as the mapping names it; " (deleted)" included
    uint64_t offset = 0;  ///< in the file, or in the mapping when there is no file
  };

  const std::vector<os::Mapping>& mappings() const { return mappings_; }
  std::optional<Place> find(Addr address) const;
  /// @return "libc.so.6+0xe57f8", or "" when the address is in no mapping.
  std::string describe(Addr address) const;

 private:
  std::vector<os::Mapping> mappings_;  // by address
};

}  // namespace clew
