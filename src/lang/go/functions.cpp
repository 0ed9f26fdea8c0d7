// Values of function types: pointers to closures, which begin with the address of the code. What
// was captured lies behind it (DW_AT_go_closure_offset, from Go 1.23 on).

#include <dwarf.h>

#include "lang/go/families.h"
#include "lang/go/type_names.h"
#include "sym/code.h"
#include "value/dwarf_read.h"
#include "value/types.h"

namespace clew::go {
namespace {

/// Variables captured by one closure: more than anyone writes.
constexpr size_t most_captured = 1000;

std::vector<Child> captured(Target& target, Addr closure, Addr code) {
  std::vector<Child> children;
  const sym::LoadedModule* const loaded = target.modules().find(code);
  if (loaded == nullptr) return children;
  const auto lock = loaded->module->lock();
  const auto functions = sym::functions_at(*loaded->module, loaded->to_file(code));
  if (functions.empty() || functions.back().die.addr == nullptr) return children;
  value::for_each_child(functions.back().die, [&](const Dwarf_Die& child) {
    auto attribute = value::attribute_of(child, value::at_go_closure_offset);
    Dwarf_Word offset = 0;
    if (!attribute || dwarf_formudata(&*attribute, &offset) != 0) return true;
    auto named = value::attribute_of(child, DW_AT_name);
    const char* const text = named ? dwarf_formstring(&*named) : nullptr;
    std::string name = text == nullptr ? "" : text;
    Value value =
        Value::in_memory(target, target.types().type_of(loaded->module, child), closure + offset);
    // Captured by reference.
    if (name.starts_with('&') && value.type()->is_pointer()) {
      name.erase(0, 1);
      const auto object = value.dereference();
      value = object ? *object : Value::absent(target, value.type(), object.error().text);
    }
    children.push_back({std::move(name), std::nullopt, std::move(value)});
    return children.size() < most_captured;
  });
  return children;
}

}  // namespace

std::unique_ptr<Printer> make_function(const Type*) {
  return make_printer([](const Value& value) -> Result<Presentation> {
    const auto closure = value.as_address();
    if (!closure) return tl::unexpected(closure.error());
    if (closure->value == 0) return lang::present_summary(nil_of(value));
    Target& target = value.target();
    const auto code = read_at<uint64_t>(target, *closure);
    if (!code) return tl::unexpected(code.error());
    const auto name = target.name_of(Addr{*code});
    if (!name || !name->is_code)
      return corrupt("a function whose code is at {:#x}, where there is none", *code);
    const std::string summary =
        name->name + (name->offset == 0 ? "" : fmt::format("+{}", name->offset));
    std::vector<Child> children = captured(target, *closure, Addr{*code});
    if (children.empty()) return lang::present_summary(summary);
    return lang::present_children(summary, Shape::fields, std::move(children));
  });
}

}  // namespace clew::go
