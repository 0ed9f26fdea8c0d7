#pragma once

#include "cli/debug/debugger.h"

namespace clew::cli {

/// Conditions and texts of breakpoints: read when they are set, in the language and with the names
/// of the place, and evaluated in the thread that hits.
Result<HitCondition> compile_condition(Debugger& debugger, const std::string& text,
                                       const CodePlace& place);
Result<HitText> compile_log(Debugger& debugger, const std::string& text, const CodePlace& place);

}  // namespace clew::cli
