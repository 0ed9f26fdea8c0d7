#include "session/name_reading.h"

#include <algorithm>
#include <thread>

#include "base/worker.h"
#include "os/scheduling.h"

namespace clew {
namespace {

/// The work of one file is bound by memory beyond this.
constexpr unsigned most_threads = 8;

}  // namespace

NameReading::NameReading(std::vector<std::shared_ptr<const sym::Module>> modules,
                         const sym::NameCache& cache)
    : modules_(std::move(modules)),
      cache_(cache),
      background_([this](WorkControl& control) { work(control); }) {}

void NameReading::work(WorkControl& control) {
  const unsigned threads = std::min(os::usable_cpus(), most_threads);
  // Whoever looks for a name goes through the symbols as well. To read and sort those of a large
  // file is the work of one thread.
  std::thread symbols = start_worker([&] {
    for (const auto& module : modules_) {
      if (!control.cancelled) (void)module->symbols();
    }
  });
  for (const auto& module : modules_) {
    auto names = sym::ModuleNames::load(module, cache_, threads, control);
    if (!names) break;
    found_.push_back(std::move(*names));
  }
  symbols.join();
}

std::vector<NameReading::Names> NameReading::take() {
  background_.join();
  return std::move(found_);
}

}  // namespace clew
