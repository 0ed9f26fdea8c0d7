#include "session/name_reading.h"

#include <sched.h>

#include <algorithm>

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
    : modules_(std::move(modules)),
      cache_(cache),
      background_([this](WorkControl& control) { work(control); }) {}

void NameReading::work(WorkControl& control) {
  const unsigned threads = usable_cpus();
  for (const auto& module : modules_) {
    auto names = sym::ModuleNames::load(module, cache_, threads, control);
    if (!names) break;
    found_.push_back(std::move(*names));
  }
}

std::vector<NameReading::Names> NameReading::take() {
  background_.join();
  return std::move(found_);
}

}  // namespace clew
