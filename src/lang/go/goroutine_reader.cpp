#include "lang/go/goroutine_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <memory>
#include <thread>
#include <unordered_map>

#include "base/worker.h"
#include "lang/go/goroutine_part.h"
#include "lang/go/interrupted_place.h"
#include "lang/go/label_reader.h"

namespace clew::go {
namespace {

/// Below this a thread of our own costs more than it saves.
constexpr uint64_t worth_a_worker = 4096;
constexpr unsigned most_workers = 4;
/// Of the list, as many pointers as are copied at a time.
constexpr uint64_t list_piece = 1 << 20;

size_t workers_for(size_t count) {
  // Asked once, before any stop: the library opens a file for it.
  static const unsigned cpus = std::max(1U, std::thread::hardware_concurrency());
  return std::min<size_t>({count / worth_a_worker + 1, cpus, most_workers});
}

/// One reading: the goroutines, then those on threads, then labels.
class Reading {
 public:
  Reading(const TargetCopy& memory, const RuntimeLayout& layout, const sym::ModuleMap& modules,
          const ReadOptions& options, Goroutines prepared,
          std::vector<std::vector<std::byte>>& scratch)
      : memory_(memory),
        layout_(layout),
        modules_(modules),
        options_(options),
        found_(std::move(prepared)),
        scratch_(scratch) {}

  Goroutines run(std::span<const ThreadAt> threads);

 private:
  using Part = std::unique_ptr<GoroutinePart>;

  std::vector<uint64_t> read_list(Addr list, uint64_t count) const;
  void read_all(Addr list, uint64_t count);
  void take(const GoroutinePart& part, size_t from, size_t to);
  void place_on_threads(std::span<const ThreadAt> threads);
  bool is_running(const Goroutine& goroutine, uint64_t& inner_tid) const;
  void place_on_thread(Goroutine& goroutine, const ThreadAt& thread) const;
  void read_labels();
  Part make_part(size_t worker) {
    if (scratch_.size() <= worker) scratch_.resize(worker + 1);
    return std::make_unique<GoroutinePart>(memory_, layout_, modules_, options_, scratch_[worker]);
  }

