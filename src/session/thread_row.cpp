#include "session/thread_row.h"

#include <fmt/format.h>

#include <charconv>
#include <map>

#include "base/printable.h"

namespace clew {
namespace {

/// The words of a line of /proc/PID/task/TID/syscall as numbers: decimal the first, hexadecimal the
/// others.
std::vector<uint64_t> numbers_of(std::string_view line) {
  std::vector<uint64_t> numbers;
  const char* at = line.data();
  const char* const end = at + line.size();
  while (at < end) {
    uint64_t number = 0;
    int64_t first = 0;
    const bool hexadecimal = end - at > 2 && at[0] == '0' && at[1] == 'x';
    const auto parsed =
        hexadecimal ? std::from_chars(at + 2, end, number, 16) : std::from_chars(at, end, first);
    if (parsed.ec != std::errc()) return numbers;
    numbers.push_back(hexadecimal ? number : static_cast<uint64_t>(first));
    at = parsed.ptr;
    while (at < end && (*at == ' ' || *at == '\n')) ++at;
  }
  return numbers;
}

}  // namespace

RowBuilder::RowBuilder(const os::ProcDir& proc, const arch::Arch& arch)
    : proc_(proc), arch_(arch) {}

void RowBuilder::start_survey(std::span<const pid_t> tids) {
  survey_ = std::make_unique<ThreadSurvey>(proc_.pid(), tids);
  inner_tids_ = read_inner_tids(proc_, tids);
}

void RowBuilder::finish_survey() {
  if (survey_) survey_->finish();
}

std::vector<pid_t> RowBuilder::running() const {
  return survey_ ? survey_->running() : std::vector<pid_t>();
}

void RowBuilder::read_code_map() {
  if (auto code = os::read_code_mappings(proc_)) code_map_ = CodeMap(std::move(*code));
}

std::unordered_map<pid_t, pid_t> read_inner_tids(const os::ProcDir& proc,
                                                 std::span<const pid_t> tids) {
  const auto inner_tid = [&](pid_t tid) -> pid_t {
    const auto text = proc.read(fmt::format("task/{}/status", tid));
    if (!text) return 0;
    const os::TaskStatus status = os::parse_task_status(*text);
    return status.namespace_tids.size() > 1 ? status.namespace_tids.back() : 0;
  };
  std::unordered_map<pid_t, pid_t> found;
  if (tids.empty() || inner_tid(tids.front()) == 0) return found;
  for (const pid_t tid : tids) found[tid] = inner_tid(tid);
  return found;
}

ThreadRow RowBuilder::row(ThreadId id) const {
  ThreadRow row;
  row.number = id.number;
  row.tid = id.tid;
  if (const os::TaskStat* stat = survey_ ? survey_->find(id.tid) : nullptr) {
    row.name = printable(stat->name);
    row.state = stat->state;
    row.cpu = stat->cpu;
  } else {
    // Born since the survey: its state before the stop was never to be seen.
    std::string buffer(1024, '\0');
    if (const auto line = proc_.read_task(id.tid, "stat", buffer)) {
      if (const auto late = os::parse_task_stat(*line)) {
        row.name = printable(late->name);
        row.cpu = late->cpu;
      }
    }
  }
  if (const auto found = inner_tids_.find(id.tid); found != inner_tids_.end()) {
    row.inner_tid = found->second;
  }
  return row;
}

void RowBuilder::add_registers(ThreadRow& row, const arch::GeneralRegisters& registers) const {
  row.pc = arch_.pc_of(registers);
  row.where = code_map_.describe({*row.pc});
  if (!arch_.in_syscall(registers) || arch_.is_compat(registers)) return;
  os::SyscallCall call;
  call.number = registers.word(arch_.syscall_number);
  for (size_t i = 0; i < call.args.size(); ++i) {
    call.args[i] = registers.word(arch_.syscall_arguments[i]);
  }
  row.call = call;
}

void RowBuilder::add_from_proc(ThreadRow& row) const {
  std::string buffer(512, '\0');
  const auto line = proc_.read_task(row.tid, "syscall", buffer);
  if (!line) {
    row.error = "not readable: see clew doctor";
    return;
  }
  // "running", or "-1 sp pc" when blocked outside a call, or "number a b c d e f sp pc"
  // (proc_pid_syscall(5)).
  const std::vector<uint64_t> numbers = numbers_of(*line);
  if (numbers.size() >= 3) {
    row.pc = numbers.back();
    row.where = code_map_.describe({*row.pc});
  }
  if (numbers.size() == 9) {
    os::SyscallCall call;
    call.number = numbers[0];
    std::copy_n(numbers.begin() + 1, call.args.size(), call.args.begin());
    row.call = call;
    return;
  }
  const auto channel = proc_.read_task(row.tid, "wchan", buffer);
  if (channel && *channel != "0") row.waits_in = printable(*channel);
}

void RowBuilder::decode_calls(
    std::vector<ThreadRow>& rows,
    const std::function<bool(uint64_t, std::span<std::byte>)>& read_memory) const {
  std::map<int, std::string> fd_targets;
  os::SyscallLookups lookups;
  lookups.read_memory = read_memory;
  lookups.fd_target = [&](int fd) {
    auto [found, is_new] = fd_targets.try_emplace(fd);
    if (is_new) found->second = proc_.read_link(fmt::format("fd/{}", fd)).value_or("");
    return found->second;
  };
  for (ThreadRow& row : rows) {
    if (row.call) row.waits_in = os::format_syscall(*row.call, lookups);
  }
}

void RowBuilder::add_names(std::vector<ThreadRow>& rows, Symbols& symbols) {
  for (ThreadRow& row : rows) {
    if (row.pc) row.place = symbols.place({*row.pc});
  }
}

void RowBuilder::add_state_now(std::vector<ThreadRow>& rows) const {
  std::string buffer(1024, '\0');
  for (ThreadRow& row : rows) {
    const auto line = proc_.read_task(row.tid, "stat", buffer);
    if (!line) continue;
    if (const auto stat = os::parse_task_stat(*line)) row.state_now = stat->state;
  }
}

}  // namespace clew
