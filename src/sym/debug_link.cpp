#include "sym/debug_link.h"

#include <libdeflate.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <memory>

#include "sym/dwarf_bytes.h"

namespace clew::sym {

std::optional<DebugLink> debug_link_of(const ElfImage& image) {
  const ElfImage::Section* const section = image.find_section(".gnu_debuglink");
  if (section == nullptr) return std::nullopt;
  const Bytes bytes = image.raw(*section);
  DwarfCursor reader(bytes);
  const std::string_view name = reader.string();
  // The CRC stands at the next multiple of four bytes.
  const size_t read = bytes.size() - reader.left();
  reader.skip((4 - read % 4) % 4);
  const uint32_t crc = reader.u32();
  // With a directory it could name any file of the system.
  if (!reader.ok() || name.empty() || name.find('/') != std::string_view::npos) return std::nullopt;
  return DebugLink{std::string(name), crc};
}

std::optional<AlternateLink> alternate_link_of(const ElfImage& image) {
  const ElfImage::Section* const section = image.find_section(".gnu_debugaltlink");
  if (section == nullptr) return std::nullopt;
  DwarfCursor reader(image.raw(*section));
  const std::string_view path = reader.string();
  const Bytes id = reader.bytes(reader.left());
  if (!reader.ok() || path.empty() || id.empty()) return std::nullopt;
  return AlternateLink{std::string(path),
                       {std::string(reinterpret_cast<const char*>(id.data()), id.size())}};
}

Result<uint32_t> crc_of_file(int fd) {
  constexpr size_t block = 1 << 20;
  const auto buffer = std::make_unique<std::array<std::byte, block>>();
  uint32_t crc = 0;
  off_t offset = 0;
  for (;;) {
    const ssize_t size = ::pread(fd, buffer->data(), buffer->size(), offset);
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) return fail_os(errno, "cannot read a debug file");
    if (size == 0) return crc;
    crc = libdeflate_crc32(crc, buffer->data(), static_cast<size_t>(size));
    offset += size;
  }
}

}  // namespace clew::sym
