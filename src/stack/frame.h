#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/addr.h"
#include "stack/registers.h"
#include "sym/code.h"
#include "sym/module_map.h"

namespace clew::stack {

/// How a frame was found, from the surest to a guess.
enum class FrameOrigin : uint8_t {
  registers,      ///< the innermost frame: the thread's own registers
  cfi,            ///< by the unwind tables
  signal,         ///< behind a signal frame: what the signal interrupted
  runtime,        ///< the innermost frame of what is on no thread: as its runtime has saved it
  frame_pointer,  ///< no table; by the saved frame pointer: a guess
  scan            ///< no table; a word on the stack that looks like a return address: a guess
};
constexpr bool is_guess(FrameOrigin origin) {
  return origin == FrameOrigin::frame_pointer || origin == FrameOrigin::scan;
}

/// One physical frame as the unwinder finds it: no names yet.
struct RawFrame {
  Addr pc;
  /// What to look names up by: pc - 1 behind a call, since a call that never returns can be the
  /// last instruction of its function; pc itself in the innermost frame and behind a signal.
  Addr lookup;
  Addr cfa;  ///< canonical frame address (DWARF 5, 6.4); 0 when unknown
  Registers registers;
  FrameOrigin origin = FrameOrigin::registers;
  bool is_signal_frame = false;  ///< the trampoline that the kernel returns through
};

/// Why a stack ends where it ends.
enum class StackEnd : uint8_t {
  outermost,    ///< the tables say so: nobody called this frame
  no_tables,    ///< no unwind information here, and nothing to guess by
  bad_memory,   ///< the stack cannot be read there
  cycle,        ///< the next frame would be one that was seen already, or not further out
  depth_limit,  ///< as many frames as were asked for
};

struct RawStack {
  std::vector<RawFrame> frames;  ///< innermost first
  StackEnd end = StackEnd::outermost;
  std::string end_note;  ///< words for it, for people; empty for outermost
};

/// What users see as a frame: a physical one, or an inlined copy in one, with names.
struct Frame {
  unsigned level = 0;     ///< 0 is the innermost
  unsigned physical = 0;  ///< index into RawStack::frames
  sym::FunctionAt function;
  std::optional<sym::SourceLine>
      line;  ///< where it is: for a caller of an inlined copy, the line of that call
  std::optional<sym::LoadedModule> module;  ///< nullopt for code of no file
};

/// A whole stack with names. A value that dates from one stop.
struct Stack {
  RawStack raw;
  std::vector<Frame> frames;  ///< innermost first

  const RawFrame& physical(const Frame& frame) const { return raw.frames[frame.physical]; }
};

}  // namespace clew::stack
