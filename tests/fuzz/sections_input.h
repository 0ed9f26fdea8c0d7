#pragma once

#include <algorithm>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "base/bytes.h"

namespace clew::fuzz {

/// Takes a fuzzer's input apart: each part has its length, two bytes, before it.
class Input {
 public:
  Input(const uint8_t* data, size_t size)
      : bytes_(reinterpret_cast<const std::byte*>(data), size) {}

  Bytes part() {
    if (bytes_.size() < 2) return rest();
    const size_t length = std::to_integer<size_t>(bytes_[0]) | std::to_integer<size_t>(bytes_[1])
                                                                   << 8;
    bytes_ = bytes_.subspan(2);
    const Bytes taken = bytes_.first(std::min(length, bytes_.size()));
    bytes_ = bytes_.subspan(taken.size());
    return taken;
  }
  Bytes rest() { return std::exchange(bytes_, {}); }
  std::string text() {
    const Bytes taken = part();
    return {reinterpret_cast<const char*>(taken.data()), taken.size()};
  }
  /// A part as records of plain data.
  template <typename Record>
  std::vector<Record> records() {
    const Bytes taken = part();
    std::vector<Record> records(taken.size() / sizeof(Record));
    if (!records.empty())
      std::memcpy(records.data(), taken.data(), records.size() * sizeof(Record));
    return records;
  }

 private:
  Bytes bytes_;
};

}  // namespace clew::fuzz
