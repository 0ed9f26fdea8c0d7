#pragma once

#include <csignal>
#include <thread>
#include <utility>

namespace clew {

/// Starts a thread of clew's own. It has every signal blocked, so that none is ever delivered to
/// it: they are for the control thread.
template <typename Function>
std::thread start_worker(Function&& function) {
  sigset_t all;
  sigset_t old;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &old);
  std::thread worker(std::forward<Function>(function));
  pthread_sigmask(SIG_SETMASK, &old, nullptr);
  return worker;
}

}  // namespace clew
