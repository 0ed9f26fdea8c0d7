#pragma once

#include <functional>
#include <unordered_map>

#include "lang/go/machine_reader.h"
#include "stack/runtime_frames.h"
#include "sym/module_map.h"

namespace clew::go {

/// What Go's runtime has settled about frames: where stacks begin, which functions interrupt
/// others, that no register survives a call, and where the runtime has changed stacks.
class GoFrames final : public stack::RuntimeFrames {
 public:
  explicit GoFrames(sym::ModuleMap modules);

  /// True when there is any Go code.
  bool has_go() const { return has_go_; }
  /// Says what the runtime knows of the thread whose stack is walked next; asked only when it comes
  /// to a frame of which that has to be known. Without one, or when it returns nullptr, stacks end
  /// where they have changed over.
  void set_thread(std::function<const Machine*()> machine) { find_machine_ = std::move(machine); }

  stack::RuntimeFrameFacts facts(const stack::RawFrame& frame) override;
  bool is_noted(Addr pc) override { return known(pc).crossing == Crossing::noted; }
  void begin_stack() override;
  std::optional<stack::StackSwitch> switch_at(const stack::RawFrame& frame,
                                              MemoryReader& memory) override;

 private:
  /// Functions of the runtime that go over to another stack.
  enum class Crossing : uint8_t {
    none,
    to_system,   ///< systemstack: from a goroutine, which has saved where it is
    leave,       ///< mcall, morestack: the same, and nothing comes back here
    to_c,        ///< asmcgocall
    from_c,      ///< cgocallback: from the thread's stack to the goroutine's
    to_vdso,     ///< those that ask for the time
    scheduling,  ///< schedule: the goroutine that was left is no longer the thread's
    noted,       ///< systemstack_switch: where a goroutine is said to stand that has left its stack
    calls_c      ///< cgocall, which alone calls asmcgocall (or what wraps that) from a goroutine
  };
  struct Known {
    stack::RuntimeFrameFacts facts;
    Crossing crossing = Crossing::none;
  };

  const Known& known(Addr lookup);
  Known look_up(Addr lookup) const;
  static Crossing crossing_of(std::string_view function);
  const Machine* machine();
  std::optional<stack::StackSwitch> to_goroutine(const stack::RawFrame& frame, const Machine& on);
  std::optional<stack::StackSwitch> from_c_call(const stack::RawFrame& frame, const Machine& on,
                                                MemoryReader& memory);
  std::optional<stack::StackSwitch> to_thread(const stack::RawFrame& frame, MemoryReader& memory);

  sym::ModuleMap modules_;
  bool has_go_ = false;
  std::unordered_map<uint64_t, Known> known_;
  std::function<const Machine*()> find_machine_;
  // Of the stack at hand.
  const Machine* machine_ = nullptr;
  bool has_asked_ = false;
  bool is_scheduling_ = false;
  uint64_t callback_sp_ = 0;  ///< where the thread's stack goes on behind the next cgocallback
};

}  // namespace clew::go
