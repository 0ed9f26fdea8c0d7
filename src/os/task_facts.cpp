#include "os/task_facts.h"

#include <fmt/format.h>

#include <charconv>

namespace clew::os {
namespace {

template <typename T>
bool take_number(std::string_view& text, T& number, int base = 10) {
  const size_t start = text.find_first_not_of(" \t");
  if (start == text.npos) return false;
  text.remove_prefix(start);
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, base);
  if (error != std::errc()) return false;
  text.remove_prefix(static_cast<size_t>(end - text.data()));
  return true;
}

template <typename T>
void take_all(std::string_view text, std::vector<T>& numbers) {
  numbers.clear();
  for (T number; take_number(text, number);) numbers.push_back(number);
}

void read_status_line(std::string_view key, std::string_view value, TaskStatus& status) {
  const auto number = [&](auto& field) { take_number(value, field); };
  const auto mask = [&](uint64_t& field) { take_number(value, field, 16); };
  if (key == "State") {
    const size_t at = value.find_first_not_of(" \t");
    if (at != value.npos) status.state = value[at];
  } else if (key == "Tgid") {
    number(status.tgid);
  } else if (key == "PPid") {
    number(status.parent_pid);
  } else if (key == "TracerPid") {
    number(status.tracer_pid);
  } else if (key == "Uid") {
    for (uid_t& uid : status.uids) take_number(value, uid);
  } else if (key == "Gid") {
    for (gid_t& gid : status.gids) take_number(value, gid);
  } else if (key == "NSpid") {
    take_all(value, status.namespace_tids);
  } else if (key == "NStgid") {
    take_all(value, status.namespace_pids);
  } else if (key == "Threads") {
    number(status.thread_count);
  } else if (key == "SigQ") {
    number(status.signals_queued);
    if (!value.empty()) value.remove_prefix(1);
    number(status.signals_limit);
  } else if (key == "SigPnd") {
    mask(status.pending);
  } else if (key == "ShdPnd") {
    mask(status.shared_pending);
  } else if (key == "SigBlk") {
    mask(status.blocked);
  } else if (key == "SigIgn") {
    mask(status.ignored);
  } else if (key == "SigCgt") {
    mask(status.caught);
  } else if (key == "CapPrm") {
    mask(status.permitted_capabilities);
  } else if (key == "CapEff") {
    mask(status.effective_capabilities);
  } else if (key == "Seccomp") {
    number(status.seccomp);
  } else if (key == "x86_Thread_features") {
    status.has_shadow_stack = value.find("shstk") != value.npos;
  }
}

}  // namespace

std::string_view state_words(StateLetter state) {
  switch (state) {
    case 'R':
      return "running";
    case 'S':
      return "sleeping";
    case 'D':
      return "uninterruptible";
    case 'T':
      return "stopped";
    case 't':
      return "traced";
    case 'Z':
      return "zombie";
    case 'X':
      return "dead";
    case 'I':
      return "idle";
    default:
      return "unknown";
  }
}

Result<TaskStat> parse_task_stat(std::string_view line) {
  // The name is in parentheses and may itself hold parentheses and spaces: it ends at the last one.
  const size_t open = line.find('(');
  const size_t close = line.rfind(')');
  const auto unknown_form = [] {
    return fail(ErrorCode::bad_data, "a stat line of /proc has an unknown form");
  };
  if (open == line.npos || close == line.npos || close < open || close + 2 >= line.size()) {
    return unknown_form();
  }
  TaskStat stat;
  std::string_view first = line.substr(0, open);
  if (!take_number(first, stat.tid)) return unknown_form();
  stat.name = line.substr(open + 1, close - open - 1);
  stat.state = line[close + 2];
  std::string_view rest = line.substr(close + 3);
  if (!take_number(rest, stat.ppid)) return unknown_form();
  // Fields 5 to 39; some may be negative.
  for (int field = 5; field <= 39; ++field) {
    if (field == 9) {
      if (!take_number(rest, stat.flags)) return unknown_form();
    } else if (field == 22) {
      if (!take_number(rest, stat.start_time)) return unknown_form();
    } else if (field == 28) {
      if (!take_number(rest, stat.start_stack)) return unknown_form();
    } else if (field == 39) {
      if (!take_number(rest, stat.cpu)) return unknown_form();
    } else {
      const size_t start = rest.find_first_not_of(' ');
      if (start == rest.npos) return unknown_form();
      const size_t end = rest.find(' ', start);
      if (end == rest.npos) return unknown_form();
      rest.remove_prefix(end);
    }
  }
  return stat;
}

TaskStatus parse_task_status(std::string_view text) {
  TaskStatus status;
  while (!text.empty()) {
    const size_t end = text.find('\n');
    const std::string_view line = text.substr(0, end);
    text = end == text.npos ? std::string_view() : text.substr(end + 1);
    const size_t colon = line.find(':');
    if (colon != line.npos) read_status_line(line.substr(0, colon), line.substr(colon + 1), status);
  }
  return status;
}

}  // namespace clew::os
