#include "cli/symbol_reading.h"

#include <fmt/format.h>

#include <algorithm>

#include "cli/xdg.h"

namespace clew::cli {
namespace {

/// What is over sooner needs no bar.
constexpr auto quiet_time = std::chrono::milliseconds(300);
constexpr auto redraw_interval = std::chrono::milliseconds(100);

std::string progress_bar(const WorkControl& control) {
  constexpr uint64_t bar_width = 30;
  const uint64_t total = std::max<uint64_t>(control.total, 1);
  const uint64_t done = std::min<uint64_t>(control.done, total);
  const uint64_t filled = done * bar_width / total;
  return fmt::format("\r\x1b[Kreading names [{}{}] {} of {} MB", std::string(filled, '#'),
                     std::string(bar_width - filled, ' '), done / 1000000, total / 1000000);
}

}  // namespace

Symbols::Options symbol_options() {
  Symbols::Options options;
  if (auto folder = cache_directory()) options.cache_directory = *folder + "/names";
  return options;
}

Status read_names(Console& console, Symbols& symbols) {
  const auto reading = symbols.start_reading();
  if (reading == nullptr) return {};
  const TimePoint start = Clock::now();
  bool drawn = false;
  while (!reading->is_done()) {
    console.wait(reading->event_fd(), Deadline::after(redraw_interval));
    if (console.is_interrupted() || console.must_leave()) reading->cancel();
    if (reading->is_done() || Clock::now() - start < quiet_time) continue;
    console.progress(progress_bar(reading->control()));
    drawn = true;
  }
  if (drawn) console.progress("\r\x1b[K");
  const bool was_cancelled = reading->control().cancelled;
  symbols.finish_reading(*reading);
  if (was_cancelled) return fail(ErrorCode::cancelled, "reading names was interrupted");
  return {};
}

}  // namespace clew::cli
