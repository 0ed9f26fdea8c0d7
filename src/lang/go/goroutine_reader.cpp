#include "lang/go/goroutine_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <thread>
#include <unordered_map>

#include "base/worker.h"
#include "lang/go/goroutine_part.h"
#include "lang/go/label_reader.h"

namespace clew::go {
namespace {

/// Below this a thread of our own costs more than it saves.
constexpr uint64_t worth_a_worker = 4096;
constexpr unsigned most_workers = 4;

/// One reading: the goroutines, then those on threads, then labels.
class Reading {
 public:
  Reading(const TargetCopy& memory, const RuntimeLayout& layout, const sym::ModuleMap& modules,
          const ReadOptions& options, Goroutines prepared)
      : memory_(memory),
        layout_(layout),
        modules_(modules),
        options_(options),
        found_(std::move(prepared)) {}

  Goroutines run(std::span<const ThreadAt> threads);

 private:
  using Part = std::unique_ptr<GoroutinePart>;

  void read_all(Addr pointers, uint64_t count);
  void take(Goroutines more);
  void place_on_threads(std::span<const ThreadAt> threads);
  bool is_running(const Goroutine& goroutine, uint64_t& inner_tid) const;
  static void place_on_thread(Goroutine& goroutine, const ThreadAt& thread);
  void read_labels();
  Part make_part() const {
    return std::make_unique<GoroutinePart>(memory_, layout_, modules_, options_);
  }

  const TargetCopy& memory_;
  const RuntimeLayout& layout_;
  const sym::ModuleMap& modules_;
  const ReadOptions& options_;
  Goroutines found_;
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
  if (options_.labels) read_labels();
  return std::move(found_);
}

void Reading::read_all(Addr pointers, uint64_t count) {
  const uint64_t worthwhile = count / worth_a_worker + 1;
  const auto workers = static_cast<size_t>(std::min<uint64_t>(
      {worthwhile, std::max(1u, std::thread::hardware_concurrency()), most_workers}));
  std::vector<Part> parts;
  std::vector<Goroutines> more(workers - 1);
  std::vector<std::thread> threads;
  const auto start_of = [&](size_t part) { return count * part / workers; };
  for (size_t i = 0; i < workers; ++i) parts.push_back(make_part());
  for (size_t i = 1; i < workers; ++i) {
    threads.push_back(start_worker(
        [&, i] { parts[i]->run(pointers, start_of(i), start_of(i + 1), more[i - 1]); }));
  }
  parts[0]->run(pointers, 0, start_of(1), found_);
  for (std::thread& thread : threads) thread.join();
  size_t unreadable = 0;
  for (const Part& part : parts) unreadable += part->unreadable();
  for (Goroutines& other : more) take(std::move(other));
  if (unreadable > 0) {
    found_.problems.push_back(fmt::format(
        "{} of {} entries in the runtime's list of goroutines cannot be read", unreadable, count));
  }
}

void Reading::take(Goroutines more) {
  std::vector<uint32_t> numbers;
  numbers.reserve(more.stacks.size());
  for (uint32_t i = 0; i < more.stacks.size(); ++i)
    numbers.push_back(found_.stacks.add(more.stacks[i]));
  for (Goroutine& goroutine : more.all) {
    if (goroutine.stack != Goroutine::none) goroutine.stack = numbers[goroutine.stack];
    found_.all.push_back(goroutine);
  }
  found_.is_complete = found_.is_complete && more.is_complete;
}

/// Whether the thread that it is said to be on has it as the one that it runs.
bool Reading::is_running(const Goroutine& goroutine, uint64_t& inner_tid) const {
  const auto runs = memory_.read<uint64_t>(goroutine.machine + layout_.machine.goroutine);
  const auto tid = memory_.read<uint64_t>(goroutine.machine + layout_.machine.thread_id);
  if (!runs || !tid || *runs != goroutine.descriptor.value) return false;
  inner_tid = *tid;
  return true;
}

void Reading::place_on_thread(Goroutine& goroutine, const ThreadAt& thread) {
  goroutine.thread = thread.tid;
  // The thread may be on a stack of its own: in the scheduler, in C. Then what was saved when it
  // went there holds.
  if (thread.sp <= goroutine.stack_low.value || thread.sp > goroutine.stack_high.value) return;
  goroutine.pc = {thread.pc};
  goroutine.sp = {thread.sp};
  goroutine.fp = {thread.fp};
  goroutine.is_exact = true;
}

void Reading::place_on_threads(std::span<const ThreadAt> threads) {
  std::unordered_map<uint64_t, const ThreadAt*> by_tid;
  for (const ThreadAt& thread : threads)
    by_tid.emplace(static_cast<uint64_t>(thread.inner_tid), &thread);
  // In corrupt memory every one could seem to be on a thread.
  size_t left = threads.size() * 2 + 256;
  const Part part = make_part();
  for (Goroutine& goroutine : found_.all) {
    if (goroutine.machine.value == 0) continue;
    uint64_t tid = 0;
    if (left > 0 && is_running(goroutine, tid)) {
      if (const auto thread = by_tid.find(tid); thread != by_tid.end())
        place_on_thread(goroutine, *thread->second);
    }
    if (left > 0) part->add_stack(goroutine, found_);
    left -= left > 0 ? 1 : 0;
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
  prepared_.all.resize(*count + *count / 8);
  prepared_.all.clear();
}

Goroutines GoroutineReader::read(MemoryReader& memory, std::span<const ThreadAt> threads,
                                 const ReadOptions& options) {
  const TargetCopy copy(pid_, memory, layout_.all_count);
  return Reading(copy, layout_, modules_, options, std::exchange(prepared_, {})).run(threads);
}

}  // namespace clew::go
