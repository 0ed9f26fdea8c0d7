#pragma once

#include <vector>

#include "cli/debug/debugger.h"
#include "session/location.h"

namespace clew::cli {

/// Where the selected frame of the selected thread stands.
struct CodePosition {
  Addr pc;
  bool is_call = false;  ///< pc is where a call returns to
  sym::SourceLine line;  ///< empty when it is not known
};

/// @return not_stopped, gone.
Result<CodePosition> current_position(Debugger& debugger);

/// Every address that a location means, as the user types it. Reads names first when it needs them.
/// Nothing is where the selected thread stands.
Result<std::vector<CodeLocation>> find_locations(Debugger& debugger, const std::string& text);

/// The same for places where a thread is to stop or to go on: an instruction must begin there.
Result<std::vector<CodeLocation>> find_stops(Debugger& debugger, const std::string& text);

/// A location that means the same wherever the selected thread is later: with its file, or as an
/// address. Text that cannot be resolved now stays as it is.
std::string settled_location(Debugger& debugger, const std::string& text);

/// The same for one that has been taken apart.
Result<std::vector<CodeLocation>> find_locations(Debugger& debugger, const Location& location);

/// Reads what finding a location will need, for DebugCommand::prepare.
void prepare_location(Debugger& debugger, const std::string& text);

}  // namespace clew::cli
