#pragma once

#include <memory>
#include <string_view>

#include "lang/present.h"

namespace clew::lang::rust {

// Each makes the printer of a type that has one of the names in printers.cpp. @return nullptr when
// the type has not the members that it needs.

std::unique_ptr<Printer> make_string(const Type* type, std::string_view name);
std::unique_ptr<Printer> make_vec(const Type* type, std::string_view name);
std::unique_ptr<Printer> make_vec_deque(const Type* type, std::string_view name);
std::unique_ptr<Printer> make_linked_list(const Type* type, std::string_view name);
std::unique_ptr<Printer> make_hash_table(const Type* type, std::string_view name);
std::unique_ptr<Printer> make_btree(const Type* type, std::string_view name);
std::unique_ptr<Printer> make_shared(const Type* type, std::string_view name);
std::unique_ptr<Printer> make_wrapper(const Type* type, std::string_view name);
std::unique_ptr<Printer> make_cell(const Type* type, std::string_view name);
std::unique_ptr<Printer> make_ref_cell(const Type* type, std::string_view name);
std::unique_ptr<Printer> make_mutex(const Type* type, std::string_view name);
std::unique_ptr<Printer> make_rw_lock(const Type* type, std::string_view name);

/// Of a Box that is one pointer.
std::unique_ptr<Printer> make_box(const Type* type);
/// Of whatever has a length or a table of methods beside its pointer: &str, &[T], &dyn T, Box<[T]>.
std::unique_ptr<Printer> make_wide_pointer(const Type* type);

}  // namespace clew::lang::rust
