#pragma once

#include <optional>

#include "arch/arch.h"
#include "stack/code_view.h"
#include "stack/frame.h"

namespace clew::stack {

/// Where there are no tables: finds a caller by the saved frame pointer, or by a word on the stack
/// that stands behind a call. A caller that calls the very function that we are in is taken first,
/// so that functions without a frame pointer between those with one are not lost.
/// @return nullopt when nothing looks like a caller. Only the pc, the stack pointer and the frame
/// pointer are known in what is returned.
std::optional<RawFrame> guess_caller(const RawFrame& frame, const CodeView& code,
                                     const arch::Arch& arch, MemoryReader& memory);

}  // namespace clew::stack
