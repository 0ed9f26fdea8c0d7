#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "session/thread_row.h"
#include "view/style.h"

namespace clew {

struct ThreadTableOptions {
  size_t width = 0;        ///< of the terminal; 0 means no limit
  bool state_now = false;  ///< show the state while held beside the one before
  bool selection = false;  ///< mark the selected thread
};

/// The table of threads as text.
std::string render_threads(const std::vector<ThreadRow>& rows, const ThreadTableOptions& options,
                           const Style& style);

/// @return e.g. "held", the name that JSON uses.
std::string_view activity_name(ThreadActivity activity);

/// The same as JSON; the fields are in docs/json.md.
nlohmann::ordered_json threads_to_json(const std::vector<ThreadRow>& rows);

/// @return an address as every view shows it.
std::string hex_address(uint64_t address);

}  // namespace clew
