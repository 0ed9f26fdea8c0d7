#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "base/result.h"
#include "stack/frame.h"
#include "value/thread_state.h"

namespace clew::value {

/// One frame of one thread as variables and expressions need it: where its code is, and its
/// registers as far as they are known. A value that dates from one stop.
class Frame {
 public:
  /// The same stack as that of a frame, with more of its callers.
  using Deeper = std::function<std::shared_ptr<const stack::Stack>()>;

  /// `level` is an index into the stack's frames. `deeper` is asked when a caller is wanted that
  /// the stack does not have. @return nullptr when there is no such frame.
  static std::shared_ptr<const Frame> make(std::shared_ptr<const stack::Stack> stack, size_t level,
                                           std::shared_ptr<const ThreadState> thread,
                                           Deeper deeper = {});

  unsigned level() const { return shown().level; }
  /// The function that users see: a real one or an inlined copy.
  const sym::FunctionAt& function() const { return shown().function; }
  /// The real one, whose code it is.
  const sym::FunctionAt& physical_function() const;
  /// nullptr for code of no file.
  const sym::LoadedModule* module() const;
  Addr pc() const { return raw().pc; }
  /// By which scopes and locations are looked up: see stack::RawFrame::lookup.
  Addr lookup() const { return raw().lookup; }
  bool is_innermost() const { return shown().physical == 0; }
  const std::optional<sym::SourceLine>& line() const { return shown().line; }
  const ThreadState& thread() const { return *thread_; }

  /// By DWARF number. @return unavailable, which says which frame did not save it.
  Result<uint64_t> register_word(unsigned dwarf) const;
  /// The low `size` bytes of a register of any width.
  Result<std::vector<std::byte>> register_bytes(unsigned dwarf, size_t size) const;
  /// @return unsupported where only unwinding knows what a register was.
  Status write_register(unsigned dwarf, Bytes bytes) const;
  /// What users call it: "rax", "xmm0".
  std::string register_name(unsigned dwarf) const;
  Result<uint64_t> cfa() const;

  /// The physical frame that has called this one's. @return nullptr at the end of the stack.
  std::shared_ptr<const Frame> caller() const;

 private:
  Frame() = default;
  const stack::Frame& shown() const { return stack_->frames[level_]; }
  const stack::RawFrame& raw() const { return stack_->physical(shown()); }
  tl::unexpected<Error> not_saved(unsigned dwarf) const;

  std::shared_ptr<const stack::Stack> stack_;
  size_t level_ = 0;
  std::shared_ptr<const ThreadState> thread_;
  Deeper deeper_;
};

}  // namespace clew::value
