#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "base/background.h"
#include "cli/console.h"
#include "session/symbols.h"

namespace clew::cli {

/// How far the fetch of a debug file from a server is: told by the worker that fetches, shown by
/// the control thread.
class FetchState {
 public:
  /// @return false when the fetch is to be given up.
  bool update(const std::string& what, uint64_t done, uint64_t total);
  /// "fetching libc.so.6, 3 of 12 MB"; empty when nothing is being fetched.
  std::string text() const;
  void set_cancelled(bool cancelled) { cancelled_ = cancelled; }

 private:
  std::atomic<bool> cancelled_{false};
  mutable std::mutex mutex_;
  std::string text_;
};

/// Where symbols come from and are kept, by the user's settings. With a `fetch` the servers of
/// DEBUGINFOD_URLS are asked for what is not there.
Symbols::Options symbol_options(const os::ProcDir& proc,
                                std::shared_ptr<FetchState> fetch = nullptr);

/// Waits for work in the background, with a progress bar for somebody who watches; the target's
/// news and the deadlines of a hold are attended to meanwhile. `what` is e.g. "reading names".
/// @return cancelled when the user has interrupted it or clew must leave.
Status wait_for(Console& console, Background& work, std::string_view what,
                FetchState* fetch = nullptr);

/// Looks for the debug files of modules that are new. @return cancelled.
Status open_debug_files(Console& console, Symbols& symbols, FetchState* fetch);

/// Reads the names of all modules that are not there yet, and warns of what is wrong with them.
/// @return cancelled.
Status read_names(Console& console, Symbols& symbols);

}  // namespace clew::cli
