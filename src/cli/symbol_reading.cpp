#include "cli/symbol_reading.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/printable.h"
#include "cli/xdg.h"
#include "sym/debug_files.h"

namespace clew::cli {
namespace {

/// What is over sooner needs no bar.
constexpr auto quiet_time = std::chrono::milliseconds(300);
constexpr auto redraw_interval = std::chrono::milliseconds(100);
constexpr uint64_t megabyte = 1000000;

std::string progress_bar(std::string_view what, const WorkControl& control) {
  constexpr uint64_t bar_width = 30;
  if (control.total == 0) return fmt::format("{} ...", what);
  const uint64_t total = control.total;
  const uint64_t done = std::min<uint64_t>(control.done, total);
  const uint64_t filled = done * bar_width / total;
  return fmt::format("{} [{}{}] {} of {} MB", what, std::string(filled, '#'),
                     std::string(bar_width - filled, ' '), done / megabyte, total / megabyte);
}

void warn_of_problems(Console& console, Symbols& symbols) {
  for (const std::string& problem : symbols.take_problems()) console.warn(problem);
}

}  // namespace

bool FetchState::update(const std::string& what, uint64_t done, uint64_t total) {
  const std::lock_guard guard(mutex_);
  text_ = total == 0 ? fmt::format("fetching {}", printable(what))
                     : fmt::format("fetching {}, {} of {} MB", printable(what), done / megabyte,
                                   total / megabyte);
  return !cancelled_;
}

std::string FetchState::text() const {
  const std::lock_guard guard(mutex_);
  return text_;
}

Symbols::Options symbol_options(const os::ProcDir& proc, std::shared_ptr<FetchState> fetch) {
  Symbols::Options options;
  std::unique_ptr<sym::DebugServer> server;
  if (fetch != nullptr) {
    server = sym::debug_server_of_environment(
        [fetch](const std::string& what, uint64_t done, uint64_t total) {
          return fetch->update(what, done, total);
        });
  }
  options.finder = sym::DebugFiles::of_process(proc, std::move(server));
  if (auto folder = cache_directory()) options.cache_directory = *folder + "/names";
  return options;
}

Status wait_for(Console& console, Background& work, std::string_view what, FetchState* fetch) {
  const TimePoint start = Clock::now();
  bool drawn = false;
  while (!work.is_done()) {
    console.wait(work.event_fd(), Deadline::after(redraw_interval));
    if (console.is_interrupted() || console.must_leave()) {
      work.cancel();
      if (fetch != nullptr) fetch->set_cancelled(true);
    }
    if (work.is_done() || Clock::now() - start < quiet_time) continue;
    const std::string fetching = fetch == nullptr ? "" : fetch->text();
    console.progress("\r\x1b[K" +
                     (fetching.empty() ? progress_bar(what, work.control()) : fetching));
    drawn = true;
  }
  if (drawn) console.progress("\r\x1b[K");
  if (fetch != nullptr) fetch->set_cancelled(false);
  if (work.control().cancelled)
    return fail(ErrorCode::cancelled, fmt::format("{} was interrupted", what));
  return {};
}

Status open_debug_files(Console& console, Symbols& symbols, FetchState* fetch) {
  const auto opening = symbols.start_opening();
  if (opening == nullptr) return {};
  Status status = wait_for(console, *opening, "looking for debug files", fetch);
  opening->join();
  warn_of_problems(console, symbols);
  return status;
}

Status read_names(Console& console, Symbols& symbols) {
  const auto reading = symbols.start_reading();
  if (reading == nullptr) return {};
  Status status = wait_for(console, reading->background(), "reading names");
  symbols.finish_reading(*reading);
  warn_of_problems(console, symbols);
  return status;
}

}  // namespace clew::cli
