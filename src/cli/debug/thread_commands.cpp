#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "base/printable.h"
#include "cli/debug/command_list.h"
#include "cli/debug/number_words.h"
#include "view/thread_table.h"

namespace clew::cli {
namespace {

Status show_threads(Debugger& debugger, const Arguments& arguments) {
  if (!arguments.words.empty()) return fail(ErrorCode::bad_request, "threads takes no arguments");
  const auto session = debugger.session();
  if (!session) return tl::unexpected(session.error());
  Console& console = debugger.console();
  ThreadTableOptions table;
  table.width = console.width();
  table.selection = true;
  console.out_paged(render_threads(debugger.thread_rows(), table, console.style()));
  return {};
}

Result<ThreadId> find_named_thread(Session& session, const std::vector<std::string>& words) {
  const bool by_tid = words.size() == 2 && words[0] == "tid";
  const auto number = number_of<uint32_t>(words.back());
  if ((words.size() != 1 && !by_tid) || !number) {
    return fail(ErrorCode::bad_request,
                "which thread? Give clew's number (`threads` shows it), or `tid` and the tid");
  }
  return by_tid ? session.find_tid(static_cast<pid_t>(*number)) : session.find_thread(*number);
}

/// Numbers, ranges and commas: "1-5", "3,7", "2 4-6"; or "all".
Result<std::vector<ThreadId>> threads_of_list(Session& session, const std::string& list) {
  std::vector<ThreadId> chosen;
  const std::vector<Thread> threads = session.threads();
  if (list == "all") {
    for (const Thread& thread : threads) chosen.push_back(thread.id);
    return chosen;
  }
  std::set<uint32_t> wanted;
  size_t at = 0;
  while (at <= list.size()) {
    const size_t end = std::min(list.find(',', at), list.size());
    const std::string_view part = std::string_view(list).substr(at, end - at);
    const size_t dash = part.find('-');
    const auto first = number_of<uint32_t>(part.substr(0, dash));
    const auto last = dash == part.npos ? first : number_of<uint32_t>(part.substr(dash + 1));
    if (!first || !last || *first > *last) {
      return fail(
          ErrorCode::bad_request,
          fmt::format(
              "\"{}\" is no list of threads: give `all`, or numbers and ranges as in 1-5 or 3,7",
              printable(list)));
    }
    bool any = false;
    for (const Thread& thread : threads) {
      if (thread.id.number < *first || thread.id.number > *last) continue;
      wanted.insert(thread.id.number);
      any = true;
    }
    if (!any)
      return fail(ErrorCode::not_found, fmt::format("there is no thread {}: see `threads`", part));
    at = end + 1;
  }
  for (const Thread& thread : threads) {
    if (wanted.contains(thread.id.number)) chosen.push_back(thread.id);
  }
  return chosen;
}

Status apply_to_threads(Debugger& debugger, const Arguments& arguments) {
  if (arguments.words.size() < 3) {
    return fail(ErrorCode::bad_request,
                "usage: thread apply all|LIST COMMAND, as in `thread apply 1-5 regs rip`");
  }
  const auto session = debugger.session();
  if (!session) return tl::unexpected(session.error());
  const auto chosen = threads_of_list(**session, arguments.words[1]);
  if (!chosen) return tl::unexpected(chosen.error());
  // The command is the text behind the list, with its own spaces.
  const size_t list_at = arguments.text.find(arguments.words[1], arguments.words[0].size());
  const std::string command = arguments.text.substr(list_at + arguments.words[1].size());
  const size_t command_at = command.find_first_not_of(" \t");
  const std::string name =
      command.substr(command_at, command.find_first_of(" \t/", command_at) - command_at);
  const auto found = find_debug_command(name);
  if (!found) return tl::unexpected(found.error());
  if (!(*found)->per_thread) {
    return fail(ErrorCode::bad_request,
                fmt::format("`{}` is not about one thread: thread apply takes commands that are",
                            (*found)->name));
  }
  const Session::Selection before = (*session)->selection();
  size_t failures = 0;
  for (const ThreadId id : *chosen) {
    // The process may end under the command, and its session with it.
    const auto current = debugger.session();
    if (!current || debugger.console().must_leave() || debugger.console().is_interrupted()) break;
    (*current)->select(id);
    debugger.console().out(
        debugger.console().style().heading(fmt::format("thread {} (tid {})", id.number, id.tid)) +
        "\n");
    failures += debugger.execute(command) ? 0 : 1;
  }
  if (const auto current = debugger.session()) (*current)->restore(before);
  if (failures > 0) {
    return fail(ErrorCode::unavailable,
                fmt::format("`{}` failed in {} of {} threads", name, failures, chosen->size()));
  }
  return {};
}

Status thread_command(Debugger& debugger, const Arguments& arguments) {
  const auto session = debugger.session();
  if (!session) return tl::unexpected(session.error());
  if (!arguments.words.empty() && arguments.words[0] == "apply")
    return apply_to_threads(debugger, arguments);
  if (!arguments.words.empty()) {
    const auto id = find_named_thread(**session, arguments.words);
    if (!id) return tl::unexpected(id.error());
    (*session)->select(*id);
  }
  debugger.console().out(debugger.describe_selection());
  return {};
}

/// The threads that the words name; the selected one when there are none.
Result<std::vector<ThreadId>> threads_of_words(Session& session, const Arguments& arguments) {
  if (!arguments.words.empty()) {
    std::string list;
    for (const std::string& word : arguments.words) list += (list.empty() ? "" : ",") + word;
    return threads_of_list(session, list);
  }
  const auto selected = session.selected();
  if (!selected) return tl::unexpected(selected.error());
  return std::vector<ThreadId>{*selected};
}

std::string words_for(const std::vector<ThreadId>& threads) {
  return threads.size() == 1 ? fmt::format("thread {} (tid {})", threads[0].number, threads[0].tid)
                             : fmt::format("{} threads", threads.size());
}

Status freeze_threads(Debugger& debugger, const Arguments& arguments) {
  const auto session = debugger.session();
  if (!session) return tl::unexpected(session.error());
  const auto chosen = threads_of_words(**session, arguments);
  if (!chosen) return tl::unexpected(chosen.error());
  (*session)->change_held_apart([&](HeldThreads& apart) {
    for (const ThreadId id : *chosen) apart.freeze(id);
  });
  debugger.console().out(words_for(*chosen) + " frozen: `thaw` lets go\n");
  return {};
}

Status thaw_threads(Debugger& debugger, const Arguments& arguments) {
  const auto session = debugger.session();
  if (!session) return tl::unexpected(session.error());
  if (arguments.text == "all") {
    (*session)->change_held_apart([](HeldThreads& apart) { apart.thaw_all(); });
    debugger.console().out("no thread is frozen\n");
    return {};
  }
  const auto chosen = threads_of_words(**session, arguments);
  if (!chosen) return tl::unexpected(chosen.error());
  if ((*session)->held_apart().alone()) {
    return fail(ErrorCode::bad_request,
                fmt::format("thread {} runs alone: `solo off` or `thaw all` ends that",
                            (*session)->held_apart().alone()->number));
  }
  const HeldThreads& now = (*session)->held_apart();
  if (std::none_of(chosen->begin(), chosen->end(),
                   [&](ThreadId id) { return now.is_frozen(id); })) {
    return fail(
        ErrorCode::bad_request,
        fmt::format("{} {} not frozen; `continue` lets those run on that a breakpoint holds",
                    words_for(*chosen), chosen->size() == 1 ? "is" : "are"));
  }
  (*session)->change_held_apart([&](HeldThreads& apart) {
    for (const ThreadId id : *chosen) apart.thaw(id);
  });
  debugger.console().out(words_for(*chosen) + " thawed\n");
  return {};
}

Status solo_thread(Debugger& debugger, const Arguments& arguments) {
  const auto session = debugger.session();
  if (!session) return tl::unexpected(session.error());
  if (arguments.text == "off") return thaw_threads(debugger, {"all", {"all"}, ""});
  const auto chosen = threads_of_words(**session, arguments);
  if (!chosen) return tl::unexpected(chosen.error());
  if (chosen->size() != 1)
    return fail(ErrorCode::bad_request, "usage: solo [N | off]: one thread can run alone");
  (*session)->change_held_apart([&](HeldThreads& apart) {
    apart.thaw_all();
    apart.solo(chosen->front());
  });
  debugger.console().out(words_for(*chosen) +
                         " runs alone, all others are frozen: `solo off` lets them go\n");
  return {};
}

const DebugCommand thread_list[] = {
    {"threads",
     {"thr", "ths"},
     "",
     "the table of all threads",
     "While the process runs it is filled from /proc, with no stop.",
     show_threads},
    {"thread",
     {"t", "tr"},
     "[N | tid T | apply all|LIST COMMAND]",
     "select a thread, show the selected one, or run a command in many",
     "N is clew's number of the thread, which `threads` shows. LIST has numbers and ranges: 1-5 or "
     "3,7.\n"
     "The selection changes by this command alone.",
     thread_command},
    {"freeze",
     {},
     "[LIST]",
     "keep threads held while the others run",
     "Without a LIST, the selected thread. It lasts until `thaw`, and `threads` shows it.",
     freeze_threads},
    {"thaw", {}, "[LIST | all]", "let frozen threads run again", "", thaw_threads},
    {"solo",
     {},
     "[N | off]",
     "let one thread run alone; those born later are frozen too",
     "It lasts until `solo off`, or until that thread exits.",
     solo_thread},
};

}  // namespace

std::span<const DebugCommand> thread_commands() { return thread_list; }

}  // namespace clew::cli
