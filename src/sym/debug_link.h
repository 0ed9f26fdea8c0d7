#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/bytes.h"
#include "base/result.h"
#include "sym/elf_image.h"

namespace clew::sym {

/// What .gnu_debuglink says: the name of the separate debug file, and the CRC-32 of its bytes.
struct DebugLink {
  std::string name;  ///< without a directory
  uint32_t crc = 0;
};
std::optional<DebugLink> debug_link_of(const ElfImage& image);

/// What .gnu_debugaltlink says: the file that dwz has moved common entries to.
struct AlternateLink {
  std::string path;  ///< absolute, or relative to the directory of the file that has the link
  BuildId build_id;
};
std::optional<AlternateLink> alternate_link_of(const ElfImage& image);

/// The CRC-32 of a whole file, the one of .gnu_debuglink (IEEE 802.3, as in zlib).
Result<uint32_t> crc_of_file(int fd);

}  // namespace clew::sym
