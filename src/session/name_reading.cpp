#include "session/name_reading.h"

#include <sched.h>
#include <sys/eventfd.h>

#include <algorithm>

#include "base/worker.h"

namespace clew {
namespace {

/// The work of one file is bound by memory beyond this.
constexpr int most_threads = 8;

unsigned usable_cpus() {
  cpu_set_t cpus;
  CPU_ZERO(&cpus);
  if (sched_getaffinity(0, sizeof cpus, &cpus) != 0) return 1;
  return static_cast<unsigned>(std::clamp(CPU_COUNT(&cpus), 1, most_threads));
}

}  // namespace

NameReading::NameReading(std::vector<std::shared_ptr<const sym::Module>> modules,
                         const sym::NameCache& cache)
    : modules_(std::move(modules)), cache_(cache), done_fd_(eventfd(0, EFD_CLOEXEC)) {
  worker_ = start_worker([this] { work(); });
}

NameReading::~NameReading() {
  cancel();
  if (worker_.joinable()) worker_.join();
}

void NameReading::work() {
  const unsigned threads = usable_cpus();
  for (const auto& module : modules_) {
    auto names = sym::ModuleNames::load(module, cache_, threads, control_);
    if (!names) break;
    found_.push_back(std::move(*names));
  }
  done_ = true;
  eventfd_write(done_fd_.value(), 1);
}

std::vector<NameReading::Names> NameReading::take() {
  if (worker_.joinable()) worker_.join();
  return std::move(found_);
}

}  // namespace clew
