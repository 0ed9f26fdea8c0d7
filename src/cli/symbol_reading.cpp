#include "cli/symbol_reading.h"

#include <fmt/format.h>

#include <algorithm>

#include "cli/xdg.h"

namespace clew::cli {
namespace {

/// What is over sooner needs no bar.
constexpr auto quiet_time = std::chrono::milliseconds(300);
constexpr auto redraw_interval = std::chrono::milliseconds(100);

std::string progress_bar(std::string_view what, const WorkControl& control) {
  constexpr uint64_t bar_width = 30;
  if (control.total == 0) return fmt::format("\r\x1b[K{} ...", what);
  const uint64_t total = control.total;
  const uint64_t done = std::min<uint64_t>(control.done, total);
  const uint64_t filled = done * bar_width / total;
  return fmt::format("\r\x1b[K{} [{}{}] {} of {} MB", what, std::string(filled, '#'),
                     std::string(bar_width - filled, ' '), done / 1000000, total / 1000000);
}

}  // namespace

Symbols::Options symbol_options() {
  Symbols::Options options;
  if (auto folder = cache_directory()) options.cache_directory = *folder + "/names";
  return options;
}

Status wait_for(Console& console, Background& work, std::string_view what) {
  const TimePoint start = Clock::now();
  bool drawn = false;
  while (!work.is_done()) {
    console.wait(work.event_fd(), Deadline::after(redraw_interval));
    if (console.is_interrupted() || console.must_leave()) work.cancel();
    if (work.is_done() || Clock::now() - start < quiet_time) continue;
    console.progress(progress_bar(what, work.control()));
    drawn = true;
  }
  if (drawn) console.progress("\r\x1b[K");
  if (work.control().cancelled)
    return fail(ErrorCode::cancelled, fmt::format("{} was interrupted", what));
  return {};
}

Status read_names(Console& console, Symbols& symbols) {
  const auto reading = symbols.start_reading();
  if (reading == nullptr) return {};
  Status status = wait_for(console, reading->background(), "reading names");
  symbols.finish_reading(*reading);
  return status;
}

}  // namespace clew::cli
