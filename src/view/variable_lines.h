#pragma once

#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string>
#include <vector>

#include "session/frame_variables.h"
#include "view/frame_lines.h"

namespace clew {

/// The variables of stacks that look the same.
struct MemberVariables {
  const StackVariables* variables = nullptr;
  uint64_t id = 0;  ///< of the thread or goroutine
};

struct VariableLineOptions {
  std::string indent;
  size_t most_different = 0;  ///< different values of one variable that are shown; 0: all
  std::string_view what;      ///< the members are: "tid", "goroutine"
};

/// Puts the variables of all members into the frames of their stack: into `arguments` what they
/// have in common, "…" for what differs, and below the frame the locals, the arguments that have no
/// room in its line, and what differs with whose it is. `missing` are lines for what was not read.
void add_variables(std::vector<FrameView>& frames, std::span<const MemberVariables> members,
                   const VariableLineOptions& options, std::string& missing);

/// An array with an element for each frame that has variables; see docs/json.md.
nlohmann::ordered_json variables_to_json(const StackVariables& variables);

}  // namespace clew
