#include "base/error.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>

namespace clew {

std::string_view error_code_name(ErrorCode code) {
  switch (code) {
    case ErrorCode::bad_request:
      return "bad_request";
    case ErrorCode::not_found:
      return "not_found";
    case ErrorCode::permission:
      return "permission";
    case ErrorCode::gone:
      return "gone";
    case ErrorCode::not_stopped:
      return "not_stopped";
    case ErrorCode::fault:
      return "fault";
    case ErrorCode::unavailable:
      return "unavailable";
    case ErrorCode::unsupported:
      return "unsupported";
    case ErrorCode::bad_data:
      return "bad_data";
    case ErrorCode::stale:
      return "stale";
    case ErrorCode::timeout:
      return "timeout";
    case ErrorCode::cancelled:
      return "cancelled";
    case ErrorCode::os:
      return "os";
    case ErrorCode::internal:
      return "internal";
  }
  return "internal";
}

std::string errno_text(int sys_errno) {
  char buffer[128];
  return strerror_r(sys_errno, buffer, sizeof buffer);
}

static ErrorCode code_of_errno(int sys_errno) {
  switch (sys_errno) {
    case ESRCH:
      return ErrorCode::gone;
    case EPERM:
    case EACCES:
      return ErrorCode::permission;
    case ENOENT:
      return ErrorCode::not_found;
    case EIO:
    case EFAULT:
      return ErrorCode::fault;
    case EINVAL:
      return ErrorCode::bad_request;
    case ENOSYS:
    case EOPNOTSUPP:
      return ErrorCode::unsupported;
    case ETIMEDOUT:
      return ErrorCode::timeout;
    default:
      return ErrorCode::os;
  }
}

Error os_error(int sys_errno, std::string_view what) {
  return {code_of_errno(sys_errno), sys_errno, fmt::format("{}: {}", what, errno_text(sys_errno))};
}

}  // namespace clew
