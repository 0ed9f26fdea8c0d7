// std::thread and the mutexes, over the types of the C library.

#include "lang/cpp/families.h"

namespace clew::lang::cpp {

std::unique_ptr<Printer> make_thread(const Type* type, std::string_view name) {
  const auto handle = find_any_field(type, {{"_M_id", "_M_thread"}, {"__t_"}});
  if (!handle) return nullptr;
  return make_printer([=](const Value& value) -> Result<Presentation> {
    const auto number = handle->number(value);
    if (!number) return tl::unexpected(number.error());
    if (*number == 0) return present_summary(fmt::format("{} [not joinable]", name));
    return present_summary(fmt::format("{} with handle {:#x}", name, *number));
  });
}

std::unique_ptr<Printer> make_mutex(const Type* type, std::string_view name) {
  auto mutex = find_any_field(type, {{"_M_mutex"}, {"__m_", "__m_"}, {"__m_"}});
  const auto lock = find_field(mutex, {"__data", "__lock"});
  const auto owner = find_field(mutex, {"__data", "__owner"});
  const auto depth = find_field(mutex, {"__data", "__count"});
  if (!lock || !owner || !depth) return nullptr;
  const bool is_recursive = name.find("recursive") != std::string_view::npos;
  return make_printer([=](const Value& value) -> Result<Presentation> {
    const auto state = lock->number(value);
    const auto thread = owner->number(value);
    const auto times = depth->number(value);
    if (!state || !thread) return tl::unexpected((!state ? state : thread).error());
    if (!times) return tl::unexpected(times.error());
    if (*state == 0) return present_summary(fmt::format("{} [unlocked]", name));
    // nptl: 1 is locked, 2 is locked and somebody may wait for it.
    const auto holder = static_cast<int64_t>(*thread);
    if (*state > 2 || holder < 0)
      return corrupt("its state is {} and its owner {}", *state, holder);
    std::string text = fmt::format("{} [locked by thread {}", name, holder);
    if (is_recursive && *times > 1) text += fmt::format(", {} times", *times);
    return present_summary(text + (*state == 2 ? ", others may wait]" : "]"));
  });
}

}  // namespace clew::lang::cpp
