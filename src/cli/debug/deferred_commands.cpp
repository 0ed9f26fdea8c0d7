// deferred, panics, ancestors: what the runtime of Go knows of the selected goroutine besides its
// stack.

#include <fmt/format.h>

#include <algorithm>

#include "base/printable.h"
#include "cli/debug/command_list.h"
#include "cli/debug/go_stops.h"
#include "lang/expression.h"
#include "lang/go/goroutine_details.h"
#include "lang/go/open_defers.h"
#include "sym/source_path.h"
#include "view/table.h"

namespace clew::cli {
namespace {

Result<uint64_t> selected_goroutine(Debugger& debugger) {
  const auto session = debugger.held_session();
  if (!session) return tl::unexpected(session.error());
  if (const auto& selected = (*session)->selected_goroutine()) return selected->id;
  const auto thread = (*session)->selected();
  if (!thread) return tl::unexpected(thread.error());
  return debugger.goroutines().of_thread(*thread);
}

/// What the runtime keeps of the selected goroutine.
struct SelectedDetails {
  uint64_t id = 0;
  Session* session = nullptr;
  const GoRuntime* runtime = nullptr;
  go::GoroutineDetails details;
};

/// What of it cannot be read is told as warnings.
Result<SelectedDetails> selected_details(Debugger& debugger) {
  const auto id = selected_goroutine(debugger);
  if (!id) return tl::unexpected(id.error());
  const auto runtime = debugger.goroutines().runtime();
  if (!runtime) return tl::unexpected(runtime.error());
  const auto goroutine = debugger.goroutines().find(*id);
  if (!goroutine) return tl::unexpected(goroutine.error());
  const auto session = debugger.session();
  if (!session) return tl::unexpected(session.error());
  SelectedDetails known{*id, *session, *runtime, {}};
  known.details =
      go::read_details((*session)->inferior(), (*runtime)->layout, (*goroutine)->descriptor);
  for (const std::string& problem : known.details.problems) debugger.console().warn(problem);
  return known;
}

/// "main.f at main.go:12".
std::string place_text(Debugger& debugger, Addr address, bool is_call) {
  if (address.value == 0) return "";
  const NamedPlace& place = debugger.symbols().place(address, is_call);
  std::string text =
      place.function.empty() ? fmt::format("{:#x}", address.value) : printable(place.function);
  if (!place.line.file.empty() && place.line.line != 0)
    text += fmt::format(" at {}:{}", printable(sym::last_part(place.line.file)), place.line.line);
  return text;
}

/// Adds the deferred calls of one goroutine to a table, frame by frame.
class DeferredTable {
 public:
  DeferredTable(Debugger& debugger, const GoRuntime& runtime, go::GoroutineDetails details)
      : debugger_(debugger),
        runtime_(runtime),
        details_(std::move(details)),
        is_shown_(details_.deferred.size()),
        table_({{"FRAME", Table::Align::right, {}},
                {"OF", Table::Align::left, {}},
                {"WILL CALL", Table::Align::left, {}},
                {"DEFERRED AT", Table::Align::left, {}}}) {}

  /// Empty when there are none.
  std::string render(Session& session, const stack::Stack& stack);

 private:
  void add(const std::string& level, const std::string& owner, const go::DeferredCall& call) {
    table_.add({level, owner, place_text(debugger_, call.function, false),
                place_text(debugger_, call.pc, true)});
    ++count_;
  }
  void add_frame(Session& session, const stack::Stack& stack, const stack::Frame& frame);

