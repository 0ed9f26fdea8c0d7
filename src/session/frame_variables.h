#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "session/process_target.h"
#include "value/frame.h"
#include "value/rendering.h"
#include "value/scope.h"

namespace clew {

/// A value in text, on one line or on several with `pretty`.
std::string value_text(const value::Value& value, const value::PrinterSet& printers,
                       const value::PrintOptions& options, unsigned indent = 0);

/// The same for a line of a backtrace: scalars and texts by their values, the rest as "...".
std::string brief_text(const value::Value& value, const value::PrinterSet& printers,
                       const value::PrintOptions& options);

/// What a variable of a frame is called, fit for a terminal. One that another of its name stands
/// for in expressions of Go is in brackets.
std::string variable_name(const value::Variable& variable, const value::Frame& frame);

/// One variable of one frame at one stop.
struct FrameVariable {
  std::string name;
  const value::Type* type = nullptr;
  std::string text;   ///< the value; without one the reason, in <>
  std::string brief;  ///< of arguments: brief_text(); empty for results of Go
  bool is_absent = false;
};

struct FrameVariables {
  unsigned level = 0;
  std::vector<FrameVariable> arguments, locals;
};

/// The variables of one stack, read while its thread was held.
struct StackVariables {
  std::vector<FrameVariables>
      frames;           ///< innermost first; those of which nothing is known are left out
  std::string missing;  ///< why there are no (or no more) of them; empty: all are there
  bool is_cut = false;  ///< for want of time

  /// For want of time there are no more.
  void cut();
};

/// Reads the variables of whole stacks. What it has once learnt of types it keeps, so that a second
/// look at the same code costs little.
class StackVariableReader {
 public:
  /// All must outlive it. Names are read before the stop: it does not wait for them.
  StackVariableReader(MemoryReader& memory, Symbols& symbols, value::PrinterSet printers);

  /// Reads memory through another one from now on, which must outlive this or the next call.
  void read_from(MemoryReader& memory) {
    memory_.now = &memory;
    target_.begin();
  }

  /// `thread` gives the registers that unwinding does not find. Ends at `deadline`, and when
  /// `is_given_up` says so, with what is there by then.
  StackVariables read(const std::shared_ptr<const stack::Stack>& stack,
                      const std::shared_ptr<const value::ThreadState>& thread,
                      const Deadline& deadline, const std::function<bool()>& is_given_up);

 private:
  std::optional<FrameVariables> read(const std::shared_ptr<const value::Frame>& frame,
                                     const value::PrintOptions& options);

  /// Whatever memory is read through at present.
  struct Memory final : MemoryReader {
    explicit Memory(MemoryReader& first) : now(&first) {}
    Result<size_t> read_memory(Addr address, MutableBytes into) override {
      return now->read_memory(address, into);
    }
    MemoryReader* now;
  };

  Memory memory_;
  ProcessTarget target_;
  value::PrinterSet printers_;
};

}  // namespace clew
