#pragma once

#include <memory>
#include <string>

#include "base/memory_reader.h"
#include "sym/elf_image.h"

namespace clew::sym {

/// The build-id that is in the target's memory where `image` should be mapped with `bias`; empty
/// when nothing can be read there or it is no such note. For the question whether a file is the one
/// that was mapped.
BuildId build_id_in_memory(const ElfImage& image, uint64_t bias, MemoryReader& memory);

/// What can be put together again of an ELF file from where it is mapped, for when the file is not
/// to be had: its loaded segments and the dynamic symbols. `header` is where its first byte is
/// mapped. @return bad_data when no ELF header is there; fault.
Result<std::unique_ptr<ElfImage>> image_from_memory(Addr header, MemoryReader& memory,
                                                    std::string label);

}  // namespace clew::sym
