#include "lang/go/build_info.h"

#include <algorithm>
#include <array>
#include <string_view>

namespace clew::go {
namespace {

/// What .go.buildinfo begins with (debug/buildinfo of the Go library).
constexpr std::string_view magic = "\xff Go buildinf:";
constexpr size_t build_flags_at = 15;
/// The version and the list of modules follow as strings, not as pointers to some.
constexpr unsigned has_strings = 2;
constexpr size_t strings_at = 32;
constexpr size_t longest_version = 256;

std::string_view text_of(Bytes bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace

bool is_go_image(const sym::ElfImage& image) {
  constexpr std::array<std::string_view, 3> marks{".go.buildinfo", ".gopclntab",
                                                  ".data.rel.ro.gopclntab"};
  return std::any_of(marks.begin(), marks.end(),
                     [&](std::string_view name) { return image.find_section(name) != nullptr; });
}

std::optional<std::string> go_version(const sym::ElfImage& image) {
  const sym::ElfImage::Section* const section = image.find_section(".go.buildinfo");
  if (section == nullptr) return std::nullopt;
  const std::string_view text = text_of(image.raw(*section));
  if (!text.starts_with(magic) || text.size() <= strings_at) return std::nullopt;
  if ((static_cast<unsigned char>(text[build_flags_at]) & has_strings) == 0) return std::nullopt;
  // A length in groups of seven bits, then that many bytes; a version needs two groups at most.
  size_t at = strings_at;
  size_t length = 0;
  for (unsigned shift = 0; shift <= 7 && at < text.size(); shift += 7) {
    const auto byte = static_cast<unsigned char>(text[at++]);
    length |= static_cast<size_t>(byte & 0x7f) << shift;
    if ((byte & 0x80) == 0) break;
  }
  if (length == 0 || length > longest_version || length > text.size() - at) return std::nullopt;
  return std::string(text.substr(at, length));
}

}  // namespace clew::go
