#include "live/neighbours.h"

#include <algorithm>

#include "live/engine.h"

namespace clew::live {

void Neighbours::leave(Engine& engine) { std::erase(engines_, &engine); }

bool Neighbours::has_others(const Engine& asking) const {
  return std::any_of(engines_.begin(), engines_.end(),
                     [&](const Engine* engine) { return engine != &asking; });
}

bool Neighbours::is_of_other(const Engine& asking, pid_t tid) const {
  return std::any_of(engines_.begin(), engines_.end(), [&](const Engine* engine) {
    return engine != &asking && engine->tracees().find(tid) != nullptr;
  });
}

bool Neighbours::is_process_of_other(const Engine& asking, pid_t pid) const {
  return std::any_of(engines_.begin(), engines_.end(), [&](const Engine* engine) {
    return engine != &asking && engine->is_alive() && engine->pid() == pid;
  });
}

}  // namespace clew::live
