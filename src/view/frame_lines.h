#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "stack/groups.h"
#include "stack/namer.h"
#include "view/style.h"

namespace clew {

/// One frame as every view shows it. Texts are as the files have them, not yet fit for a terminal.
struct FrameView {
  unsigned level = 0;
  Addr pc;               ///< of the physical frame, the same for the copies inlined into it
  std::string function;  ///< empty when unknown
  std::string linkage_name;
  std::string arguments;  ///< "(argc=1)", fit for a terminal; empty when they are not shown
  std::string details;    ///< lines below it, fit for a terminal; not in JSON
  std::string module;     ///< path; empty for code of no file
  uint64_t offset = 0;    ///< in the module
  std::optional<sym::SourceLine> line;
  bool is_inlined = false;
  bool is_signal_frame = false;
  stack::FrameOrigin origin = stack::FrameOrigin::registers;

  /// True when a reader could not tell them apart.
  bool looks_like(const FrameView& other) const;
};

std::vector<FrameView> frame_views(const stack::Stack& stack);
std::vector<FrameView> frame_views(const stack::StackGroup& group, stack::Namer& namer);

struct FrameLineOptions {
  bool addresses = false;
  /// Shows a run of frames that repeat themselves (a recursion) by its beginning and its end.
  bool fold_repeats = false;
  std::optional<unsigned> selected;  ///< level to be marked
  std::string indent;
};

/// "#1  sleeper at sleepers.c:41", without the level.
std::string describe_frame(const FrameView& frame);

/// A line each, and one more for a stack that did not come to its outermost frame.
std::string render_frames(const std::vector<FrameView>& frames, const FrameLineOptions& options,
                          const Style& style);
/// @return "" for a stack that is whole.
std::string describe_end(stack::StackEnd end, const std::string& note);

/// The names that JSON uses.
std::string_view origin_name(stack::FrameOrigin origin);
std::string_view end_name(stack::StackEnd end);
nlohmann::ordered_json frames_to_json(const std::vector<FrameView>& frames);

/// A part of a list of frames: `length` frames from `start` on, which repeat those before them.
struct RepeatedFrames {
  size_t start = 0, length = 0;
  size_t period = 0;  ///< after how many frames they come again
};
/// The runs that are long enough to be worth folding. What remains when they are left out is one
/// turn before, and one behind.
std::vector<RepeatedFrames> find_repeats(const std::vector<FrameView>& frames);

}  // namespace clew
