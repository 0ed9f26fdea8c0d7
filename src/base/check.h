#pragma once

namespace clew {

/// Called once when a CLEW_CHECK fails, before the process ends: the place for what must be undone
/// in a target. Must be async-signal-safe.
void set_check_failure_hook(void (*hook)());

[[noreturn]] void check_failed(const char* expression, const char* file, int line);

}  // namespace clew

/// For our own bugs only, never for what a user, a target or the kernel can cause. Stays on in
/// release builds.
#define CLEW_CHECK(expression) \
  (static_cast<bool>(expression) ? void(0) : ::clew::check_failed(#expression, __FILE__, __LINE__))
