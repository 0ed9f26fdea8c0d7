// goroutines, goroutine.

#include <fmt/format.h>

#include <unordered_set>

#include "base/printable.h"
#include "cli/debug/command_list.h"
#include "cli/debug/number_words.h"
#include "lang/go/goroutine_details.h"
#include "view/frame_lines.h"
#include "view/goroutine_report.h"
#include "view/thread_table.h"

namespace clew::cli {
namespace {

constexpr std::string_view usage =
    "usage: goroutines [-u|-r|-g|-s] [-with FIELD [VALUE]] [-without FIELD [VALUE]] "
    "[-group FIELD | -all] [-chan EXPR] [-t [DEPTH]] [-exec COMMAND]";

/// What `goroutines` was asked for.
struct Request {
  GoroutineField location = GoroutineField::user_location;
  std::vector<GoroutineFilter> filters;
  GoroutineGrouping grouping;
  bool is_grouped = true;
  std::string channel;          ///< only those that wait at it; empty: all
  std::optional<size_t> depth;  ///< of the stacks that are shown
  std::string command;
};

class RequestReader {
 public:
  explicit RequestReader(const Arguments& arguments) : arguments_(arguments) {}

  Result<Request> read();

 private:
  bool is_option(size_t at) const {
    return at < arguments_.words.size() && arguments_.words[at].starts_with('-');
  }
  /// The next word, if it is no option.
  std::optional<std::string> value() {
    if (at_ >= arguments_.words.size() || is_option(at_)) return std::nullopt;
    return arguments_.words[at_++];
  }
  /// The next word up to its "=", as `clew goroutines` takes a field with its value; what is behind
  /// that is the next value then.
  std::optional<std::string> field_name() {
    auto word = value();
    joined_ = std::nullopt;
    if (!word) return word;
    if (const size_t equals = word->find('='); equals != std::string::npos) {
      joined_ = word->substr(equals + 1);
      word->resize(equals);
    }
    return word;
  }
  std::optional<std::string> field_value() { return joined_ ? joined_ : value(); }
  Status read_option(const std::string& option);
  Status read_filter(bool is_wanted);
  Status read_grouping();
  void read_command();

