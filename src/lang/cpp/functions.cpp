// std::function: what it calls, by the names of what it was made of.

#include "lang/cpp/families.h"
#include "lang/cpp/names.h"
#include "value/rendering.h"

namespace clew::lang::cpp {
namespace {

/// "calling add(int, int)" for a type that stands for a function, and the pointer where it is one.
std::string describe(const Value& value, const std::string& called, Result<uint64_t> pointer) {
  if (called.find("(*)(") != std::string::npos && pointer) {
    const auto name = value.target().name_of(Addr{*pointer});
    return name ? short_name(name->name) : fmt::format("{:#x}", *pointer);
  }
  return short_name(called);
}

/// The invoker is a function of a class that is named after what is called.
std::unique_ptr<Printer> make_libstdcxx(const Type* type, const std::string& summary) {
  const auto manager = find_field(type, {"_M_manager"});
  const auto invoker = find_field(type, {"_M_invoker"});
  const auto functor = find_field(type, {"_M_functor"});
  if (!manager || !invoker || !functor) return nullptr;
  return make_printer([=](const Value& value) -> Result<Presentation> {
    const auto is_set = manager->number(value);
    const auto invoke = invoker->number(value);
    if (!is_set || !invoke) return tl::unexpected((!is_set ? is_set : invoke).error());
    if (*is_set == 0) return present_summary("empty " + summary);
    const auto named = value.target().name_of(Addr{*invoke});
    const std::string called =
        named ? template_argument_in(named->name, "_Function_handler<", 1) : std::string();
    if (called.empty()) return corrupt("its invoker {:#x} is no function of that kind", *invoke);
    return present_summary(summary + " calling " +
                           describe(value, called, value.read<uint64_t>(functor->offset)));
  });
}

/// What is called is held by an object whose class is named after it.
std::unique_ptr<Printer> make_libcxx(const Type* type, const std::string& summary) {
  const auto holder = find_any_field(type, {{"__f_", "__f_"}, {"__f_"}});
  if (!holder) return nullptr;
  return make_printer([=](const Value& value) -> Result<Presentation> {
    const auto at = holder->number(value);
    if (!at) return tl::unexpected(at.error());
    if (*at == 0) return present_summary("empty " + summary);
    const auto table = read_at<uint64_t>(value.target(), Addr{*at});
    if (!table) return tl::unexpected(table.error());
    const auto named = value.target().name_of(Addr{*table});
    const std::string called =
        named ? template_argument_in(named->name, "::__func<", 0) : std::string();
    if (called.empty()) return corrupt("its table {:#x} is none of that kind", *table);
    return present_summary(
        summary + " calling " +
        describe(value, called, read_at<uint64_t>(value.target(), Addr{*at} + sizeof(uint64_t))));
  });
}

}  // namespace

std::unique_ptr<Printer> make_function(const Type* type, std::string_view name) {
  const Type* const signature = type->template_type(0);
  if (signature == nullptr) return nullptr;
  const std::string summary = fmt::format("{}<{}>", name, short_name(signature));
  if (auto printer = make_libstdcxx(type, summary)) return printer;
  return make_libcxx(type, summary);
}

}  // namespace clew::lang::cpp
