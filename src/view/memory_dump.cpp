#include "view/memory_dump.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cctype>
#include <charconv>
#include <cstring>

#include "base/printable.h"
#include "value/scalar_format.h"
#include "view/thread_table.h"

namespace clew {
namespace {

/// More than anybody reads, and little enough to be read at once.
constexpr uint64_t max_count = 1 << 20;

constexpr std::string_view usage =
    "x/FMT is a count, a letter of x d u o t a c f s i, and a size of b h w g, as in x/4xg";

uint64_t unit_at(Bytes bytes, size_t offset, unsigned size) {
  uint64_t value = 0;
  std::memcpy(&value, bytes.data() + offset, size);
  return value;
}

int64_t sign_extended(uint64_t value, unsigned size) {
  const unsigned shift = 64 - 8 * size;
  return static_cast<int64_t>(value << shift) >> shift;
}

std::string render_unit(uint64_t value, const MemoryFormat& format) {
  const unsigned bits = 8 * format.size;
  switch (format.letter) {
    case 'd':
      return fmt::format("{}", sign_extended(value, format.size));
    case 'u':
      return fmt::format("{}", value);
    case 'o':
      return fmt::format("{:#o}", value);
    case 't':
      return fmt::format("{:0{}b}", value, bits);
    case 'a':
      return fmt::format("{:#x}", value);
    case 'c': {
      const char c = static_cast<char>(value);
      return fmt::format("{} '{}'", sign_extended(value, format.size),
                         printable(std::string_view(&c, 1)));
    }
    case 'f':
      return format.size == sizeof(float)
                 ? value::format_floating(std::bit_cast<float>(static_cast<uint32_t>(value)),
                                          sizeof(float))
                 : value::format_floating(std::bit_cast<double>(value), sizeof(double));
    default:
      return fmt::format("{:#0{}x}", value, 2 + bits / 4);
  }
}

size_t units_a_line(const MemoryFormat& format) {
  switch (format.letter) {
    case 't':
      return format.size == 1 ? 8 : 8 / format.size;
    case 'c':
      return 8;
    default:
      return 16 / format.size;
  }
}

}  // namespace

Result<MemoryFormat> parse_memory_format(std::string_view text, const MemoryFormat& defaults) {
  MemoryFormat format = defaults;
  format.count = 1;
  const auto wrong = [&] {
    return fail(ErrorCode::bad_request,
                fmt::format("\"{}\" is no format: {}", printable(text), usage));
  };
  std::string_view rest = text;
  if (!rest.empty() && std::isdigit(static_cast<unsigned char>(rest.front())) != 0) {
    const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), format.count);
    if (error != std::errc() || format.count == 0 || format.count > max_count) {
      return fail(ErrorCode::bad_request, fmt::format("the count of x/{} is to be from 1 to {}",
                                                      printable(text), max_count));
    }
    rest.remove_prefix(static_cast<size_t>(end - rest.data()));
  }
  bool has_size = false;
  for (const char c : rest) {
    constexpr std::string_view sizes = "bhwg";
    if (const size_t at = sizes.find(c); at != sizes.npos) {
      format.size = 1U << at;
      has_size = true;
    } else if (std::string_view("xduotacfsi").find(c) != std::string_view::npos) {
      format.letter = c;
      if (c == 'a' && !has_size) format.size = 8;
      if ((c == 'c' || c == 's') && !has_size) format.size = 1;
    } else {
      return wrong();
    }
  }
  if (format.letter == 'f' && format.size < sizeof(float)) {
    if (has_size) {
      return fail(ErrorCode::bad_request,
                  "x/f shows numbers of 4 bytes (w, float) or of 8 (g, double)");
    }
    format.size = sizeof(double);
  }
  return format;
}

uint64_t dump_size(const MemoryFormat& format) { return format.count * format.size; }

std::string render_memory(Addr address, Bytes bytes, const MemoryFormat& format,
                          const Style& style) {
  std::string text;
  const size_t line = units_a_line(format) * format.size;
  size_t widest = 0;
  for (size_t at = 0; at + format.size <= bytes.size(); at += format.size) {
    widest = std::max(widest, render_unit(unit_at(bytes, at, format.size), format).size());
  }
  for (size_t start = 0; start < bytes.size(); start += line) {
    text += style.address(hex_address(address.value + start)) + ":";
    const size_t end = std::min(start + line, bytes.size());
    for (size_t at = start; at + format.size <= end; at += format.size) {
      text += fmt::format("  {:>{}}", render_unit(unit_at(bytes, at, format.size), format), widest);
    }
    text += '\n';
  }
  return text;
}

}  // namespace clew
