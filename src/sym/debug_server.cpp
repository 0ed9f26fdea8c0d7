#include "sym/debug_server.h"

#include <dlfcn.h>
#include <elfutils/debuginfod.h>
#include <fmt/format.h>

#include <cerrno>
#include <cstdlib>
#include <mutex>
#include <optional>

#include "base/clock.h"
#include "base/printable.h"

namespace clew::sym {
namespace {

/// A server that has sent nothing for so long is taken for dead. The library itself waits 90 s.
constexpr auto patience = std::chrono::seconds(10);

/// The calls of libdebuginfod that are used.
struct Library {
  decltype(&::debuginfod_begin) begin = nullptr;
  decltype(&::debuginfod_end) end = nullptr;
  decltype(&::debuginfod_find_debuginfo) find_debuginfo = nullptr;
  decltype(&::debuginfod_set_progressfn) set_progressfn = nullptr;

  static std::optional<Library> load() {
    // Kept until clew ends: the HTTP client must not be unloaded.
    void* const handle = ::dlopen("libdebuginfod.so.1", RTLD_NOW | RTLD_LOCAL);
    if (handle == nullptr) return std::nullopt;
    Library library;
    const auto find = [&](auto& function, const char* name) {
      function =
          reinterpret_cast<std::remove_reference_t<decltype(function)>>(::dlsym(handle, name));
      return function != nullptr;
    };
    const bool complete = find(library.begin, "debuginfod_begin") &&
                          find(library.end, "debuginfod_end") &&
                          find(library.find_debuginfo, "debuginfod_find_debuginfo") &&
                          find(library.set_progressfn, "debuginfod_set_progressfn");
    if (!complete) return std::nullopt;
    return library;
  }
};

class EnvironmentServer final : public DebugServer {
 public:
  explicit EnvironmentServer(FetchProgress progress) : progress_(std::move(progress)) {}
  ~EnvironmentServer() override {
    if (client_ != nullptr) library_->end(client_);
  }

  Result<UniqueFd> fetch_debug_file(const BuildId& build_id, const std::string& what) override;

 private:
  static int on_progress(debuginfod_client* client, long a, long b);
  bool go_on(uint64_t done, uint64_t total);
  bool open();

  std::mutex mutex_;
  FetchProgress progress_;
  std::optional<Library> library_;
  debuginfod_client* client_ = nullptr;
  bool is_dead_ = false;
  // Of the fetch that is going on.
  std::string what_;
  uint64_t done_ = 0;
  Deadline deadline_;
  bool is_cancelled_ = false;
};

/// Who is fetching on this thread: the callback comes on the same one. (The library would keep a
/// pointer for us, but the call that reads it back has to be looked up as well.)
thread_local EnvironmentServer* fetching = nullptr;

bool EnvironmentServer::open() {
  if (client_ != nullptr) return true;
  if (!library_) library_ = Library::load();
  if (!library_) return false;
  client_ = library_->begin();
  if (client_ == nullptr) return false;
  library_->set_progressfn(client_, on_progress);
  return true;
}

int EnvironmentServer::on_progress(debuginfod_client* /*client*/, long a, long b) {
  const auto positive = [](long n) { return n > 0 ? static_cast<uint64_t>(n) : 0; };
  return fetching == nullptr || fetching->go_on(positive(a), positive(b)) ? 0 : 1;
}

bool EnvironmentServer::go_on(uint64_t done, uint64_t total) {
  // Before the transfer begins, the number only counts how often this was called.
  constexpr uint64_t some_bytes = 4096;
  if (done >= done_ + some_bytes) {
    done_ = done;
    deadline_ = Deadline::after(patience);
  }
  if (progress_ && !progress_(what_, total == 0 ? 0 : done, total)) is_cancelled_ = true;
  return !is_cancelled_ && !deadline_.passed();
}

Result<UniqueFd> EnvironmentServer::fetch_debug_file(const BuildId& build_id,
                                                     const std::string& what) {
  const std::lock_guard guard(mutex_);
  if (is_dead_) return fail(ErrorCode::unavailable, "no server of DEBUGINFOD_URLS answers");
  if (!open()) {
    is_dead_ = true;
    return fail(ErrorCode::unavailable,
                "DEBUGINFOD_URLS is set, but libdebuginfod.so.1 cannot be loaded: install "
                "libdebuginfod1");
  }
  what_ = what;
  done_ = 0;
  deadline_ = Deadline::after(patience);
  is_cancelled_ = false;
  fetching = this;
  const int fd = library_->find_debuginfo(
      client_, reinterpret_cast<const unsigned char*>(build_id.bytes.data()),
      static_cast<int>(build_id.bytes.size()), nullptr);
  fetching = nullptr;
  if (fd >= 0) return UniqueFd(fd);
  if (is_cancelled_)
    return fail(ErrorCode::cancelled, fmt::format("fetching {} was given up", printable(what)));
  if (fd == -ENOENT)
    return fail(ErrorCode::not_found,
                fmt::format("no server has a debug file for {}", printable(what)));
  // Whatever else it is, it would be the same for the next file.
  is_dead_ = true;
  return fail(ErrorCode::unavailable,
              fmt::format("no server of DEBUGINFOD_URLS answers ({}); none is asked again",
                          deadline_.passed() ? "timeout" : errno_text(-fd)));
}

}  // namespace

std::unique_ptr<DebugServer> debug_server_of_environment(FetchProgress progress) {
  const char* const urls = std::getenv(DEBUGINFOD_URLS_ENV_VAR);
  if (urls == nullptr || *urls == '\0') return nullptr;
  return std::make_unique<EnvironmentServer>(std::move(progress));
}

}  // namespace clew::sym
