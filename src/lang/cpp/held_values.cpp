// One value or none, of one type or several: std::optional, std::variant, std::any.

#include "lang/cpp/families.h"
#include "lang/cpp/names.h"

namespace clew::lang::cpp {
namespace {

Presentation present_held(std::string summary, Value held, Shape shape = Shape::fields) {
  std::vector<Child> children;
  children.push_back({"[contained value]", std::nullopt, std::move(held)});
  return present_children(std::move(summary), shape, std::move(children));
}

Presentation present_none(const std::string& name) {
  return present_summary(name + " [no contained value]");
}

}  // namespace

std::unique_ptr<Printer> make_optional(const Type* type, std::string_view name) {
  const Type* const held = type->template_type(0);
  const auto is_engaged =
      find_any_field(type, {{"_M_payload", "_M_engaged"}, {"_M_engaged"}, {"__engaged_"}});
  const auto place =
      find_any_field(type, {{"_M_payload", "_M_payload"}, {"_M_payload"}, {"__val_"}});
  if (held == nullptr || !is_engaged || !place) return nullptr;
  const std::string summary = fmt::format("{}<{}>", name, short_name(held));
  return make_printer([=](const Value& value) -> Result<Presentation> {
    const auto flag = value.read<uint8_t>(is_engaged->offset);
    if (!flag) return tl::unexpected(flag.error());
    if (*flag > 1) return corrupt("its flag is {}, neither 0 nor 1", *flag);
    if (*flag == 0) return present_none(summary);
    return present_held(summary, value.part(place->offset, held));
  });
}

std::unique_ptr<Printer> make_variant(const Type* type, std::string_view name) {
  const auto index =
      find_any_field(type, {{"_M_index"}, {"__impl_", "__index"}, {"__impl", "__index"}});
  const auto place = find_any_field(type, {{"_M_u"}, {"__impl_", "__data"}, {"__impl", "__data"}});
  if (!index || !place) return nullptr;
  std::vector<const Type*> alternatives;
  std::string names;
  for (const value::TemplateArgument& argument : type->template_arguments()) {
    if (!argument.is_type) return nullptr;
    alternatives.push_back(argument.type);
    names += (names.empty() ? "" : ", ") + short_name(argument.type);
  }
  const uint64_t size = size_of(index->type).value_or(0);
  if (alternatives.empty() || size == 0 || size > sizeof(uint64_t)) return nullptr;
  const uint64_t none = UINT64_MAX >> (64 - 8 * size);
  const std::string summary = fmt::format("{}<{}>", name, names);
  return make_printer(
      [=, index = *index, place = *place](const Value& value) -> Result<Presentation> {
        const auto number = index.number(value);
        if (!number) return tl::unexpected(number.error());
        const uint64_t chosen = *number & none;
        if (chosen == none) return present_none(summary);
        if (chosen >= alternatives.size())
          return corrupt("its index is {}, of {} alternatives", chosen, alternatives.size());
        return present_held(fmt::format("{} [index {}]", summary, chosen),
                            value.part(place.offset, alternatives[chosen]), Shape::list);
      });
}

std::unique_ptr<Printer> make_any(const Type* type, std::string_view name) {
  // A function that knows the type stands for it: its name says which.
  const auto manager = find_any_field(type, {{"_M_manager"}, {"__h_"}, {"__h"}});
  const auto storage = find_any_field(type, {{"_M_storage"}, {"__s_"}, {"__s"}});
  if (!manager || !storage) return nullptr;
  return make_printer([=](const Value& value) -> Result<Presentation> {
    const auto function = manager->number(value);
    if (!function) return tl::unexpected(function.error());
    if (*function == 0) return present_none(std::string(name));
    const auto named = value.target().name_of(Addr{*function});
    if (!named || named->offset != 0)
      return corrupt("its manager {:#x} is no function of that kind", *function);
    bool is_inside = true;
    std::string held;
    for (const auto& [manager_name, inside] : {std::pair{"::_Manager_internal<", true},
                                               {"::_Manager_external<", false},
                                               {"::_SmallHandler<", true},
                                               {"::_LargeHandler<", false}}) {
      is_inside = inside;
      held = template_argument_in(named->name, manager_name, 0);
      if (!held.empty()) break;
    }
    if (held.empty()) return corrupt("its manager is {}", named->name);
    const std::string summary = fmt::format("{} containing {}", name, short_name(held));
    const auto held_type = value.target().find_type(held, type);
    if (!held_type) return present_summary(summary);
    if (is_inside) return present_held(summary, value.part(storage->offset, *held_type));
    const auto at = value.read<uint64_t>(storage->offset);
    if (!at) return tl::unexpected(at.error());
    return present_held(summary, value.at(Addr{*at}, *held_type));
  });
}

}  // namespace clew::lang::cpp
