#pragma once

#include "base/error.h"

namespace clew::cli {

enum ExitStatus : int {
  exit_done = 0,
  exit_failed = 1,  ///< could not do it
  exit_usage = 2,   ///< wrong usage
};

inline ExitStatus exit_status_of(const Error& error) {
  return error.code == ErrorCode::bad_request ? exit_usage : exit_failed;
}

}  // namespace clew::cli
