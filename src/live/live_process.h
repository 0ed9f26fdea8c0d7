#pragma once

#include <memory>

#include "inferior/backend.h"
#include "inferior/inferior.h"
#include "live/engine.h"
#include "live/launch.h"
#include "live/memory.h"
#include "os/event_loop.h"
#include "os/pidfd.h"
#include "os/proc_dir.h"

namespace clew::live {

/// A running process under ptrace. When it is destroyed, or clew ends in any way, the kernel lets
/// every thread go as it is; detach() does that in good order.
class LiveProcess final : public Inferior, public RunControl {
 public:
  /// Attaches to every thread of `pid`; they run on. `loop`, `let_go` and `neighbours` must outlive
  /// the process. @return not_found, permission (with the kernel's refusal of the first thread),
  /// gone.
  static Result<Backend::Attached> attach(pid_t pid, os::EventLoop& loop,
                                          const Backend::Options& options, LetGo* let_go = nullptr,
                                          Neighbours* neighbours = nullptr);

  /// See Backend::launch(). `let_go` takes the child when it is detached.
  static Result<Backend::Attached> launch(const LaunchOptions& options, os::EventLoop& loop,
                                          LetGo& let_go, Neighbours* neighbours = nullptr);

  /// See Backend::take_over().
  static Result<Backend::Attached> take_over(pid_t child, bool launched, os::EventLoop& loop,
                                             Neighbours* neighbours = nullptr);

  /// See Backend::roll().
  static Result<Backend::RollReport> roll(pid_t pid, os::EventLoop& loop,
                                          const Backend::Options& options,
                                          const std::function<void(const Backend::Look&)>& visitor);

  // Inferior
  pid_t pid() const override { return proc_.pid(); }
  const arch::Arch& arch() const override { return arch_; }
  bool is_alive() const override { return engine_.is_alive(); }
  std::vector<Thread> threads() const override;
  Result<const arch::GeneralRegisters*> general(ThreadId id) override;
  Result<std::vector<std::byte>> extended(ThreadId id) override;
  Result<uint64_t> debug(ThreadId id, size_t index) override;
  Result<std::vector<std::byte>> signal_info(ThreadId id) override;
  Result<size_t> read_memory(Addr address, MutableBytes into) override;
  RunControl* run_control() override { return this; }

  // RunControl
  HoldReport hold_all(const Deadline& deadline) override { return engine_.hold_all(deadline); }
  void attend_first(std::vector<pid_t> tids) override { engine_.attend_first(std::move(tids)); }
  void apply(const RunRequest& request) override { engine_.apply(request); }
  using RunControl::step;
  Status step(ThreadId id, uint64_t count, const std::function<bool()>& go_on,
              const Deadline& deadline, uint64_t& done) override {
    return engine_.step(id, count, go_on, deadline, done);
  }
  Result<bool> lead(ThreadId id, const std::function<Lead()>& next,
                    const Deadline& deadline) override {
    return engine_.lead(id, next, deadline);
  }
  Result<CallEnd> call_function(ThreadId id, const FunctionCall& call,
                                const Deadline& deadline) override {
    return engine_.call_function(id, call, deadline);
  }
  void pump(std::span<const pid_t> named) override { engine_.pump(named); }
  std::vector<Event> take_events() override { return engine_.take_events(); }
  Status set_trap(Addr address) override { return engine_.set_trap(address); }
  Status clear_trap(Addr address) override { return engine_.clear_trap(address); }
  void set_safety_net(bool wanted) override { engine_.set_safety_net(wanted); }
  void on_hit(HitHandler handler) override { engine_.on_hit(std::move(handler)); }
  void on_broken_off(BrokenOffHandler handler) override {
    engine_.on_broken_off(std::move(handler));
  }
  Result<unsigned> set_watch(Addr address, unsigned size, WatchKind kind) override {
    return engine_.set_watch({address, size, kind});
  }
  Status clear_watch(unsigned slot) override { return engine_.clear_watch(slot); }
  void on_watch(WatchHandler handler) override { engine_.on_watch(std::move(handler)); }
  void on_act(ActHandler handler) override { engine_.on_act(std::move(handler)); }
  void catch_acts(unsigned kinds) override { engine_.catch_acts(kinds); }
  void on_signal(SignalHandler handler) override { engine_.on_signal(std::move(handler)); }
  bool is_stop_wanted() const override { return engine_.is_stop_wanted(); }
  void pass_trap(ThreadId id) override { engine_.pass_trap(id); }
  Status write_general(ThreadId id, const arch::GeneralRegisters& registers) override;
  Status write_extended(ThreadId id, Bytes state) override;
  Status write_debug(ThreadId id, size_t index, uint64_t value) override;
  Status write_memory(Addr address, Bytes data) override;
  DetachReport detach(const Deadline& deadline) override;
  Status kill() override { return pidfd_.send_signal(9); }
  Status send_signal(int signal) override { return pidfd_.send_signal(signal); }
  void keep_children(Children what) override { engine_.keep_children(what); }
  std::vector<pid_t> kept_children() const override { return engine_.kept_children(); }
  bool give_child(pid_t child) override { return engine_.give_child(child); }
  void release_child(pid_t child) override { engine_.release_child(child); }
  bool has_tracees() const override { return engine_.has_tracees(); }
  void hold_at_exec(bool hold) override { engine_.hold_at_exec(hold); }
  PauseTimes pause_times() const override { return engine_.pause_times(); }
  void keep_typed_interrupts(bool keep) override { engine_.keep_typed_interrupts(keep); }

 private:
  static Result<std::unique_ptr<LiveProcess>> open(pid_t pid, os::EventLoop& loop,
                                                   Neighbours* neighbours);
  static Result<std::unique_ptr<LiveProcess>> open_once(pid_t pid, os::EventLoop& loop,
                                                        Neighbours* neighbours);

  LiveProcess(os::ProcDir proc, os::Pidfd pidfd, os::EventLoop& loop, Neighbours* neighbours);

  os::ProcDir proc_;
  os::Pidfd pidfd_;
  const arch::Arch& arch_;
  std::unique_ptr<PtracePort> ptrace_;
  std::unique_ptr<WaitPort> waits_;
  std::unique_ptr<TaskPort> tasks_;
  Memory memory_;
  Engine engine_;
  LetGo* let_go_ = nullptr;  ///< of a child of clew's: who takes its end once it is detached
};

/// ptrace on this machine. `loop` must outlive it, and it what it attaches to.
class LiveBackend final : public Backend {
 public:
  explicit LiveBackend(os::EventLoop& loop) : loop_(loop) {}

  Result<Attached> attach(pid_t pid, const Options& options) override {
    return LiveProcess::attach(pid, loop_, options, &let_go_, &neighbours_);
  }
  Result<Attached> launch(const LaunchOptions& options) override {
    return LiveProcess::launch(options, loop_, let_go_, &neighbours_);
  }
  Result<Attached> take_over(pid_t child, bool launched) override {
    return LiveProcess::take_over(child, launched, loop_, &neighbours_);
  }
  void reap() override;
  Result<RollReport> roll(pid_t pid, const Options& options,
                          const std::function<void(const Look&)>& visitor) override {
    return LiveProcess::roll(pid, loop_, options, visitor);
  }

 private:
  os::EventLoop& loop_;
  LetGo let_go_;
  Neighbours neighbours_;
};

}  // namespace clew::live
