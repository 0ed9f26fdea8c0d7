#include "session/named_place.h"

#include <fmt/format.h>

#include "base/printable.h"
#include "sym/source_path.h"

namespace clew {
namespace {

/// Cuts in the middle of a character only what has no characters of several bytes.
std::string cut(std::string text, size_t width) {
  if (width == 0 || text.size() <= width) return text;
  size_t end = width - 1;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;
  return text.substr(0, end) + "…";
}

}  // namespace

std::string NamedPlace::description(size_t width) const {
  if (function.empty()) return {};
  std::string text = cut(printable(function), width);
  if (offset != 0) text += fmt::format("+{:#x}", offset);
  if (!line.file.empty() && line.line != 0)
    text += fmt::format(" at {}:{}", printable(sym::last_part(line.file)), line.line);
  return text;
}

}  // namespace clew
