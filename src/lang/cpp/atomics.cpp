// std::atomic and std::atomic_flag: shown as what is in them.

#include "lang/cpp/families.h"

namespace clew::lang::cpp {

std::unique_ptr<Printer> make_atomic(const Type* type, std::string_view) {
  const auto held = find_any_field(type, {{"_M_base", "_M_i"},
                                          {"_M_b", "_M_p"},
                                          {"_M_fp"},
                                          {"_M_i"},
                                          {"__a_", "__a_value"},
                                          {"__a_"}});
  if (!held) return nullptr;
  return make_printer([held = *held](const Value& value) -> Result<Presentation> {
    return present_stand_in(held.of(value));
  });
}

}  // namespace clew::lang::cpp
