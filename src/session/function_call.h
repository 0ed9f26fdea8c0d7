#pragma once

#include <optional>
#include <span>

#include "lang/environment.h"
#include "session/values.h"

namespace clew {

/// Whether the function is one that chooses another, for which its symbol stands (STT_GNU_IFUNC),
/// as memcpy's does.
bool is_chooser(const sym::LoadedModule& loaded, Addr function);

/// Has a held thread call functions of the program for the user.
class FunctionCaller {
 public:
  /// `limit`: how long one call may last. `values` must outlive it.
  FunctionCaller(Values& values, ThreadId thread, Duration limit)
      : values_(values), thread_(thread), limit_(limit) {}

  /// @param result what the function returns, as far as the user knows better than its type.
  /// @return its result, which may lie in memory that is only good until the thread runs; and when
  /// the call could not be made or has not ended well, with the thread as it was before:
  /// bad_request, unsupported, unavailable, timeout, cancelled, gone.
  Result<value::Value> call(const value::Value& function, const value::Type* result,
                            std::span<const lang::CallArgument> arguments);

 private:
  Result<CallEnd> run(const FunctionCall& call);
  Result<Addr> resolved(Addr function);
  Error explain(const CallEnd& end, Addr function);
  std::string describe(Addr code);

  Values& values_;
  ThreadId thread_;
  Duration limit_;
};

}  // namespace clew
