#pragma once

#include "cli/console.h"
#include "session/symbols.h"

namespace clew::cli {

/// Where symbols come from and are kept, by the user's settings.
Symbols::Options symbol_options();

/// Reads the names of all modules that are not there yet, with a progress bar for somebody who
/// watches. The target's news and the deadlines of a hold are attended to meanwhile.
/// @return cancelled when the user has interrupted it or clew must leave.
Status read_names(Console& console, Symbols& symbols);

}  // namespace clew::cli
