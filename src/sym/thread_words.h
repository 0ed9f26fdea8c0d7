#pragma once

#include <cstdint>
#include <vector>

#include "sym/elf_image.h"

namespace clew::sym {

/// A word of a file's data that the dynamic loader sets, before any of the file's code runs, to
/// where a thread has something of the file's thread-local storage: so far behind the thread
/// pointer, modulo 2^64 (R_X86_64_TPOFF64).
struct ThreadWord {
  uint64_t address = 0;  ///< of the word, in the file's own addresses
  uint64_t offset = 0;   ///< of the thing, in the file's thread-local storage
};

/// All of them, in the order of the file's relocations.
std::vector<ThreadWord> thread_words(const ElfImage& image);

}  // namespace clew::sym
