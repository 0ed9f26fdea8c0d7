// What the engine decides for each stop, without the kernel.

#include <benchmark/benchmark.h>
#include <sys/ptrace.h>

#include <array>
#include <csignal>

#include "live/run_policy.h"
#include "live/tracee.h"
#include "live/wait_queue.h"

namespace {

using namespace clew;
using namespace clew::live;

constexpr int stop_status(int signal, int event) { return (event << 16) | (signal << 8) | 0x7f; }

void decode_and_decide(benchmark::State& state) {
  constexpr std::array statuses = {stop_status(SIGTRAP, PTRACE_EVENT_STOP),
                                   stop_status(SIGTRAP, PTRACE_EVENT_CLONE),
                                   stop_status(SIGUSR1, 0), stop_status(SIGTRAP, 0)};
  constexpr std::array wishes = {Wanted::hold, Wanted::run, Wanted::step, Wanted::release};
  Tracee tracee;
  tracee.id.tid = 4711;
  size_t i = 0;
  for (auto _ : state) {
    const WaitEvent event = decode_wait_status(tracee.id.tid, statuses[i % statuses.size()]);
    tracee.state =
        event.kind == WaitKind::signal_stop ? TraceeState::signal_stopped : TraceeState::stopped;
    benchmark::DoNotOptimize(next_action(tracee, wishes[i / statuses.size() % wishes.size()]));
    ++i;
  }
}
BENCHMARK(decode_and_decide);

void find_tracee(benchmark::State& state) {
  const auto count = static_cast<pid_t>(state.range(0));
  TraceeTable tracees;
  for (pid_t tid = 1; tid <= count; ++tid) tracees.add(tid, TraceeState::running);
  pid_t tid = 0;
  for (auto _ : state) {
    benchmark::DoNotOptimize(tracees.find(tid + 1));
    tid = (tid + 7919) % count;
  }
}
BENCHMARK(find_tracee)->Arg(10'000);

}  // namespace
