#pragma once

#include <string>
#include <string_view>

#include "value/type.h"

namespace clew::lang::rust {

/// A type with its modules, without its arguments: "alloc::vec::Vec". Pointers have theirs in their
/// names: "alloc::boxed::Box".
std::string plain_name(const value::Type* type);

/// A name without modules and without the allocator that everything has: "Box<[u16]>".
std::string short_name(std::string_view name);

}  // namespace clew::lang::rust
