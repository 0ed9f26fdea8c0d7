#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>

#include "base/bytes.h"

namespace clew::sym {

/// Reads little-endian numbers and the variable-length ones of DWARF (DWARF 5, 7.6) from bytes that
/// may be anything. Reading past the end gives zeros and is remembered in ok().
class DwarfCursor {
 public:
  DwarfCursor() = default;
  DwarfCursor(const std::byte* at, const std::byte* end) : at_(at), end_(end) {}
  explicit DwarfCursor(Bytes bytes) : DwarfCursor(bytes.data(), bytes.data() + bytes.size()) {}

  const std::byte* at() const { return at_; }
  bool ok() const { return ok_; }
  bool at_end() const { return at_ >= end_; }
  uint64_t left() const { return static_cast<uint64_t>(end_ - at_); }

  uint8_t u8() { return fixed<uint8_t>(); }
  int8_t i8() { return fixed<int8_t>(); }
  uint16_t u16() { return fixed<uint16_t>(); }
  uint32_t u32() { return fixed<uint32_t>(); }
  uint64_t u64() { return fixed<uint64_t>(); }
  uint32_t u24() {
    const uint32_t low = u16();
    return low | uint32_t{u8()} << 16;
  }
  /// A number of 4 or 8 bytes: DWARF's 32- and 64-bit formats.
  uint64_t offset(unsigned size) { return size == 8 ? u64() : u32(); }
  /// A number of 1, 2, 4 or 8 bytes.
  uint64_t number(unsigned size) {
    return size == 1 ? u8() : size == 2 ? u16() : size == 4 ? u32() : u64();
  }

  /// The length that units begin with (DWARF 5, 7.4); `offset_size` becomes 4 or 8.
  uint64_t initial_length(unsigned& offset_size) {
    offset_size = 4;
    const uint32_t length = u32();
    if (length < 0xfffffff0) return length;
    if (length != 0xffffffff) fail();
    offset_size = 8;
    return u64();
  }

  uint64_t uleb() {
    uint64_t value = 0;
    for (unsigned shift = 0; at_ < end_; shift += 7) {
      const auto byte = std::to_integer<uint64_t>(*at_++);
      if (shift < 64) value |= (byte & 0x7f) << shift;
      if ((byte & 0x80) == 0) return value;
    }
    ok_ = false;
    return 0;
  }
  int64_t sleb() {
    uint64_t value = 0;
    for (unsigned shift = 0; at_ < end_;) {
      const auto byte = std::to_integer<uint64_t>(*at_++);
      if (shift < 64) value |= (byte & 0x7f) << shift;
      shift += 7;
      if ((byte & 0x80) != 0) continue;
      if ((byte & 0x40) != 0 && shift < 64) value |= ~uint64_t{0} << shift;
      return static_cast<int64_t>(value);
    }
    ok_ = false;
    return 0;
  }

  /// Reads nothing more. @return false.
  bool fail() {
    ok_ = false;
    at_ = end_;
    return false;
  }
  bool skip(uint64_t n) {
    if (n > left()) return fail();
    at_ += n;
    return true;
  }
  /// The next `n` bytes. Empty, and not ok(), when there are fewer.
  Bytes bytes(uint64_t n) {
    const std::byte* const start = at_;
    return skip(n) ? Bytes(start, n) : Bytes();
  }
  /// A string up to its zero byte. Empty, and not ok(), when there is none.
  std::string_view string() {
    const auto* const start = reinterpret_cast<const char*>(at_);
    const void* const zero = at_ < end_ ? std::memchr(at_, 0, left()) : nullptr;
    if (zero == nullptr) {
      fail();
      return {};
    }
    at_ = static_cast<const std::byte*>(zero) + 1;
    return {start, static_cast<size_t>(static_cast<const char*>(zero) - start)};
  }

 private:
  template <typename T>
  T fixed() {
    T value = 0;
    if (left() < sizeof value) {
      fail();
      return 0;
    }
    std::memcpy(&value, at_, sizeof value);
    at_ += sizeof value;
    return value;
  }
  const std::byte* at_ = nullptr;
  const std::byte* end_ = nullptr;
  bool ok_ = true;
};

}  // namespace clew::sym