  const TargetCopy& memory_;
  const RuntimeLayout& layout_;
  const sym::ModuleMap& modules_;
  const ReadOptions& options_;
  Goroutines found_;
  std::vector<std::vector<std::byte>>& scratch_;  ///< of each worker
  std::vector<size_t> on_threads_;                ///< those that say so, by index
  bool has_labels_ = false;                       ///< some have
};

Goroutines Reading::run(std::span<const ThreadAt> threads) {
  const auto pointers = memory_.read<uint64_t>(layout_.all_pointer);
  const auto count = memory_.read<uint64_t>(layout_.all_count);
  if (!pointers || !count) {
    found_.problems.emplace_back("the runtime's list of goroutines cannot be read");
    return std::move(found_);
  }
  if (*count > most_goroutines) {
    found_.problems.push_back(
        fmt::format("the runtime's list of goroutines is corrupt: it says that it has {}", *count));
    return std::move(found_);
  }
  read_all({*pointers}, *count);
  place_on_threads(threads);
  if (options_.labels && has_labels_) read_labels();
  return std::move(found_);
}

/// @return the list itself, as far as it can be read. Whatever the runtime says that its length is,
/// this takes no more room than the list has memory.
std::vector<uint64_t> Reading::read_list(Addr list, uint64_t count) const {
  std::vector<uint64_t> addresses;
  while (addresses.size() < count) {
    const size_t from = addresses.size();
    addresses.resize(from + std::min<uint64_t>(count - from, list_piece));
    const auto bytes = std::as_writable_bytes(std::span(addresses).subspan(from));
    const size_t copied = memory_.copy(list + from * sizeof(uint64_t), bytes);
    if (copied == bytes.size()) continue;
    addresses.resize(from + copied / sizeof(uint64_t));
    break;
  }
  return addresses;
}

void Reading::read_all(Addr list, uint64_t count) {
  const std::vector<uint64_t> addresses = read_list(list, count);
  const size_t workers = workers_for(addresses.size());
  scratch_.resize(std::max(scratch_.size(), workers));
  std::vector<Part> parts;
  std::vector<std::thread> threads;
  const auto start_of = [&](size_t part) { return addresses.size() * part / workers; };
  found_.all.resize(addresses.size());
  const auto run = [&](size_t i) {
    const size_t size = start_of(i + 1) - start_of(i);
    parts[i]->run(std::span(addresses).subspan(start_of(i), size),
                  std::span(found_.all).subspan(start_of(i), size));
  };
  for (size_t i = 0; i < workers; ++i) parts.push_back(make_part(i));
  for (size_t i = 1; i < workers; ++i) threads.push_back(start_worker([&run, i] { run(i); }));
  run(0);
  for (std::thread& thread : threads) thread.join();
  size_t unreadable = count - addresses.size();
  size_t used = 0;
  for (size_t i = 0; i < workers; ++i) {
    take(*parts[i], start_of(i), used);
    used += parts[i]->count();
    unreadable += parts[i]->unreadable();
  }
  found_.all.resize(used);
  if (unreadable > 0) {
    found_.problems.push_back(fmt::format(
        "{} of {} entries in the runtime's list of goroutines cannot be read", unreadable, count));
  }
}

/// Of what lies in found_.all from `from` on, which goes to `to`, where what was taken before ends.
void Reading::take(const GoroutinePart& part, size_t from, size_t to) {
  found_.is_complete = found_.is_complete && part.is_complete();
  has_labels_ = has_labels_ || part.has_labels();
  for (const uint32_t index : part.on_threads()) on_threads_.push_back(to + index);
  Goroutine* const start = found_.all.data();
  if (from != to) std::copy_n(start + from, part.count(), start + to);
  std::vector<uint32_t> numbers;
  numbers.reserve(part.stacks().size());
  bool is_same = true;
  for (uint32_t i = 0; i < part.stacks().size(); ++i) {
    numbers.push_back(found_.stacks.add(part.stacks()[i]));
    is_same = is_same && numbers[i] == i;
  }
  if (is_same) return;
  for (Goroutine& goroutine : std::span(start + to, part.count())) {
    if (goroutine.stack != Goroutine::none) goroutine.stack = numbers[goroutine.stack];
  }
}

/// Whether the thread that it is said to be on has it as the one that it runs.
bool Reading::is_running(const Goroutine& goroutine, uint64_t& inner_tid) const {
  const auto runs = memory_.read<uint64_t>(goroutine.machine + layout_.machine.goroutine);
  const auto tid = memory_.read<uint64_t>(goroutine.machine + layout_.machine.thread_id);
  if (!runs || !tid || *runs != goroutine.descriptor.value) return false;
  inner_tid = *tid;
  return true;
}

void Reading::place_on_thread(Goroutine& goroutine, const ThreadAt& thread) const {
  goroutine.thread = thread.tid;
  if (thread.sp > goroutine.stack_low.value && thread.sp <= goroutine.stack_high.value) {
    goroutine.pc = {thread.pc};
    goroutine.sp = {thread.sp};
    goroutine.fp = {thread.fp};
    goroutine.is_exact = true;
    return;
  }
  // The thread is on a stack of its own: in the scheduler, in C. What was saved when it went there
  // holds then; but what is saved is not cleared after each use, so that it can be of before.
  const RuntimeLayout::Machine& at = layout_.machine;
  if (at.vdso_sp && at.vdso_pc) {
    // Who calls into the vdso saves where that returns to (vdsoPC and vdsoSP in the runtime's
    // sys_linux_amd64.s).
    const auto sp = memory_.read<uint64_t>(goroutine.machine + *at.vdso_sp);
    const auto pc = memory_.read<uint64_t>(goroutine.machine + *at.vdso_pc);
    if (sp && pc && *sp > goroutine.stack_low.value && *sp < goroutine.stack_high.value) {
      goroutine.pc = {*pc};
      goroutine.sp = {*sp};
      goroutine.is_exact = false;
      return;
    }
  }
  // In C and in system calls, which takes no look: the stack can be large.
  if (goroutine.state() != GoroutineState::running) return;
  if (const auto place = find_interrupted_place(memory_, thread.sp, goroutine)) {
    goroutine.pc = {place->pc};
    goroutine.sp = {place->sp};
    goroutine.fp = {place->fp};
    goroutine.is_exact = true;
  }
}

void Reading::place_on_threads(std::span<const ThreadAt> threads) {
  std::unordered_map<uint64_t, const ThreadAt*> by_tid;
  for (const ThreadAt& thread : threads)
    by_tid.emplace(static_cast<uint64_t>(thread.inner_tid), &thread);
  // In corrupt memory every one could seem to be on a thread.
  size_t left = threads.size() * 2 + 256;
  const Part part = make_part(0);
  for (const size_t index : on_threads_) {
    if (left-- == 0) break;
    Goroutine& goroutine = found_.all[index];
    uint64_t tid = 0;
    const ThreadAt* on = nullptr;
    if (is_running(goroutine, tid)) {
      if (const auto thread = by_tid.find(tid); thread != by_tid.end()) on = thread->second;
    }
    if (on != nullptr) place_on_thread(goroutine, *on);
    part->add_stack(goroutine, found_.stacks);
    if (on != nullptr && goroutine.state() == GoroutineState::syscall &&
        part->is_empty(goroutine, found_.stacks)) {
      // A thread of C's own that is back in C from a call into Go: it keeps a goroutine for the
      // next one, without a frame until then.
      goroutine.pc = {on->pc};
      goroutine.is_exact = true;
      goroutine.stack = found_.stacks.add(std::array{StackWord::of(on->pc, true)});
    }
  }
}

void Reading::read_labels() {
  LabelReader reader(memory_, layout_);
  for (Goroutine& goroutine : found_.all) {
    if (goroutine.label_pointer == 0) continue;
    if (options_.deadline.passed()) {
      found_.is_complete = false;
      break;
    }
    if (const auto number = reader.read(goroutine.label_pointer)) goroutine.labels = *number;
  }
  found_.labels = reader.take_sets();
  if (reader.broken() > 0) {
    found_.problems.push_back(
        fmt::format("{} sets of labels make no sense and are left out", reader.broken()));
  }
}

}  // namespace

void GoroutineReader::prepare(MemoryReader& memory) {
  const auto count = memory.read<uint64_t>(layout_.all_count);
  if (!count || *count > most_goroutines / 16) return;
  const size_t room = *count + *count / 8;
  prepared_.all.resize(room);
  scratch_.resize(workers_for(room));
  for (auto& one : scratch_) one.resize(GoroutinePart::scratch_size(layout_, room));
}

Goroutines GoroutineReader::read(MemoryReader& memory, std::span<const ThreadAt> threads,
                                 const ReadOptions& options) {
  const TargetCopy copy(pid_, memory, layout_.all_count);
  Goroutines found =
      Reading(copy, layout_, modules_, options, std::exchange(prepared_, {}), scratch_)
          .run(threads);
  scratch_.clear();
  return found;
}

}  // namespace clew::go
