#pragma once

#include <memory>

#include "base/result.h"
#include "sym/elf_image.h"

namespace clew::sym {

/// The symbols that distributions leave in a stripped file: .gnu_debugdata, an ELF file packed with
/// xz that has a .symtab of the functions that .dynsym lacks. @return not_found when the image has
/// none, bad_data.
Result<std::unique_ptr<ElfImage>> mini_debug_image(const ElfImage& image);

}  // namespace clew::sym
