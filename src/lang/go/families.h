#pragma once

#include <memory>

#include "lang/present.h"

namespace clew::go {

using lang::Child;
using lang::corrupt;
using lang::Field;
using lang::find_field;
using lang::make_printer;
using lang::Presentation;
using lang::Printer;
using lang::read_at;
using lang::Shape;
using lang::Target;
using lang::Type;
using lang::Value;

// Each makes the printer of a type of its family; `type` has no aliases. @return nullptr when it is
// none, or has not the members that are needed.

std::unique_ptr<Printer> make_string(const Type* type);
std::unique_ptr<Printer> make_slice(const Type* type);
std::unique_ptr<Printer> make_channel(const Type* type);
/// Of Go 1.24 and later: groups of slots, tables of groups.
std::unique_ptr<Printer> make_swiss_map(const Type* type);
/// Of versions before: buckets in chains.
std::unique_ptr<Printer> make_bucket_map(const Type* type);
std::unique_ptr<Printer> make_interface(const Type* type);
std::unique_ptr<Printer> make_function(const Type* type);

// Of the standard library.
std::unique_ptr<Printer> make_time(const Type* type);
std::unique_ptr<Printer> make_duration(const Type* type);
std::unique_ptr<Printer> make_mutex(const Type* type);
std::unique_ptr<Printer> make_rw_mutex(const Type* type);
std::unique_ptr<Printer> make_wait_group(const Type* type);
std::unique_ptr<Printer> make_once(const Type* type);
std::unique_ptr<Printer> make_atomic(const Type* type);
std::unique_ptr<Printer> make_value_context(const Type* type);
std::unique_ptr<Printer> make_cancel_context(const Type* type);
std::unique_ptr<Printer> make_timer_context(const Type* type);

}  // namespace clew::go
