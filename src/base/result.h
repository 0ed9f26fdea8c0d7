#pragma once

#include <tl/expected.hpp>

#include "base/error.h"

namespace clew {

/// A value, or the error that kept it from being made. No exception crosses a layer.
template <typename T>
using Result = tl::expected<T, Error>;

using Status = Result<void>;

template <typename... Args>
tl::unexpected<Error> fail(Args&&... args) {
  return tl::unexpected<Error>(Error(std::forward<Args>(args)...));
}

inline tl::unexpected<Error> fail_os(int sys_errno, std::string_view what) {
  return tl::unexpected<Error>(os_error(sys_errno, what));
}

}  // namespace clew
