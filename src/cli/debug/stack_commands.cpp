// bt, frame, up, down, and info frame.

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/printable.h"
#include "cli/debug/command_list.h"
#include "cli/debug/number_words.h"
#include "cli/debug/typed_line.h"
#include "sym/demangle.h"
#include "sym/name_query.h"
#include "view/frame_lines.h"
#include "view/source_listing.h"
#include "view/thread_table.h"

namespace clew::cli {
namespace {

Result<ChosenFrame> chosen_frame(Debugger& debugger) {
  const auto session = debugger.held_session();
  if (!session) return tl::unexpected(session.error());
  return debugger.stacks().selected();
}

FrameView view_of(const ChosenFrame& chosen) {
  return frame_views(*chosen.stack)[chosen.frame->level];
}

/// "at" and the whole path, which a line of a backtrace has no room for.
std::string whole_place(const FrameView& frame) {
  if (!frame.line || frame.line->file.empty()) return {};
  return fmt::format("{}:{}", printable(frame.line->file), frame.line->line);
}

/// The scope of one frame of the selected stack.
std::optional<ValueScope> scope_of_level(Debugger& debugger, Values& values, size_t level) {
  auto frame = values.selected_frame(level);
  if (!frame) return std::nullopt;
  ValueScope::Place place;
  place.frame = std::move(*frame);
  return debugger.value_scope(std::move(place));
}

/// Arguments are read for so many frames: of a deep recursion nobody reads them all.
constexpr size_t most_with_arguments = 1000;

void add_arguments(Debugger& debugger, std::span<FrameView> frames) {
  Values& values = debugger.values();
  for (FrameView& frame : frames.first(std::min(frames.size(), most_with_arguments))) {
    if (auto scope = scope_of_level(debugger, values, frame.level))
      frame.arguments = argument_list(*scope, debugger.view.options);
  }
}

/// The frame in a line, and the line of the source below it when there is one.
void print_frame(Debugger& debugger, const ChosenFrame& chosen) {
  std::array frame_line{view_of(chosen)};
  add_arguments(debugger, frame_line);
  const FrameView& frame = frame_line.front();
  FrameLineOptions options;
  options.addresses = true;
  options.selected = frame.level;
  Console& console = debugger.console();
  std::string text = render_frames({frame}, options, console.style());
  if (frame.line && !frame.line->file.empty()) {
    if (const auto source = debugger.source.files.open(frame.line->file)) {
      const size_t line = frame.line->line;
      if (line != 0 && line <= (*source)->line_count())
        text += render_source(**source, line, line, line, console.style());
    }
  }
  console.out(text);
}

/// What `list` shows next is what stands around here.
void select_level(Debugger& debugger, Session& session, unsigned level) {
  session.select_frame(level);
  debugger.source.listed.reset();
}

/// What `bt` was asked for.
struct BacktraceRequest {
  std::optional<int64_t> count;  ///< negative: the outermost ones
  bool full = false;             ///< with the variables of each frame
};

Result<BacktraceRequest> parse_backtrace(const Arguments& arguments) {
  BacktraceRequest request;
  for (const std::string& word : arguments.words) {
    const auto number = number_of<int64_t>(word);
    if (word == "full" || word == "-full") {
      request.full = true;
    } else if (number && *number != 0 && !request.count) {
      request.count = number;
    } else {
      return fail(
          ErrorCode::bad_request,
          "usage: bt [N | -N] [full]: the N innermost frames, or with - the outermost; with "
          "the variables of each");
    }
  }
  return request;
}

std::string full_frames(Debugger& debugger, const std::vector<FrameView>& frames,
                        const FrameLineOptions& options) {
  Values& values = debugger.values();
  std::string text;
  for (const FrameView& frame : frames) {
    if (debugger.console().is_interrupted() || debugger.console().must_leave()) break;
    text += render_frames({frame}, options, debugger.console().style());
    if (auto scope = scope_of_level(debugger, values, frame.level))
      text += variable_lines(*scope, VariableGroup::locals, debugger.view.options, "        ");
  }
  return text;
}

Status backtrace(Debugger& debugger, const Arguments& arguments) {
  const auto request = parse_backtrace(arguments);
  if (!request) return tl::unexpected(request.error());
  const auto& count = request->count;
  const auto chosen = chosen_frame(debugger);
  if (!chosen) return tl::unexpected(chosen.error());
  std::vector<FrameView> frames = frame_views(*chosen->stack);
  const size_t all = frames.size();
  const size_t wanted =
      count ? std::min<size_t>(static_cast<size_t>(*count < 0 ? -*count : *count), all) : all;
  const bool from_end = count && *count < 0;
  if (from_end) {
    frames.erase(frames.begin(), frames.end() - static_cast<ptrdiff_t>(wanted));
  } else {
    frames.resize(wanted);
  }
  add_arguments(debugger, frames);
  FrameLineOptions options;
  options.addresses = true;
  options.fold_repeats = !count;
  options.selected = chosen->frame->level;
  const Style& style = debugger.console().style();
  std::string text = request->full ? full_frames(debugger, frames, options)
                                   : render_frames(frames, options, style);
  if (!from_end && wanted < all)
    text += style.faint(fmt::format("({} more: `bt` shows them)", all - wanted)) + "\n";
  const stack::RawStack& raw = chosen->stack->raw;
  const std::string end = describe_end(raw.end, raw.end_note);
  if ((from_end || wanted == all) && !end.empty()) text += style.warning(end) + "\n";
  debugger.console().out_paged(text);
  return {};
}

/// What `frame` was asked for: "3", "level 3", "function NAME". @return bad_request, not_found.
Result<unsigned> wanted_level(const stack::Stack& stack, const Arguments& arguments) {
  std::vector<std::string> words = arguments.words;
  if (words.front() == "function") {
    const std::string name(trimmed(std::string_view(arguments.text).substr(words.front().size())));
    const auto query = sym::NameQuery::parse(name);
    if (name.empty() || !query)
      return fail(ErrorCode::bad_request, "usage: frame function NAME, as for a breakpoint");
    for (const stack::Frame& frame : stack.frames) {
      if (query->matches(frame.function.name) ||
          query->matches(sym::demangle(frame.function.linkage_name))) {
        return frame.level;
      }
    }
    return fail(ErrorCode::not_found,
                fmt::format("no frame of this stack is one of {}", printable(name)));
  }
  if (words.front() == "level") words.erase(words.begin());
  const auto level = words.size() == 1 ? number_of<int64_t>(words.front()) : std::nullopt;
  if (!level || *level < 0) {
    return fail(ErrorCode::bad_request,
                "usage: frame [N [COMMAND] | function NAME]: `bt` shows the numbers");
  }
  if (static_cast<size_t>(*level) >= stack.frames.size()) {
    return fail(ErrorCode::not_found, fmt::format("there is no frame {}: the outermost is {}",
                                                  *level, stack.frames.size() - 1));
  }
  return static_cast<unsigned>(*level);
}

/// `frame N COMMAND` leaves the selection as it was.
Status run_in_frame(Debugger& debugger, Session& session, unsigned level,
                    const std::string& command) {
  const Session::Selection before = session.selection();
  const uint64_t epoch = session.epoch();
  select_level(debugger, session, level);
  const bool is_done = debugger.execute(command);
  // The process may have ended under the command, and its session with it; where it has run, there
  // is another stack.
  const auto current = debugger.session();
  if (current && (*current)->epoch() == epoch) (*current)->restore(before);
  if (is_done) return {};
  return fail(ErrorCode::unavailable,
              fmt::format("`{}` failed in frame {}", printable(command), level));
}

Status frame_command(Debugger& debugger, const Arguments& arguments) {
  const auto session = debugger.held_session();
  if (!session) return tl::unexpected(session.error());
  auto chosen = debugger.stacks().selected();
  if (!chosen) return tl::unexpected(chosen.error());
  const bool has_command =
      arguments.words.size() > 1 && number_of<uint64_t>(arguments.words.front());
  if (has_command) {
    const std::string& number = arguments.words.front();
    const auto level = wanted_level(*chosen->stack, {number, {number}, {}});
    if (!level) return tl::unexpected(level.error());
    const std::string command(trimmed(std::string_view(arguments.text).substr(number.size())));
    return run_in_frame(debugger, **session, *level, command);
  }
  if (!arguments.words.empty()) {
    const auto level = wanted_level(*chosen->stack, arguments);
    if (!level) return tl::unexpected(level.error());
    select_level(debugger, **session, *level);
    chosen = debugger.stacks().selected();
    if (!chosen) return tl::unexpected(chosen.error());
  }
  print_frame(debugger, *chosen);
  return {};
}

/// `direction` is 1 for outwards, -1 for inwards.
Status move(Debugger& debugger, const Arguments& arguments, int64_t direction) {
  int64_t count = 1;
  if (!arguments.words.empty()) {
    const auto given = number_of<int64_t>(arguments.words.front());
    if (!given || arguments.words.size() > 1)
      return fail(ErrorCode::bad_request, "usage: up [N], down [N]: so many frames, or one");
    count = *given;
  }
  const auto session = debugger.held_session();
  if (!session) return tl::unexpected(session.error());
  auto chosen = debugger.stacks().selected();
  if (!chosen) return tl::unexpected(chosen.error());
  const auto outermost = static_cast<int64_t>(chosen->stack->frames.size()) - 1;
  const int64_t now = chosen->frame->level;
  const int64_t distance = std::clamp<int64_t>(count, -outermost - 1, outermost + 1) * direction;
  const int64_t level = std::clamp<int64_t>(now + distance, 0, outermost);
  if (level == now && distance != 0) {
    return fail(ErrorCode::not_found, distance > 0 ? "this is the outermost frame already"
                                                   : "this is the innermost frame already");
  }
  select_level(debugger, **session, static_cast<unsigned>(level));
  chosen = debugger.stacks().selected();
  if (!chosen) return tl::unexpected(chosen.error());
  print_frame(debugger, *chosen);
  return {};
}

Status up(Debugger& debugger, const Arguments& arguments) { return move(debugger, arguments, 1); }

Status down(Debugger& debugger, const Arguments& arguments) {
  return move(debugger, arguments, -1);
}

std::string_view origin_words(stack::FrameOrigin origin) {
  switch (origin) {
    case stack::FrameOrigin::registers:
      return "the thread's registers";
    case stack::FrameOrigin::cfi:
      return "unwind tables";
    case stack::FrameOrigin::signal:
      return "what the signal's frame has saved";
    case stack::FrameOrigin::runtime:
      return "what the runtime has saved";
    case stack::FrameOrigin::frame_pointer:
      return "the frame pointer: a guess";
    case stack::FrameOrigin::scan:
      return "a word on the stack behind a call: a guess";
  }
  return "";
}

std::string known_registers(const ChosenFrame& chosen, const arch::Arch& arch) {
  std::string names;
  for (const arch::RegisterInfo& info : arch.registers) {
    if (info.block == arch::RegisterBlock::general && info.dwarf >= 0 &&
        chosen.raw->registers.word(static_cast<unsigned>(info.dwarf))) {
      names += (names.empty() ? "" : " ") + std::string(info.name);
    }
  }
  return names;
}

}  // namespace

Status show_frame(Debugger& debugger, const Arguments& arguments) {
  if (!arguments.words.empty())
    return fail(ErrorCode::bad_request, "info frame is about the selected one: `frame N` selects");
  const auto chosen = chosen_frame(debugger);
  if (!chosen) return tl::unexpected(chosen.error());
  const auto session = debugger.session();
  const auto id = (*session)->selected();
  const FrameView frame = view_of(*chosen);
  const stack::RawStack& raw = chosen->stack->raw;
  std::string text =
      fmt::format("frame {} of {}, thread {} (tid {})\n", frame.level, chosen->stack->frames.size(),
                  id ? id->number : 0, id ? id->tid : 0);
  const auto line = [&](std::string_view name, const std::string& value) {
    if (!value.empty()) text += fmt::format("{:<10} {}\n", name, value);
  };
  line("function", printable(frame.function) + (frame.is_inlined ? ", inlined into the next frame"
                                                : frame.is_signal_frame
                                                    ? ", which returns from a signal's handler"
                                                    : ""));
  line("source", whole_place(frame));
  line("pc", hex_address(frame.pc.value));
  if (!frame.module.empty())
    line("module", fmt::format("{}+{:#x}", printable(frame.module), frame.offset));
  line("cfa", chosen->raw->cfa.value == 0 ? "" : hex_address(chosen->raw->cfa.value));
  if (chosen->frame->physical + 1 < raw.frames.size()) {
    line("returns to", hex_address(raw.frames[chosen->frame->physical + 1].pc.value));
  } else {
    line("outermost", raw.end == stack::StackEnd::outermost ? std::string("nobody has called it")
                                                            : describe_end(raw.end, raw.end_note));
  }
  line("found by", std::string(origin_words(frame.origin)));
  line("known", known_registers(*chosen, (*session)->inferior().arch()));
  debugger.console().out(text);
  return {};
}

namespace {

void prepare_backtrace(Debugger& debugger, const Arguments&) { debugger.symbols().warm_up_stack(); }

const DebugCommand stack_list[] = {
    {"bt",
     {"backtrace", "where", "stack"},
     "[N | -N] [full]",
     "the stack of the selected thread, or with full its local variables too",
     "With N the N innermost frames, with -N the outermost. A recursion is folded where no N is "
     "given.\n"
     "`thread apply all bt` shows the stacks of all threads, `clew stacks` groups them.",
     backtrace,
     true,
     prepare_backtrace},
    {"frame",
     {"f"},
     "[N [COMMAND] | function NAME]",
     "select a frame of the stack, or show the selected one",
     "By its number, or the innermost one of a function. Registers, `list` and addresses follow "
     "it, until another thread is selected or the process "
     "runs. With a command only that runs in the frame: `frame 2 locals`.",
     frame_command,
     true},
    {"up", {}, "[N]", "select the frame that called this one, or N further out", "", up, true},
    {"down", {}, "[N]", "select the frame that this one called, or N further in", "", down, true},
};

}  // namespace

std::span<const DebugCommand> stack_commands() { return stack_list; }

}  // namespace clew::cli
