#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "arch/arch.h"
#include "base/memory_reader.h"
#include "base/result.h"

namespace clew {

/// What the runtime of C++ or Rust is told of an exception or a panic.
enum class ExceptionEvent : uint8_t { thrown, rethrown, handled, panic };

/// @return "throw", "rethrow", "catch" or "panic".
std::string_view exception_event_name(ExceptionEvent event);
std::optional<ExceptionEvent> parse_exception_event(std::string_view text);

/// The function that tells of it, at whose first instruction the arguments of exception_type()
/// are. That of a rethrow is the unwinder's: __cxa_rethrow() itself has no arguments.
std::string_view exception_function(ExceptionEvent event);

/// The type of the exception that a thread at the first instruction of exception_function() tells
/// of, demangled: Itanium C++ ABI, Exception Handling, 2.2.1 and 2.4.
/// @return unsupported for what has none: a panic, another language's exception, a cancelled
/// thread's; fault.
Result<std::string> exception_type(ExceptionEvent event, const arch::Arch& arch,
                                   const arch::GeneralRegisters& registers, MemoryReader& memory);

}  // namespace clew
