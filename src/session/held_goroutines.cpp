#include "session/held_goroutines.h"

#include <fmt/format.h>

#include "session/thread_row.h"

namespace clew {
namespace {

constexpr auto longest_read = std::chrono::seconds(30);
constexpr unsigned most_tries = 5;

}  // namespace

Result<const GoRuntime*> HeldGoroutines::runtime() {
  // Of a stripped program it is found by how it looks, for which a stop can have come in the middle
  // of a change.
  const bool is_worth_another = runtime_ && !*runtime_ &&
                                runtime_->error().code == ErrorCode::unsupported &&
                                tries_ < most_tries && tried_ != session_.epoch();
  if (!runtime_ || code_ != symbols_.generation() || is_worth_another) {
    tries_ = is_worth_another ? tries_ + 1 : 0;
    tried_ = session_.epoch();
    snapshot_.reset();
    machines_.reset();
    os::ProcessMemory memory(proc_);
    runtime_.emplace(find_go_runtime(symbols_, memory));
    code_ = symbols_.generation();
  }
  if (!*runtime_) return tl::unexpected(runtime_->error());
  return &**runtime_;
}

std::function<pid_t(pid_t)> HeldGoroutines::inner_tids() const {
  std::vector<pid_t> tids;
  for (const Thread& thread : session_.threads()) tids.push_back(thread.id.tid);
  return [inner = read_inner_tids(proc_, tids)](pid_t tid) {
    const auto found = inner.find(tid);
    return found == inner.end() ? tid : found->second;
  };
}

Result<const go::Machine*> HeldGoroutines::machine_of(ThreadId thread) {
  if (!session_.is_holding())
    return fail(ErrorCode::not_stopped, "the process is running: `interrupt` stops it");
  const auto known = runtime();
  if (!known) return tl::unexpected(known.error());
  if (!machines_ || machines_->epoch != session_.epoch()) {
    machines_.emplace(Machines{
        session_.epoch(), go::read_machines(session_.inferior(), (*known)->layout), inner_tids()});
  }
  const auto tid = static_cast<uint64_t>(machines_->inner_tid(thread.tid));
  const go::Machine* const machine = go::machine_of(machines_->all, tid);
  if (machine != nullptr) return machine;
  return fail(ErrorCode::not_found, fmt::format("thread {} (tid {}) is not one of the Go runtime's",
                                                thread.number, thread.tid));
}

Result<GoroutineSnapshot*> HeldGoroutines::all() {
  if (!session_.is_holding())
    return fail(ErrorCode::not_stopped, "the process is running: `interrupt` stops it");
  const auto known = runtime();
  if (!known) return tl::unexpected(known.error());
  if (snapshot_ != nullptr && epoch_ == session_.epoch()) return snapshot_.get();
  go::GoroutineReader reader(session_.pid(), (*known)->layout, symbols_.modules());
  go::ReadOptions options;
  options.deadline = Deadline::after(longest_read);
  snapshot_ = std::make_unique<GoroutineSnapshot>(
      symbols_.modules(),
      reader.read(session_.inferior(), go_threads(session_.inferior(), inner_tids()), options),
      (*known)->layout.wait_reasons, Clock::now().time_since_epoch().count());
  epoch_ = session_.epoch();
  by_id_.clear();
  for (size_t i = 0; i < snapshot_->found.all.size(); ++i)
    by_id_.emplace(snapshot_->found.all[i].id, i);
  return snapshot_.get();
}

Result<const go::Goroutine*> HeldGoroutines::find(uint64_t id) {
  const auto snapshot = all();
  if (!snapshot) return tl::unexpected(snapshot.error());
  const auto found = by_id_.find(id);
  if (found == by_id_.end()) {
    const auto& selected = session_.selected_goroutine();
    return fail(ErrorCode::not_found,
                selected && selected->id == id
                    ? fmt::format("the selected goroutine {} has ended: choose another with "
                                  "`goroutine N`, or a thread with `thread N`",
                                  id)
                    : fmt::format("there is no goroutine {}: see `goroutines`", id));
  }
  return &(*snapshot)->found.all[found->second];
}

Result<uint64_t> HeldGoroutines::of_thread(ThreadId thread) {
  const auto machine = machine_of(thread);
  if (!machine) return tl::unexpected(machine.error());
  if ((*machine)->goroutine != 0) return (*machine)->goroutine;
  return fail(ErrorCode::not_found,
              fmt::format("thread {} (tid {}) runs no goroutine", thread.number, thread.tid));
}

std::optional<RunningGoroutine> HeldGoroutines::running(const arch::GeneralRegisters& registers) {
  const auto known = runtime();
  if (!known) return std::nullopt;
  Inferior& inferior = session_.inferior();
  return running_goroutine(**known, inferior, inferior.arch(), registers);
}

Status HeldGoroutines::select(uint64_t id) {
  const auto goroutine = find(id);
  if (!goroutine) return tl::unexpected(goroutine.error());
  std::optional<ThreadId> thread;
  if ((*goroutine)->thread != 0) {
    const auto found = session_.find_tid((*goroutine)->thread);
    if (!found) return tl::unexpected(found.error());
    thread = *found;
  }
  session_.select_goroutine(id, thread);
  followed_ = session_.epoch();
  return {};
}

void HeldGoroutines::follow() {
  const auto selected = session_.selected_goroutine();
  if (!selected || !session_.is_holding() || followed_ == session_.epoch()) return;
  followed_ = session_.epoch();
  if (!select(selected->id)) session_.select_goroutine(selected->id, std::nullopt);
}

}  // namespace clew
