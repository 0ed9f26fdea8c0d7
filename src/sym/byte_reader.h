#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>

#include "base/bytes.h"

namespace clew::sym {

/// Reads little-endian data from front to back and never over its end: behind the end every number
/// is 0, every string is empty, and failed() says so.
class ByteReader {
 public:
  ByteReader() = default;
  explicit ByteReader(Bytes bytes) : at_(bytes.data()), end_(bytes.data() + bytes.size()) {}

  bool failed() const { return failed_; }
  bool at_end() const { return failed_ || at_ == end_; }
  size_t left() const { return failed_ ? 0 : static_cast<size_t>(end_ - at_); }
  const std::byte* position() const { return at_; }
  void fail() {
    failed_ = true;
    at_ = end_;
  }

  void skip(uint64_t size) {
    if (size > left()) {
      fail();
    } else {
      at_ += size;
    }
  }

  template <typename T>
  T number() {
    T value{};
    if (sizeof value > left()) {
      fail();
      return value;
    }
    std::memcpy(&value, at_, sizeof value);
    at_ += sizeof value;
    return value;
  }
  uint8_t u8() { return number<uint8_t>(); }
  uint16_t u16() { return number<uint16_t>(); }
  uint32_t u32() { return number<uint32_t>(); }
  uint64_t u64() { return number<uint64_t>(); }
  /// A number of 1 to 8 bytes.
  uint64_t sized(unsigned size) {
    uint64_t value = 0;
    if (size > sizeof value || size > left()) {
      fail();
      return 0;
    }
    std::memcpy(&value, at_, size);
    at_ += size;
    return value;
  }

  /// DWARF 5, 7.6. Bits beyond 64 are dropped.
  uint64_t uleb() {
    uint64_t value = 0;
    for (unsigned shift = 0; !at_end(); shift += 7) {
      const auto byte = std::to_integer<uint64_t>(*at_++);
      if (shift < 64) value |= (byte & 0x7f) << shift;
      if ((byte & 0x80) == 0) return value;
    }
    fail();
    return 0;
  }
  int64_t sleb() {
    uint64_t value = 0;
    for (unsigned shift = 0; !at_end();) {
      const auto byte = std::to_integer<uint64_t>(*at_++);
      if (shift < 64) value |= (byte & 0x7f) << shift;
      shift += 7;
      if ((byte & 0x80) != 0) continue;
      if ((byte & 0x40) != 0 && shift < 64) value |= ~uint64_t{0} << shift;
      return static_cast<int64_t>(value);
    }
    fail();
    return 0;
  }

  /// Up to a zero byte, which is read too.
  std::string_view string() {
    const void* const zero = left() == 0 ? nullptr : std::memchr(at_, 0, left());
    if (zero == nullptr) {
      fail();
      return {};
    }
    const auto* const text = reinterpret_cast<const char*>(at_);
    const auto size = static_cast<size_t>(static_cast<const char*>(zero) - text);
    at_ += size + 1;
    return {text, size};
  }

  Bytes bytes(uint64_t size) {
    const std::byte* const start = at_;
    skip(size);
    return failed_ ? Bytes() : Bytes(start, size);
  }

  /// A DWARF "initial length" (DWARF 5, 7.4). @return the length; `offset_size` becomes 4 or 8.
  uint64_t initial_length(unsigned& offset_size) {
    offset_size = 4;
    const uint32_t length = u32();
    if (length < 0xfffffff0) return length;
    if (length != 0xffffffff) fail();
    offset_size = 8;
    return u64();
  }

 private:
  const std::byte* at_ = nullptr;
  const std::byte* end_ = nullptr;
  bool failed_ = false;
};

}  // namespace clew::sym
