#pragma once

#include <optional>
#include <string>

namespace clew::cli {

/// clew's folders by the XDG Base Directory specification; an XDG variable that is not an absolute
/// path is ignored, as the specification demands. Nothing when there is no home either.
std::optional<std::string> config_directory();  ///< $XDG_CONFIG_HOME/clew, ~/.config/clew
std::optional<std::string> state_directory();   ///< $XDG_STATE_HOME/clew, ~/.local/state/clew
std::optional<std::string> cache_directory();   ///< $XDG_CACHE_HOME/clew, ~/.cache/clew

}  // namespace clew::cli
