#include "session/exception_event.h"

#include "sym/demangle.h"

namespace clew {
namespace {

struct EventNames {
  ExceptionEvent event;
  std::string_view name;
  std::string_view function;
};

constexpr EventNames event_names[] = {
    {ExceptionEvent::thrown, "throw", "__cxa_throw"},
    {ExceptionEvent::rethrown, "rethrow", "_Unwind_Resume_or_Rethrow"},
    {ExceptionEvent::handled, "catch", "__cxa_begin_catch"},
    {ExceptionEvent::panic, "panic", "rust_panic"},
};

const EventNames& names_of(ExceptionEvent event) { return event_names[static_cast<size_t>(event)]; }

// _Unwind_Exception::exception_class: four letters for the vendor, three for the language, and a
// byte which says that this one only refers to the exception proper (std::rethrow_exception).
constexpr uint64_t gnu_class = 0x474e5543432b2b00;   // "GNUCC++\0"
constexpr uint64_t llvm_class = 0x434c4e47432b2b00;  // "CLNGC++\0"
constexpr uint64_t dependent_bit = 1;

// How far before the _Unwind_Exception that ends it a __cxa_exception has its type, and one that
// refers to another the address behind that one's header. libstdc++ (unwind-cxx.h) and libc++abi
// (cxa_exception.h) agree.
constexpr uint64_t type_before_unwind_header = 80;
constexpr uint64_t unwind_header_size = 32;

constexpr size_t longest_name = 4096;

Result<uint64_t> type_info_of(uint64_t unwind_header, MemoryReader& memory) {
  const auto exception_class = memory.read<uint64_t>({unwind_header});
  if (!exception_class) return exception_class;
  const uint64_t language = *exception_class & ~uint64_t{0xff};
  if (language != gnu_class && language != llvm_class)
    return fail(ErrorCode::unsupported, "it is no exception of C++");
  auto type = memory.read<uint64_t>({unwind_header - type_before_unwind_header});
  if (!type || (*exception_class & dependent_bit) == 0) return type;
  return memory.read<uint64_t>({*type - unwind_header_size - type_before_unwind_header});
}

}  // namespace

std::string_view exception_event_name(ExceptionEvent event) { return names_of(event).name; }

std::optional<ExceptionEvent> parse_exception_event(std::string_view text) {
  for (const EventNames& one : event_names) {
    if (one.name == text) return one.event;
  }
  return std::nullopt;
}

std::string_view exception_function(ExceptionEvent event) { return names_of(event).function; }

Result<std::string> exception_type(ExceptionEvent event, const arch::Arch& arch,
                                   const arch::GeneralRegisters& registers, MemoryReader& memory) {
  if (event == ExceptionEvent::panic)
    return fail(ErrorCode::unsupported, "a panic of Rust has no type");
  // The first two arguments of a function: System V ABI, AMD64, 3.2.3.
  const uint64_t first = registers.word(arch.find("rdi")->offset);
  const uint64_t second = registers.word(arch.find("rsi")->offset);
  const auto type =
      event == ExceptionEvent::thrown ? Result<uint64_t>(second) : type_info_of(first, memory);
  if (!type) return tl::unexpected(type.error());
  // std::type_info: the table of its virtual functions, and its mangled name, before which gcc
  // writes '*' where addresses are to be compared.
  const auto at = memory.read<uint64_t>({*type + sizeof(uint64_t)});
  if (!at) return tl::unexpected(at.error());
  const auto read = memory.read_string({*at}, longest_name);
  if (!read) return tl::unexpected(read.error());
  std::string_view mangled = *read;
  if (mangled.starts_with('*')) mangled.remove_prefix(1);
  constexpr std::string_view prefix = "typeinfo name for ";
  std::string name = sym::demangle("_ZTS" + std::string(mangled));
  if (name.starts_with(prefix)) return name.substr(prefix.size());
  return std::string(mangled);
}

}  // namespace clew
