#pragma once

#include <string>

#include "session/breakpoint.h"

namespace clew::cli {

class Debugger;

/// The memory that the user wants to be watched: `*ADDRESS`, with `-s SIZE` before it when it is
/// not a word of eight bytes. @return bad_request with the forms that there are; what the
/// expression's evaluation gives.
Result<WatchPlace> find_watch_place(Debugger& debugger, const std::string& text);

}  // namespace clew::cli
