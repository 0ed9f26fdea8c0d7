// std::stack, std::queue, std::priority_queue: shown as the container that they are made of.

#include "lang/cpp/families.h"

namespace clew::lang::cpp {

std::unique_ptr<Printer> make_adaptor(const Type* type, std::string_view name) {
  const auto container = find_field(type, {"c"});
  if (!container) return nullptr;
  return make_printer([=](const Value& value) -> Result<Presentation> {
    return present_stand_in(container->of(value), std::string(name));
  });
}

}  // namespace clew::lang::cpp
