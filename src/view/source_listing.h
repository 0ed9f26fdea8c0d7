#pragma once

#include <optional>
#include <string>

#include "session/source_files.h"
#include "view/style.h"

namespace clew {

/// One line of source fit for a terminal: tabs become spaces.
std::string printable_source(std::string_view line);

/// Lines `first` to `last` of a file with their numbers, as far as it has them; the one at which
/// the program stands is marked.
std::string render_source(const SourceText& text, size_t first, size_t last,
                          std::optional<size_t> current, const Style& style);

}  // namespace clew
