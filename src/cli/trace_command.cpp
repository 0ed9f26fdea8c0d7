// clew trace: every call of some functions, with arguments and return values, thread by thread.

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>

#include "base/printable.h"
#include "cli/commands.h"
#include "cli/debug/value_view.h"
#include "cli/exit_status.h"
#include "cli/symbol_reading.h"
#include "cli/trace_report.h"
#include "session/call_trace.h"
#include "session/return_value.h"
#include "session/signal_rules.h"
#include "value/locator.h"

namespace clew::cli {
namespace {

using nlohmann::ordered_json;

/// Traps that are set at once; each costs two system calls whenever all threads are held.
constexpr size_t most_functions = 5000;
/// How long calls that have begun are waited for when there were as many as were asked for.
constexpr auto patience_for_returns = std::chrono::seconds(1);

value::PrintOptions short_values() {
  value::PrintOptions options;
  options.elements = 20;
  options.string_length = 80;
  options.depth = 4;
  return options;
}

/// The calls that are shown, as the target runs: what is read of it is read at the hits.
class TraceCommand final : public CallTrace::Listener {
 public:
  TraceCommand(Context context, const TraceOptions& options, Target target, os::ProcDir proc,
               const RegularExpression& expression)
      : console_(context.console),
        backend_(context.backend),
        options_(options),
        target_(std::move(target)),
        proc_(std::move(proc)),
        expression_(expression),
        symbols_(proc_, symbol_options(proc_)),
        lines_(options.json, options.rate) {}

  int run();

 private:
  Status begin();
  Status attach(std::vector<TracedFunction> functions);
  void follow();
  void attend(std::span<const pid_t> named);
  void take_stop();
  void look_at_new_code();
  void print();
  void print_end(const DetachReport& left);
  bool is_over() const;

  void called(CallTrace::Call& call, const TrapHit& hit) override;
  void returned(const CallTrace::Call& call, const TrapHit& hit, Duration took,
                bool by_tail_call) override;
  void left(const CallTrace::Call& call, ThreadId thread) override;

  TraceLine line_of(const CallTrace::Call& call, ThreadId thread) const;
  std::vector<TraceLine::Argument> arguments_of(const TracedFunction& function, const TrapHit& hit);
  std::string returned_value(const TracedFunction& function, const TrapHit& hit);
  std::vector<std::string> callers_of(const TrapHit& hit);
  std::string thread_name(ThreadId id) const;

