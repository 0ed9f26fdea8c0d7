#pragma once

#include <unordered_map>

#include "stack/runtime_frames.h"
#include "sym/module_map.h"

namespace clew::go {

/// What Go's runtime has settled about frames: where stacks begin, which functions interrupt
/// others, and that no register survives a call.
class GoFrames final : public stack::RuntimeFrames {
 public:
  explicit GoFrames(sym::ModuleMap modules);

  /// True when there is any Go code.
  bool has_go() const { return has_go_; }
  stack::RuntimeFrameFacts facts(const stack::RawFrame& frame) override;

 private:
  stack::RuntimeFrameFacts look_up(Addr lookup) const;

  sym::ModuleMap modules_;
  bool has_go_ = false;
  std::unordered_map<uint64_t, stack::RuntimeFrameFacts> known_;
};

}  // namespace clew::go
