// What the debugger does about stops that come by themselves.

#include <fmt/format.h>

#include "base/printable.h"
#include "cli/debug/code_position.h"
#include "cli/debug/debugger.h"
#include "cli/debug/go_stops.h"
#include "cli/debug/hit_expressions.h"
#include "cli/debug/watch_place.h"
#include "os/signal_names.h"
#include "session/lock_owner.h"
#include "sym/source_path.h"

namespace clew::cli {
namespace {

/// Described as what stands where the thread stops: behind a function's prologue, on its first
/// line.
std::vector<CodePlace> places_of(Symbols& symbols, const std::vector<CodeLocation>& locations) {
  std::vector<CodePlace> places;
  for (const CodeLocation& location : locations) {
    CodeLocation shown = location;
    if (const sym::SourceLine& line = symbols.place(location.stop).line; line.line != 0)
      shown.line = line;
    places.push_back({location.stop, location.address, shown.description()});
  }
  return places;
}

}  // namespace

Breakpoints::Compiler Debugger::make_compiler() {
  Breakpoints::Compiler compiler;
  compiler.resolve = [this](const std::string& text) -> Result<std::vector<CodePlace>> {
    const auto found = find_stops(*this, text);
    if (!found) return tl::unexpected(found.error());
    return places_of(*now_->symbols, *found);
  };
  compiler.resolve_again = [this](const std::string& text) -> Result<std::vector<CodePlace>> {
    const auto location = parse_location(text);
    if (!location) return tl::unexpected(location.error());
    LocationContext context;
    context.evaluate = [this](const std::string& expression) { return evaluate(expression); };
    const auto found = resolve_location(*now_->symbols, *location, context);
    if (!found) return tl::unexpected(found.error());
    return places_of(*now_->symbols, *found);
  };
  compiler.look_at_code = [this] { return note_new_code(); };
  compiler.watch = [this](const std::string& text) { return find_watch_place(*this, text); };
  compiler.library_event = [this] { return now_->symbols->library_event(); };
  compiler.condition = [this](const std::string& text, const CodePlace& place) {
    return compile_condition(*this, text, place);
  };
  compiler.log = [this](const std::string& text, const CodePlace& place) {
    return compile_log(*this, text, place);
  };
  compiler.goroutine = [this](const arch::GeneralRegisters& registers) {
    return now_->goroutines->running(registers);
  };
  compiler.thread_name = [this](ThreadId id) {
    std::string buffer(64, '\0');
    const auto name = now_->proc->read_task(id.tid, "comm", buffer);
    return name ? std::string(name->substr(0, name->find('\n'))) : std::string();
  };
  return compiler;
}

bool Debugger::take_stop() {
  for (std::string& line : now_->session->take_log()) pending_output_.push_back(printable(line));
  const auto stop = now_->session->take_stop();
  if (!stop) return false;
  for (const BreakpointStop& hit : stop->breakpoints) {
    std::string who = fmt::format("thread {} (tid {})", hit.thread.number, hit.thread.tid);
    if (hit.goroutine) who += fmt::format(", goroutine {},", *hit.goroutine);
    if (hit.number == 0) {
      pending_output_.push_back(fmt::format("{} {}", who, printable(hit.detail)));
      continue;
    }
    now_->last_breakpoint = hit.number;
    pending_output_.push_back(fmt::format(
        "{} hit {}{} {}{} at {}{}", who, hit.temporary ? "temporary " : "", hit.kind, hit.number,
        hit.detail.empty() ? "" : " (" + printable(hit.detail) + ")", describe_code(hit.address),
        hit.stopped == StopPolicy::thread ? "; it alone is held" : ""));
    if (const auto breakpoint = now_->session->breakpoints().find(hit.number)) {
      const auto& commands = (*breakpoint)->request.commands;
      for (const std::string& command : commands)
        pending_commands_.emplace_back(now_->number, command);
      if (!(*breakpoint)->condition_error.empty()) {
        pending_output_.push_back(
            fmt::format("warning: the condition of breakpoint {} cannot be "
                        "evaluated: {}",
                        hit.number, (*breakpoint)->condition_error));
      }
    }
  }
  for (const SignalStop& signal : stop->signals) {
    pending_output_.push_back(fmt::format(
        "thread {} (tid {}) gets {}: it is held before {}", signal.thread.number, signal.thread.tid,
        os::signal_name(signal.signal),
        signal.passed ? "the delivery, which `continue` makes" : "it goes on without that"));
  }
  // --max-pause may have let it go since.
  if (!stop->all || !now_->session->is_holding()) return false;
  now_->stopped_itself = true;
  now_->step_ended = stop->step_ended && stop->breakpoints.empty() && stop->signals.empty();
  take_terminal_back();
  look_at_code();
  select_after_stop(*stop);
  return true;
}

std::string Debugger::describe_code(Addr address) {
  const NamedPlace& place = now_->symbols->place(address);
  std::string text;
  if (!place.line.file.empty()) {
    const std::string& file = place.line.file;
    text = fmt::format("{}:{} in ", printable(file.substr(file.find_last_of('/') + 1)),
                       place.line.line);
  }
  if (place.function.empty()) return fmt::format("{:#x}", address.value);
  text += printable(place.function);
  if (place.line.file.empty() && place.offset > 0) text += fmt::format("+{}", place.offset);
  return text;
}

std::string Debugger::explain_wait(ThreadId thread) {
  const auto threads = now_->session->threads();
  const auto lock = awaited_lock(*now_->proc, now_->session->inferior(), threads, thread);
  if (!lock) return {};
  const std::string name = printable(now_->symbols->data_name(lock->address));
  std::string text = fmt::format("; it waits for the lock at {:#x}{}", lock->address.value,
                                 name.empty() ? "" : " (" + name + ")");
  if (!lock->owner) return text;
  std::string buffer(64, '\0');
  const auto comm = now_->proc->read_task(lock->owner->tid, "comm", buffer);
  return text + fmt::format(", which thread {} (tid {}) \"{}\" has", lock->owner->number,
                            lock->owner->tid,
                            comm ? printable(comm->substr(0, comm->find('\n'))) : "");
}

void Debugger::select_after_stop(const StopNews& stop) {
  const auto selected = now_->session->selected();
  std::vector<ThreadId> stopped;
  for (const BreakpointStop& hit : stop.breakpoints) stopped.push_back(hit.thread);
  for (const SignalStop& signal : stop.signals) stopped.push_back(signal.thread);
  const bool among = std::any_of(stopped.begin(), stopped.end(), [&](const ThreadId& thread) {
    return selected && thread == *selected;
  });
  if (!among && !stopped.empty()) {
    const ThreadId hit = stopped.front();
    now_->session->select(hit);
    pending_output_.push_back(fmt::format("selected: thread {} (tid {})", hit.number, hit.tid));
  }
  const bool is_panic = std::any_of(stop.breakpoints.begin(), stop.breakpoints.end(),
                                    [](const BreakpointStop& hit) { return hit.number == 0; });
  if (is_panic) return show_panic();
  std::string where = describe_selection();
  if (where.ends_with('\n')) where.pop_back();
  pending_output_.push_back(std::move(where));
  if (std::string line = source_line(); !line.empty()) pending_output_.push_back(std::move(line));
  if (now_->values == nullptr) return;
  for (std::string& line : display_lines(*this)) pending_output_.push_back(std::move(line));
}

void Debugger::show_panic() {
  // What the runtime does in the end is of no interest: the frame that has panicked is.
  const unsigned level = first_shown_frame(*this);
  now_->session->select_frame(level);
  const auto frame = now_->stacks->selected();
  if (!frame) return;
  const stack::Frame& shown = *frame->frame;
  std::string where = fmt::format("#{} {}", level, printable(shown.function.name));
  if (shown.line) {
    where +=
        fmt::format(" at {}:{}", printable(sym::last_part(shown.line->file)), shown.line->line);
  }
  pending_output_.push_back(std::move(where));
  if (!shown.line) return;
  if (std::string line = text_of_line(*shown.line); !line.empty())
    pending_output_.push_back(std::move(line));
}

std::string Debugger::source_line() {
  const auto id = now_->session->selected();
  if (!id) return {};
  const auto registers = now_->session->inferior().general(*id);
  if (!registers) return {};
  const sym::SourceLine line =
      now_->symbols->place({now_->session->inferior().arch().pc_of(**registers)}).line;
  return text_of_line(line);
}

std::string Debugger::text_of_line(const sym::SourceLine& line) {
  if (line.file.empty() || line.line == 0) return {};
  const auto text = source.files.open(line.file);
  if (!text || line.line > (*text)->line_count()) return {};
  return fmt::format("{:>7}  {}", line.line, printable((*text)->line(line.line)));
}

void Debugger::run_pending_commands() {
  for (const auto& [number, command] : std::exchange(pending_commands_, {})) {
    if (quit_ || console().must_leave() || !now_->session) return;
    const auto run = [this, &text = command]() -> Status {
      failed_ = !execute(text) || failed_;
      return {};
    };
    // What has stopped it may have led to its end.
    if (number == now_->number) {
      (void)run();
    } else {
      (void)with_process(number, run);
    }
  }
}

}  // namespace clew::cli
