#pragma once

#include <cstddef>
#include <cstring>
#include <span>
#include <type_traits>

namespace clew {

using Bytes = std::span<const std::byte>;
using MutableBytes = std::span<std::byte>;

/// The bytes of an object of plain data.
template <typename T>
requires std::is_trivially_copyable_v<T> MutableBytes bytes_of(T& object) {
  return std::as_writable_bytes(std::span<T, 1>(&object, 1));
}

template <typename T>
requires std::is_trivially_copyable_v<T> Bytes bytes_of(const T& object) {
  return std::as_bytes(std::span<const T, 1>(&object, 1));
}

}  // namespace clew