  Console& console_;
  Backend& backend_;
  const TraceOptions& options_;
  Target target_;
  os::ProcDir proc_;
  const RegularExpression& expression_;
  Symbols symbols_;
  TraceLines lines_;
  std::optional<Session> session_;
  std::unique_ptr<HeldGoroutines> goroutines_;
  std::unique_ptr<ThreadStacks> stacks_;
  std::unique_ptr<ProcessValues> values_;
  std::optional<CallTrace> trace_;
  value::PrintOptions print_options_ = short_values();
  TimePoint begun_{};
  std::optional<TimePoint> full_since_;
  std::string failure_;  ///< that has ended it
};

std::string TraceCommand::thread_name(ThreadId id) const {
  std::string buffer(64, '\0');
  const auto comm = proc_.read_task(id.tid, "comm", buffer);
  return comm ? printable(comm->substr(0, comm->find('\n'))) : std::string();
}

// --- Hits

TraceLine TraceCommand::line_of(const CallTrace::Call& call, ThreadId thread) const {
  TraceLine line;
  line.time = Clock::now() - begun_;
  line.thread = thread;
  line.thread_name = thread_name(thread);
  line.call = call.id;
  line.depth = call.depth;
  line.function = call.function->name;
  return line;
}

void TraceCommand::called(CallTrace::Call& call, const TrapHit& hit) {
  if (options_.count) return;
  call.is_shown = lines_.may_show();
  if (!call.is_shown) return;
  values_->values.begin();
  TraceLine line = line_of(call, hit.thread);
  line.kind = TraceLine::Kind::call;
  line.arguments = arguments_of(*call.function, hit);
  line.callers = callers_of(hit);
  lines_.add(line);
}

void TraceCommand::returned(const CallTrace::Call& call, const TrapHit& hit, Duration took,
                            bool by_tail_call) {
  if (!call.is_shown) return;
  values_->values.begin();
  TraceLine line = line_of(call, hit.thread);
  line.kind = TraceLine::Kind::returned;
  line.took = took;
  line.by_tail_call = by_tail_call;
  line.value = returned_value(*call.function, hit);
  lines_.add(line);
}

void TraceCommand::left(const CallTrace::Call& call, ThreadId thread) {
  if (!call.is_shown) return;
  TraceLine line = line_of(call, thread);
  line.kind = TraceLine::Kind::left;
  lines_.add(line);
}

std::vector<TraceLine::Argument> TraceCommand::arguments_of(const TracedFunction& function,
                                                            const TrapHit& hit) {
  std::vector<TraceLine::Argument> arguments;
  if (function.function.die.addr == nullptr) {
    // Where a caller puts whole numbers and pointers (System V ABI, AMD64, 3.2.3).
    for (const char* name : {"rdi", "rsi", "rdx"}) {
      const uint64_t word = hit.registers.word(arch::native().find(name)->offset);
      arguments.push_back({name, fmt::format("{:#x}", word)});
    }
    return arguments;
  }
  const auto frame = values_->values.function_frame_of(hit.thread, hit.registers);
  if (frame == nullptr || frame->module() == nullptr) return arguments;
  const value::FrameScope scope = value::scope_of(*frame);
  for (const value::Variable& parameter : scope.parameters) {
    const value::Value value =
        value::Locator(values_->values, frame).variable(*frame->module(), parameter.die);
    arguments.push_back(
        {printable(parameter.name), value_text(value, values_->printers, print_options_)});
  }
  return arguments;
}

std::string TraceCommand::returned_value(const TracedFunction& function, const TrapHit& hit) {
  if (function.function.die.addr == nullptr) {
    const arch::Arch& arch = arch::native();
    return fmt::format("rax={:#x}", hit.registers.word(arch.syscall_result));
  }
  const auto value =
      return_value(values_->values, function.module.module, function.function.die, hit.thread);
  if (!value || !*value) return {};
  return value_text(**value, values_->printers, print_options_);
}

std::vector<std::string> TraceCommand::callers_of(const TrapHit& hit) {
  std::vector<std::string> callers;
  if (options_.stack == 0) return callers;
  const auto stack = stacks_->innermost(hit.registers, static_cast<unsigned>(options_.stack + 1));
  for (const stack::Frame& frame : stack->frames) {
    if (frame.physical == 0 || callers.size() >= options_.stack) continue;
    std::string text = frame.function.name.empty()
                           ? fmt::format("{:#x}", stack->physical(frame).pc.value)
                           : printable(frame.function.name);
    if (frame.line && frame.line->line != 0) {
      const std::string& file = frame.line->file;
      text += fmt::format(" at {}:{}", printable(file.substr(file.find_last_of('/') + 1)),
                          frame.line->line);
    }
    callers.push_back(std::move(text));
  }
  return callers;
}

// --- From the attach to the end

Status TraceCommand::begin() {
  // Everything that files tell is read before the target is touched.
  if (auto opened = open_debug_files(console_, symbols_, nullptr); !opened) return opened;
  std::vector<TracedFunction> functions;
  Background search(
      [&](WorkControl&) { functions = find_traced_functions(symbols_, expression_); });
  Status searched = wait_for(console_, search, "searching");
  search.join();
  if (!searched) return searched;
  for (const std::string& problem : symbols_.take_problems()) console_.warn(problem);
  if (functions.size() > most_functions) {
    return fail(ErrorCode::bad_request,
                fmt::format("\"{}\" matches {} functions: {} can be traced at once",
                            printable(options_.functions), functions.size(), most_functions));
  }
  if (functions.empty()) {
    return fail(ErrorCode::not_found,
                fmt::format("no function of process {} matches \"{}\": copies that were inlined "
                            "are none; `info functions REGEX` at the prompt searches",
                            target_.pid, printable(options_.functions)));
  }
  return attach(std::move(functions));
}

Status TraceCommand::attach(std::vector<TracedFunction> functions) {
  Backend::Options attach_options;
  if (options_.max_pause) attach_options.deadline = Deadline::after(*options_.max_pause);
  auto attached = backend_.attach(target_.pid, attach_options);
  if (!attached) return tl::unexpected(explain_attach_failure(target_, attached.error()));
  session_.emplace(std::move(*attached), Session::Limits{options_.max_pause});
  for (const DeniedThread& denied : session_->attach_report().denied) console_.warn(denied.reason);
  session_->set_compiler({});
  // Signals are the target's own affair.
  for (int signal = 1; signal < SignalRules::count; ++signal) session_->signals().set(signal, {});
  goroutines_ = std::make_unique<HeldGoroutines>(*session_, symbols_, proc_);
  stacks_ = std::make_unique<ThreadStacks>(*session_, symbols_, *goroutines_);
  values_ = std::make_unique<ProcessValues>(*session_, symbols_, *stacks_, [] { return Status(); });
  trace_.emplace(*session_, symbols_, *this);
  if (options_.calls) trace_->set_limit(*options_.calls);
  begun_ = Clock::now();
  const size_t count = functions.size();
  Status followed = session_->while_held([&] { return trace_->follow(std::move(functions)); });
  if (trace_->functions().empty()) return followed;
  if (!followed) console_.warn(followed.error().text);
  if (!options_.count) lines_.begin(target_, count);
  return {};
}

void TraceCommand::attend(std::span<const pid_t> named) {
  session_->pump(named);
  take_stop();
}

void TraceCommand::take_stop() {
  if (!session_->is_alive() || !session_->is_holding()) return;
  (void)session_->take_stop();
  const Status caught_up = trace_->catch_up();
  // A signal to clew has broken the hold off: the trace is at its end, or the next stop will do it.
  const bool is_late = !caught_up && caught_up.error().code == ErrorCode::not_stopped;
  if (!caught_up && !is_late && failure_.empty()) failure_ = caught_up.error().text;
  if (session_->is_alive()) (void)session_->resume();
}

void TraceCommand::look_at_new_code() {
  if (!session_->is_alive() || !trace_->take_new_code()) return;
  auto functions = find_traced_functions(symbols_, expression_);
  (void)session_->while_held([&] { return trace_->follow(std::move(functions)); });
  take_stop();
}

bool TraceCommand::is_over() const {
  if (!session_->is_alive() || console_.must_leave() || console_.is_interrupted()) return true;
  if (session_->program_changes() > 0 || !failure_.empty() || console_.is_broken()) return true;
  if (options_.duration && Clock::now() - begun_ >= *options_.duration) return true;
  return full_since_ &&
         (trace_->open_calls() == 0 || Clock::now() - *full_since_ >= patience_for_returns);
}

void TraceCommand::follow() {
  console_.set_attendant({[this] { return session_->next_deadline(); },
                          [this](std::span<const pid_t> named) { attend(named); }});
  take_stop();
  while (!is_over()) {
    Deadline until = Deadline::after(lines_.interval());
    if (options_.duration) until = until.sooner(Deadline(begun_ + *options_.duration));
    console_.wait(-1, until);
    look_at_new_code();
    print();
    if (trace_->is_full() && !full_since_) full_since_ = Clock::now();
  }
}

void TraceCommand::print() {
  lines_.tell_of_hidden();
  for (const Notice& notice : session_->take_notices()) {
    if (notice.kind == Notice::Kind::warning) console_.warn(notice.text);
  }
  if (const std::string text = lines_.take(); !text.empty()) console_.out(text);
}

void TraceCommand::print_end(const DetachReport& left) {
  TraceEnd end;
  end.target = target_;
  end.took = Clock::now() - begun_;
  end.calls = trace_->calls();
  end.from_nowhere = trace_->calls_from_nowhere();
  end.is_alive = left.released > 0 || left.verified;
  end.verified = left.verified;
  end.pause = left.longest_pause;
  if (session_->end()) end.ended = describe_event(*session_->end(), true);
  if (session_->program_changes() > 0)
    end.ended = "the process has executed another program: the trace ends";
  console_.out(options_.count
                   ? trace_counts(trace_->functions(), end, options_.json, console_.style())
                   : lines_.end(trace_->functions(), end));
  for (const pid_t tid : left.remaining) {
    console_.warn(fmt::format(
        "thread {} cannot be let go yet; it is when it wakes or ends, or when clew ends", tid));
  }
}

int TraceCommand::run() {
  if (auto begun = begin(); !begun) {
    if (session_ && session_->is_alive()) (void)session_->detach(leave_deadline());
    console_.error(begun.error().text);
    return exit_status_of(begun.error());
  }
  if (!options_.json || options_.count) {
    console_.progress(fmt::format("tracing {} function{} of process {}; Ctrl-C ends it\n",
                                  trace_->functions().size(),
                                  trace_->functions().size() == 1 ? "" : "s", target_.pid));
  }
  follow();
  // No hit is wanted any more, nor is anything to wait for a slow reader.
  console_.set_attendant({});
  DetachReport left;
  if (session_->is_alive()) left = session_->detach(leave_deadline());
  print();
  print_end(left);
  if (failure_.empty()) return console_.is_broken() ? exit_failed : exit_done;
  console_.error(failure_);
  return exit_failed;
}

}  // namespace

int run_trace(Context context, const TraceOptions& options) {
  const auto expression = RegularExpression::compile(options.functions);
  if (!expression) {
    context.console.error(expression.error().text);
    return exit_usage;
  }
  auto found = open_target(context.console, options.target);
  if (!found) {
    context.console.error(found.error().text);
    return exit_status_of(found.error());
  }
  return TraceCommand(context, options, std::move(found->target), std::move(found->proc),
                      **expression)
      .run();
}

}  // namespace clew::cli
