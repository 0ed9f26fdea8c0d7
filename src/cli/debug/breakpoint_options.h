#pragma once

#include <string>

#include "base/result.h"
#include "cli/debug/debugger.h"

namespace clew::cli {

/// Takes the first word, or what stands in quotes, from the front of `text`.
std::string take_word(std::string& text);

/// Cuts "if CONDITION" off the end of `text`. @return bad_request when nothing is behind the `if`.
Status take_condition(std::string& text, BreakpointRequest& request);

/// Cuts every "--thread N" and its like out of `text`, wherever it stands outside of quotes.
/// @return bad_request for one that there is not, or whose value means nothing; not_found.
Status take_options(Debugger& debugger, Session& session, std::string& text,
                    BreakpointRequest& request);

}  // namespace clew::cli
