#include "value/go_dictionary.h"

#include <algorithm>
#include <string_view>

#include "arch/displace.h"

namespace clew::value {
namespace {

/// No function before whose call it is looked for is longer.
constexpr uint64_t longest_caller = 1 << 20;
/// A call is at most so long: of a function by its address, as the compiler makes them.
constexpr uint64_t direct_call = 5;

/// A generic function or type without its package and its types: "Sum" of "lib/shapes.Sum[int]",
/// "Stack" of "lib/shapes.(*Stack[go.shape.int]).Push".
std::string_view generic_name(std::string_view function) {
  function = function.substr(0, function.find('['));
  const size_t start = function.find_last_of("/.(*");
  return start == function.npos ? function : function.substr(start + 1);
}

/// "lib/shapes..dict.Sum[int]" is a dictionary of shapes.Sum.
bool is_dictionary_of(std::string_view symbol, std::string_view function) {
  constexpr std::string_view mark = "..dict.";
  const size_t at = symbol.find(mark);
  if (at == symbol.npos || !function.starts_with(symbol.substr(0, at))) return false;
  const std::string_view name = symbol.substr(at + mark.size());
  return name.substr(0, name.find('[')) == generic_name(function);
}

}  // namespace

std::optional<Addr> passed_dictionary(const Frame& frame) {
  const sym::FunctionAt& function = frame.function();
  if (function.is_inlined) return std::nullopt;
  const auto caller = frame.caller();
  if (caller == nullptr || caller->module() == nullptr) return std::nullopt;
  const sym::LoadedModule& loaded = *caller->module();
  const uint64_t entry = caller->physical_function().entry;
  const uint64_t behind = loaded.to_file(caller->pc());
  if (entry == 0 || behind < entry + direct_call || behind - entry > longest_caller)
    return std::nullopt;
  const Bytes code = loaded.module->image().loaded_from(entry);
  const auto held = arch::addresses_held_at(code, Addr{entry}, Addr{behind - direct_call});
  const auto& symbols = loaded.module->symbols();
  const auto found = std::find_if(held.begin(), held.end(), [&](Addr address) {
    const sym::Symbol* const symbol = symbols.find_data(address.value);
    return symbol != nullptr && symbol->address == address.value &&
           is_dictionary_of(symbol->name, function.name);
  });
  return found == held.end() ? std::nullopt : std::optional(loaded.to_runtime(found->value));
}

}  // namespace clew::value
