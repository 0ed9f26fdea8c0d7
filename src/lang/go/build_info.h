#pragma once

#include <optional>
#include <string>

#include "sym/elf_image.h"

namespace clew::go {

/// True for a file that holds a Go runtime or Go code: the linker of Go has left its marks, which
/// strip(1) does not take away.
bool is_go_image(const sym::ElfImage& image);

/// The release that built it, as "go1.26.8": from .go.buildinfo, which stripped files have too.
/// @return nullopt for what is not Go, was built without, or by a release before 1.18.
std::optional<std::string> go_version(const sym::ElfImage& image);

}  // namespace clew::go