  const Arguments& arguments_;
  size_t at_ = 0;
  std::optional<std::string> joined_;
  Request request_;
};

bool needs_value(GoroutineField field) {
  return field != GoroutineField::running && field != GoroutineField::user;
}

Status RequestReader::read_filter(bool is_wanted) {
  const auto name = field_name();
  if (!name) return fail(ErrorCode::bad_request, std::string(usage));
  const auto field = goroutine_field(*name);
  if (!field) return tl::unexpected(field.error());
  GoroutineFilter filter{*field, {}, is_wanted};
  if (needs_value(*field)) {
    const auto text = field_value();
    if (!text)
      return fail(ErrorCode::bad_request, fmt::format("{} needs a value", printable(*name)));
    filter.value = *text;
  }
  request_.filters.push_back(std::move(filter));
  return {};
}

Status RequestReader::read_grouping() {
  const auto name = field_name();
  if (!name) return fail(ErrorCode::bad_request, std::string(usage));
  const auto field = goroutine_field(*name);
  if (!field) return tl::unexpected(field.error());
  request_.grouping.field = *field;
  if (*field != GoroutineField::label) return {};
  const auto key = field_value();
  if (!key) return fail(ErrorCode::bad_request, "-group label needs the key of the label");
  request_.grouping.label = *key;
  return {};
}

/// All behind -exec, with its own spaces.
void RequestReader::read_command() {
  const std::string& text = arguments_.text;
  const size_t start = text.find_first_not_of(" \t", text.find("-exec") + 5);
  request_.command = start == text.npos ? "" : text.substr(start);
  at_ = arguments_.words.size();
}

Status RequestReader::read_option(const std::string& option) {
  if (option == "-u") {
    request_.location = GoroutineField::user_location;
  } else if (option == "-r") {
    request_.location = GoroutineField::current_location;
  } else if (option == "-g") {
    request_.location = GoroutineField::go_location;
  } else if (option == "-s") {
    request_.location = GoroutineField::start_location;
  } else if (option == "-all") {
    request_.is_grouped = false;
  } else if (option == "-t") {
    const auto depth = value();
    const auto number = depth ? number_of<size_t>(*depth) : std::optional<size_t>(10);
    if (!number || *number == 0)
      return fail(ErrorCode::bad_request, "-t takes the number of frames to show");
    request_.depth = *number;
  } else if (option == "-exec") {
    read_command();
    if (request_.command.empty()) return fail(ErrorCode::bad_request, "-exec needs a command");
  } else if (option == "-chan") {
    const auto channel = value();
    if (!channel) return fail(ErrorCode::bad_request, "-chan takes a channel");
    request_.channel = *channel;
  } else if (option == "-with" || option == "-without") {
    return read_filter(option == "-with");
  } else if (option == "-group") {
    return read_grouping();
  } else {
    return fail(ErrorCode::bad_request, std::string(usage));
  }
  return {};
}

Result<Request> RequestReader::read() {
  while (at_ < arguments_.words.size()) {
    std::string option = arguments_.words[at_++];
    // As they are written on the command line of clew.
    if (option.starts_with("--")) option.erase(0, 1);
    if (option == "-no-group") option = "-all";
    if (auto done = read_option(option); !done) return tl::unexpected(done.error());
  }
  if (!request_.is_grouped && request_.grouping.field)
    return fail(ErrorCode::bad_request, "-group and -all exclude each other");
  return std::move(request_);
}

std::string render_stack(Debugger& debugger, uint64_t id, size_t depth) {
  const Style& style = debugger.console().style();
  const auto whole = debugger.stacks().goroutine_stack(id);
  if (!whole) return "  " + style.warning(whole.error().text) + "\n";
  std::vector<FrameView> frames = frame_views(**whole);
  const size_t more = frames.size() - std::min(frames.size(), depth);
  frames.resize(frames.size() - more);
  FrameLineOptions lines;
  lines.addresses = true;
  lines.indent = "  ";
  std::string text = render_frames(frames, lines, style);
  if (more > 0) text += style.faint(fmt::format("  ({} more)", more)) + "\n";
  return text;
}

/// With stacks each line of the table is followed by the stack of (the first of) what it shows.
std::string render(Debugger& debugger, GoroutineSnapshot& snapshot, const Request& request,
                   const std::vector<size_t>& chosen) {
  const Style& style = debugger.console().style();
  GoroutineTableOptions table;
  table.width = debugger.console().width();
  table.location = request.location;
  if (const auto session = debugger.session()) {
    if (const auto& selected = (*session)->selected_goroutine()) table.selected = selected->id;
  }
  std::vector<GoroutineGroup> groups;
  if (request.is_grouped) groups = snapshot.group(chosen, request.grouping);
  std::string text = request.is_grouped ? render_goroutine_groups(snapshot, groups, table, style)
                                        : render_goroutines(snapshot, chosen, table, style);
  if (!request.depth) return text;
  std::string with_stacks;
  size_t at = text.find('\n') + 1;
  with_stacks = text.substr(0, at);
  for (size_t i = 0; at < text.size(); ++i) {
    const size_t end = text.find('\n', at) + 1;
    const size_t first = request.is_grouped ? groups[i].members.front() : chosen[i];
    with_stacks += text.substr(at, end - at) +
                   render_stack(debugger, snapshot.found.all[first].id, *request.depth);
    at = end;
  }
  return with_stacks;
}

/// @return the command's name, when it is one that is about a goroutine.
Status check_command(const std::string& command) {
  const std::string name = command.substr(0, command.find_first_of(" \t/"));
  const auto found = find_debug_command(name);
  if (!found) return tl::unexpected(found.error());
  if (!(*found)->per_thread) {
    return fail(ErrorCode::bad_request,
                fmt::format("`{}` is not about one goroutine: this takes commands that are",
                            (*found)->name));
  }
  return {};
}

/// Runs a command in goroutines, one after the other, and selects what was selected before.
Status run_in(Debugger& debugger, const std::vector<uint64_t>& ids, const std::string& command,
              bool with_headings) {
  if (auto checked = check_command(command); !checked) return checked;
  const auto session = debugger.held_session();
  if (!session) return tl::unexpected(session.error());
  const Session::Selection before = (*session)->selection();
  size_t failures = 0;
  for (const uint64_t id : ids) {
    // The process may end under the command, and its session with it.
    const auto current = debugger.session();
    Console& console = debugger.console();
    if (!current || console.must_leave() || console.is_interrupted()) break;
    if (with_headings) console.out(console.style().heading(fmt::format("goroutine {}", id)) + "\n");
    if (auto selected = debugger.goroutines().select(id); !selected) {
      console.error(selected.error().text);
      ++failures;
      continue;
    }
    failures += debugger.execute(command) ? 0 : 1;
  }
  if (const auto current = debugger.session()) (*current)->restore(before);
  if (failures == 0) return {};
  return fail(ErrorCode::unavailable,
              fmt::format("`{}` failed in {} of {} goroutines", command, failures, ids.size()));
}

/// Leaves those that wait at a channel, in `select` statements too.
Status keep_waiters(Debugger& debugger, const GoroutineSnapshot& snapshot,
                    const std::string& channel, std::vector<size_t>& chosen) {
  const auto address = debugger.evaluate(channel);
  if (!address) return tl::unexpected(address.error());
  const auto runtime = debugger.goroutines().runtime();
  const auto session = debugger.session();
  if (!runtime || !session) return tl::unexpected(runtime ? session.error() : runtime.error());
  std::string problem;
  const auto waiters =
      go::waiters_of((*session)->inferior(), (*runtime)->layout, {*address}, problem);
  if (!problem.empty()) return fail(ErrorCode::bad_data, problem);
  std::unordered_set<uint64_t> wanted;
  for (const Addr waiter : waiters) wanted.insert(waiter.value);
  std::erase_if(chosen, [&](size_t index) {
    return !wanted.contains(snapshot.found.all[index].descriptor.value);
  });
  return {};
}

Status show_goroutines(Debugger& debugger, const Arguments& arguments) {
  const auto request = RequestReader(arguments).read();
  if (!request) return tl::unexpected(request.error());
  if (const auto session = debugger.held_session(); !session)
    return tl::unexpected(session.error());
  const auto snapshot = debugger.goroutines().all();
  if (!snapshot) return tl::unexpected(snapshot.error());
  std::vector<size_t> chosen = (*snapshot)->choose(request->filters);
  if (!request->channel.empty()) {
    if (auto kept = keep_waiters(debugger, **snapshot, request->channel, chosen); !kept)
      return kept;
  }
  for (const std::string& problem : (*snapshot)->found.problems) debugger.console().warn(problem);
  if (const auto runtime = debugger.goroutines().runtime()) {
    for (const std::string& other :
         told_of_other_runtimes(debugger.symbols().modules(), (*runtime)->module))
      debugger.console().warn(other);
  }
  if (!(*snapshot)->found.is_complete)
    debugger.console().warn("there was not time enough for all goroutines: some are missing");
  if (!request->command.empty()) {
    std::vector<uint64_t> ids;
    ids.reserve(chosen.size());
    for (const size_t index : chosen) ids.push_back((*snapshot)->found.all[index].id);
    return run_in(debugger, ids, request->command, true);
  }
  const size_t all = (*snapshot)->found.all.size();
  if (chosen.empty() && all != 0) {
    debugger.console().out(fmt::format("none of the {} goroutines is like that\n", all));
    return {};
  }
  debugger.console().out_paged(render(debugger, **snapshot, *request, chosen));
  return {};
}

Status goroutine_command(Debugger& debugger, const Arguments& arguments) {
  const auto session = debugger.held_session();
  if (!session) return tl::unexpected(session.error());
  HeldGoroutines& goroutines = debugger.goroutines();
  if (arguments.words.empty()) {
    if (!(*session)->selected_goroutine()) {
      const auto thread = (*session)->selected();
      if (!thread) return tl::unexpected(thread.error());
      const auto goroutine = goroutines.of_thread(*thread);
      if (!goroutine) return tl::unexpected(goroutine.error());
      debugger.console().out(describe_goroutine(goroutines, *goroutine) + "\n");
    }
    debugger.console().out(debugger.describe_selection());
    return {};
  }
  const auto id = number_of<uint64_t>(arguments.words.front());
  if (!id) {
    return fail(ErrorCode::bad_request,
                "which goroutine? Give the runtime's number: `goroutines` shows it");
  }
  if (arguments.words.size() > 1) {
    const size_t start = arguments.text.find_first_not_of(" \t", arguments.words.front().size());
    if (const auto found = goroutines.find(*id); !found) return tl::unexpected(found.error());
    return run_in(debugger, {*id}, arguments.text.substr(start), false);
  }
  if (auto selected = goroutines.select(*id); !selected) return selected;
  debugger.source.listed.reset();
  debugger.console().out(debugger.describe_selection());
  return {};
}

const DebugCommand goroutine_list[] = {
    {"goroutines",
     {"grs"},
     "[-u|-r|-g|-s] [-with|-without FIELD VALUE] [-group FIELD | -all] [-chan EXPR] [-t DEPTH] "
     "[-exec COMMAND]",
     "the goroutines of a Go program",
     "Those that are the same to a reader (location in the user's code, state, what they wait for) "
     "are shown once, with their number; -all shows each.\n"
     "-u, -r, -g, -s choose the location that is shown: the user's code, where it stands itself, "
     "the go statement, the function it started with.\n"
     "FIELD is userloc, curloc, goloc, startloc, state, label (VALUE: KEY=VALUE or KEY), running "
     "or "
     "user; VALUE is a part of the text. -chan leaves those that wait at a "
     "channel; -t shows stacks, -exec runs a command in each.",
     show_goroutines},
    {"goroutine",
     {"gr"},
     "[N [COMMAND]]",
     "select a goroutine, show the selected one, or run a command in one",
     "N is the runtime's number. Whether it runs or is parked, `bt`, `frame` and `regs` are its "
     "own then, until another goroutine or a thread is selected. With a COMMAND the selection "
     "stays "
     "as it was.",
     goroutine_command},
};

}  // namespace

std::string describe_goroutine(HeldGoroutines& goroutines, uint64_t id) {
  const auto found = goroutines.find(id);
  const auto snapshot = goroutines.all();
  if (!found || !snapshot) return found ? snapshot.error().text : found.error().text;
  const go::Goroutine& goroutine = **found;
  std::string text =
      fmt::format("goroutine {}, {}, at {}", id, (*snapshot)->state(goroutine),
                  (*snapshot)->places.user((*snapshot)->found, goroutine).description());
  if (goroutine.thread == 0) text += "; on no thread";
  return printable(text);
}

std::span<const DebugCommand> goroutine_commands() { return goroutine_list; }

}  // namespace clew::cli
