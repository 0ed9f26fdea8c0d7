#pragma once

#include <memory>
#include <string_view>

#include "lang/present.h"

namespace clew::lang::cpp {

// Each makes the printer of a type that has one of the names in printers.cpp: "std::vector",
// without inline namespaces. @return nullptr when the type has not the members that it needs.

std::unique_ptr<Printer> make_string(const Type* type, std::string_view name);
std::unique_ptr<Printer> make_string_view(const Type* type, std::string_view name);
std::unique_ptr<Printer> make_path(const Type* type, std::string_view name);
std::unique_ptr<Printer> make_vector(const Type* type, std::string_view name);
std::unique_ptr<Printer> make_array(const Type* type, std::string_view name);
std::unique_ptr<Printer> make_span(const Type* type, std::string_view name);
std::unique_ptr<Printer> make_initializer_list(const Type* type, std::string_view name);
std::unique_ptr<Printer> make_bitset(const Type* type, std::string_view name);
std::unique_ptr<Printer> make_deque(const Type* type, std::string_view name);
std::unique_ptr<Printer> make_list(const Type* type, std::string_view name);
std::unique_ptr<Printer> make_forward_list(const Type* type, std::string_view name);
std::unique_ptr<Printer> make_tree(const Type* type, std::string_view name);
std::unique_ptr<Printer> make_hash_table(const Type* type, std::string_view name);
std::unique_ptr<Printer> make_pair(const Type* type, std::string_view name);
std::unique_ptr<Printer> make_tuple(const Type* type, std::string_view name);
std::unique_ptr<Printer> make_optional(const Type* type, std::string_view name);
std::unique_ptr<Printer> make_variant(const Type* type, std::string_view name);
std::unique_ptr<Printer> make_any(const Type* type, std::string_view name);
std::unique_ptr<Printer> make_function(const Type* type, std::string_view name);
std::unique_ptr<Printer> make_unique_ptr(const Type* type, std::string_view name);
std::unique_ptr<Printer> make_shared_ptr(const Type* type, std::string_view name);
std::unique_ptr<Printer> make_reference_wrapper(const Type* type, std::string_view name);
std::unique_ptr<Printer> make_atomic(const Type* type, std::string_view name);
std::unique_ptr<Printer> make_duration(const Type* type, std::string_view name);
std::unique_ptr<Printer> make_time_point(const Type* type, std::string_view name);
std::unique_ptr<Printer> make_thread(const Type* type, std::string_view name);
std::unique_ptr<Printer> make_mutex(const Type* type, std::string_view name);
std::unique_ptr<Printer> make_adaptor(const Type* type, std::string_view name);
std::unique_ptr<Printer> make_pointer_iterator(const Type* type, std::string_view name);
std::unique_ptr<Printer> make_tree_iterator(const Type* type, std::string_view name);
std::unique_ptr<Printer> make_hash_iterator(const Type* type, std::string_view name);
std::unique_ptr<Printer> make_list_iterator(const Type* type, std::string_view name);

}  // namespace clew::lang::cpp
