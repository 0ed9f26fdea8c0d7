#pragma once

#include <string_view>

#include "base/background.h"
#include "cli/console.h"
#include "session/symbols.h"

namespace clew::cli {

/// Where symbols come from and are kept, by the user's settings.
Symbols::Options symbol_options();

/// Waits for work in the background, with a progress bar for somebody who watches; the target's
/// news and the deadlines of a hold are attended to meanwhile. `what` is e.g. "reading names".
/// @return cancelled when the user has interrupted it or clew must leave.
Status wait_for(Console& console, Background& work, std::string_view what);

/// Reads the names of all modules that are not there yet. @return cancelled.
Status read_names(Console& console, Symbols& symbols);

}  // namespace clew::cli
