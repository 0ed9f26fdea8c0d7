#include "base/log.h"

#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>

namespace clew {
namespace {

constexpr std::array<std::string_view, 3> area_names = {"ptrace", "wait", "engine"};

struct LogSink {
  unsigned areas = 0;
  std::FILE* file = stderr;

  LogSink() {
    const char* wanted = std::getenv("CLEW_LOG");
    if (wanted == nullptr) return;
    std::string_view rest = wanted;
    while (!rest.empty()) {
      const size_t comma = rest.find(',');
      const std::string_view name = rest.substr(0, comma);
      rest = comma == rest.npos ? std::string_view() : rest.substr(comma + 1);
      for (unsigned i = 0; i < area_names.size(); ++i) {
        if (name == "all" || name == area_names[i]) areas |= 1U << i;
      }
    }
    if (const char* path = std::getenv("CLEW_LOG_FILE")) {
      if (std::FILE* opened = std::fopen(path, "ae")) file = opened;
    }
  }
};

const LogSink& sink() {
  static const LogSink the_sink;
  return the_sink;
}

}  // namespace

bool log_enabled(LogArea area) { return (sink().areas >> static_cast<unsigned>(area) & 1U) != 0; }

void log_write(LogArea area, std::string_view text) {
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  const double seconds = std::chrono::duration<double>(now).count();
  const std::string line =
      fmt::format("{:.6f} {} {}\n", seconds, area_names[static_cast<unsigned>(area)], text);
  std::fwrite(line.data(), 1, line.size(), sink().file);
  std::fflush(sink().file);
}

}  // namespace clew
