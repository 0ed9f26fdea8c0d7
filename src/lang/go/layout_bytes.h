#pragma once

#include <optional>
#include <vector>

#include "base/bytes.h"
#include "lang/go/runtime_layout.h"

namespace clew::go {

/// A layout as bytes that can be kept on disk for the next time that the same file is looked at.
/// Its addresses are those of the file, wherever that is mapped.
std::vector<std::byte> layout_to_bytes(const RuntimeLayout& layout,
                                       const sym::LoadedModule& loaded);

/// @return nothing for what layout_to_bytes() of this very version of clew has not made. Whether
/// the bytes are whole is for the caller to know.
std::optional<RuntimeLayout> layout_of_bytes(Bytes bytes, const sym::LoadedModule& loaded);

}  // namespace clew::go
