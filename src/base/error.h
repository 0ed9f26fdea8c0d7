#pragma once

#include <string>
#include <string_view>
#include <utility>

namespace clew {

/// Why a call failed, chosen by what the caller can do about it. A race that the design expects (a
/// thread exits while we look at it) is an outcome of the call, not an error.
enum class ErrorCode {
  bad_request,  ///< the request itself is wrong: the user must change it
  not_found,    ///< what was named does not exist
  permission,   ///< the kernel refuses it to this user
  gone,         ///< the process or thread has exited
  not_stopped,  ///< it needs a stopped thread
  fault,        ///< the target has no such memory
  unavailable,  ///< exists, but cannot be had at this moment
  unsupported,  ///< this backend or kernel cannot do it
  bad_data,     ///< bytes from outside do not make sense
  stale,        ///< belongs to an earlier stop
  timeout,
  cancelled,
  os,        ///< another system error; see sys_errno
  internal,  ///< a defect of clew's
};

/// @return the name that JSON output uses for the code, e.g. "not_stopped".
std::string_view error_code_name(ErrorCode code);

struct Error {
  ErrorCode code = ErrorCode::internal;
  int sys_errno = 0;  ///< 0 when no system call was involved
  std::string text;   ///< what happened, why, and what to do; one line, without a final full stop

  Error(ErrorCode c, std::string t) : code(c), text(std::move(t)) {}
  Error(ErrorCode c, int e, std::string t) : code(c), sys_errno(e), text(std::move(t)) {}
};

/// @return an error whose code follows from `sys_errno` (ESRCH is gone, EPERM and EACCES are
/// permission, …) and whose text is `what` followed by the system's words for the number.
Error os_error(int sys_errno, std::string_view what);

/// @return the system's words for an errno value, e.g. "No such process".
std::string errno_text(int sys_errno);

}  // namespace clew
