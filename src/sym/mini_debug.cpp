#include "sym/mini_debug.h"

#include <fmt/format.h>
#include <lzma.h>

#include <algorithm>

#include "base/printable.h"

namespace clew::sym {
namespace {

/// What xz may use to unpack; its largest preset needs 65 MiB.
constexpr uint64_t memory_limit = uint64_t{128} << 20;
/// The symbols of a whole browser are 100 MiB.
constexpr size_t largest_result = size_t{512} << 20;

/// @return false when it is no xz data or would be too large.
bool unpack(Bytes packed, std::vector<std::byte>& into) {
  lzma_stream stream = LZMA_STREAM_INIT;
  if (lzma_stream_decoder(&stream, memory_limit, 0) != LZMA_OK) return false;
  stream.next_in = reinterpret_cast<const uint8_t*>(packed.data());
  stream.avail_in = packed.size();
  lzma_ret result = LZMA_OK;
  size_t size = 0;
  while (result == LZMA_OK && size < largest_result) {
    into.resize(std::min(largest_result, std::max<size_t>(into.size() * 2, 65536)));
    stream.next_out = reinterpret_cast<uint8_t*>(into.data()) + size;
    stream.avail_out = into.size() - size;
    result = lzma_code(&stream, LZMA_FINISH);
    size = into.size() - stream.avail_out;
  }
  lzma_end(&stream);
  into.resize(size);
  into.shrink_to_fit();
  return result == LZMA_STREAM_END;
}

}  // namespace

Result<std::unique_ptr<ElfImage>> mini_debug_image(const ElfImage& image) {
  const ElfImage::Section* const section = image.find_section(".gnu_debugdata");
  if (section == nullptr) {
    return fail(ErrorCode::not_found,
                fmt::format("{} has no .gnu_debugdata", printable(image.label())));
  }
  std::vector<std::byte> bytes;
  if (!unpack(image.raw(*section), bytes)) {
    return fail(ErrorCode::bad_data,
                fmt::format("{}: .gnu_debugdata cannot be unpacked", printable(image.label())));
  }
  return ElfImage::from_memory(std::move(bytes), image.label());
}

}  // namespace clew::sym