  Debugger& debugger_;
  const GoRuntime& runtime_;
  go::GoroutineDetails details_;
  std::vector<bool> is_shown_;
  Table table_;
  size_t count_ = 0;
};

void DeferredTable::add_frame(Session& session, const stack::Stack& stack,
                              const stack::Frame& frame) {
  const stack::RawFrame& raw = stack.physical(frame);
  const std::string level = fmt::format("#{}", frame.level);
  const std::string owner = printable(frame.function.name);
  Inferior& inferior = session.inferior();
  if (const sym::LoadedModule* const loaded = debugger_.symbols().module_of(raw.lookup)) {
    for (const go::DeferredCall& call :
         go::open_coded_calls(*loaded, runtime_.layout, raw.lookup, raw.cfa, inferior)) {
      add(level, owner, call);
    }
  }
  const auto sp = raw.registers.word(inferior.arch().frames.stack_pointer);
  for (size_t i = 0; i < details_.deferred.size(); ++i) {
    if (is_shown_[i] || !sp || details_.deferred[i].body_sp != *sp) continue;
    is_shown_[i] = true;
    add(level, owner, details_.deferred[i]);
  }
}

std::string DeferredTable::render(Session& session, const stack::Stack& stack) {
  for (size_t i = 0; i < stack.frames.size(); ++i) {
    // Of copies that were inlined into each other the outermost has the frame.
    const bool is_last =
        i + 1 == stack.frames.size() || stack.frames[i + 1].physical != stack.frames[i].physical;
    if (is_last) add_frame(session, stack, stack.frames[i]);
  }
  for (size_t i = 0; i < details_.deferred.size(); ++i) {
    if (!is_shown_[i]) add("?", "", details_.deferred[i]);
  }
  if (count_ == 0) return {};
  const Style& style = debugger_.console().style();
  return table_.render(debugger_.console().width(),
                       [&](std::string_view text) { return style.faint(text); });
}

Status show_deferred(Debugger& debugger, const Arguments& arguments) {
  if (!arguments.words.empty()) return fail(ErrorCode::bad_request, "deferred takes no arguments");
  auto known = selected_details(debugger);
  if (!known) return tl::unexpected(known.error());
  const auto stack = debugger.stacks().goroutine_stack(known->id);
  if (!stack) return tl::unexpected(stack.error());
  const std::string text = DeferredTable(debugger, *known->runtime, std::move(known->details))
                               .render(*known->session, **stack);
  debugger.console().out_paged(
      text.empty() ? fmt::format("goroutine {} has deferred no calls\n", known->id) : text);
  return {};
}

/// As `print` shows it where there is debug information.
std::string value_of_panic(Debugger& debugger, const SelectedDetails& known,
                           const go::Panic& panic) {
  if (panic.is_goexit) return "runtime.Goexit";
  ValueScope::Place place;
  place.language = lang::Language::go;
  ValueScope scope = debugger.value_scope(std::move(place));
  const auto value =
      lang::evaluate(fmt::format("*(*interface {{}})({:#x})", panic.value.value), scope);
  if (!value) {
    return printable(
        panic_value_text(known.session->inferior(), known.runtime->layout.panics, panic.record));
  }
  return debugger.text_of(*value);
}

Status show_panics(Debugger& debugger, const Arguments& arguments) {
  if (!arguments.words.empty()) return fail(ErrorCode::bad_request, "panics takes no arguments");
  const auto known = selected_details(debugger);
  if (!known) return tl::unexpected(known.error());
  std::string text;
  for (const go::Panic& panic : known->details.panics) {
    text += text.empty() ? "" : "  in the middle of ";
    text += value_of_panic(debugger, *known, panic);
    text += panic.is_recovered ? ", recovered\n" : "\n";
  }
  debugger.console().out_paged(
      text.empty() ? fmt::format("goroutine {} has no panic in progress\n", known->id) : text);
  return {};
}

Status show_ancestors(Debugger& debugger, const Arguments& arguments) {
  if (!arguments.words.empty()) return fail(ErrorCode::bad_request, "ancestors takes no arguments");
  const auto known = selected_details(debugger);
  if (!known) return tl::unexpected(known.error());
  Console& console = debugger.console();
  if (known->details.ancestors.empty()) {
    return fail(ErrorCode::not_found,
                fmt::format("the runtime has kept no ancestors of goroutine {}: it does for "
                            "programs that are started with GODEBUG=tracebackancestors=N",
                            known->id));
  }
  std::string text;
  for (const go::Ancestor& ancestor : known->details.ancestors) {
    text += console.style().heading(fmt::format("goroutine {}", ancestor.id));
    if (ancestor.go_pc.value != 0)
      text += ", made at " + place_text(debugger, ancestor.go_pc, true);
    text += "\n";
    for (const Addr pc : ancestor.places) text += "  " + place_text(debugger, pc, true) + "\n";
  }
  console.out_paged(text);
  return {};
}

const DebugCommand deferred_list[] = {
    {"deferred",
     {},
     "",
     "the deferred calls of the selected goroutine",
     "Frame by frame from the innermost on, in each the call that runs first first. Those that the "
     "compiler has put into the function itself have no place of their own at which they were "
     "deferred.",
     show_deferred,
     true},
    {"panics",
     {},
     "",
     "the panics of the selected goroutine that are in progress",
     "The latest first; each came while the deferred functions of the one behind it ran. One that "
     "is recovered is there until the function that recovered it has returned.",
     show_panics,
     true},
    {"ancestors",
     {},
     "",
     "who made the selected goroutine, and who made that one",
     "With the places where they were then. The runtime keeps them for programs that are started "
     "with GODEBUG=tracebackancestors=N.",
     show_ancestors,
     true},
};

}  // namespace

std::span<const DebugCommand> deferred_commands() { return deferred_list; }

}  // namespace clew::cli
