#include "session/frame_variables.h"

#include <fmt/format.h>

#include "base/printable.h"
#include "value/dwarf_read.h"
#include "value/locator.h"

namespace clew {
namespace {

/// Of a deep recursion nobody reads them all.
constexpr size_t most_frames_with_variables = 1000;

}  // namespace

std::string value_text(const value::Value& value, const value::PrinterSet& printers,
                       const value::PrintOptions& options, unsigned indent) {
  const value::Rendering rendering = value::render(value, printers, options);
  return value::to_text(rendering, value::syntax_of(value.type()->language()), options, indent);
}

std::string brief_text(const value::Value& value, const value::PrinterSet& printers,
                       const value::PrintOptions& options) {
  if (value.is_absent()) return "<optimised out>";
  const value::TypeKind kind = value.type()->stripped()->kind();
  // Maps, channels and functions of Go are pointers that show more than that.
  const bool is_text = value.type()->stripped()->go_kind() == value::GoKind::string;
  const bool shows_more = value::is_go(value.type()->stripped()->language()) &&
                          kind == value::TypeKind::pointer &&
                          printers.find(value.type()) != nullptr;
  const bool is_short = (value.type()->is_scalar() && !shows_more) || is_text ||
                        kind == value::TypeKind::member_pointer;
  if (!is_short) return "...";
  value::PrintOptions short_options = options;
  short_options.pretty = false;
  short_options.pointer_types = false;
  short_options.follow = false;
  return value_text(value, printers, short_options);
}

std::string variable_name(const value::Variable& variable, const value::Frame& frame) {
  std::string name = variable.name.empty() ? "<unnamed>" : printable(variable.name);
  if (variable.is_hidden && value::is_go(frame.function().language)) name = "(" + name + ")";
  return name;
}

StackVariableReader::StackVariableReader(MemoryReader& memory, Symbols& symbols,
                                         value::PrinterSet printers)
    : memory_(memory),
      target_(memory_, symbols,
              [&symbols]() -> Status {
                if (symbols.has_names()) return {};
                return fail(ErrorCode::unavailable, "not all names were read before the stop");
              }),
      printers_(std::move(printers)) {}

std::optional<FrameVariables> StackVariableReader::read(
    const std::shared_ptr<const value::Frame>& frame, const value::PrintOptions& options) {
  if (frame->module() == nullptr || frame->function().die.addr == nullptr) return std::nullopt;
  FrameVariables found;
  found.level = frame->level();
  const value::FrameScope scope = value::scope_of(*frame);
  const auto add = [&](std::vector<FrameVariable>& into, const value::Variable& variable) {
    const value::Value value =
        value::Locator(target_, frame).variable(*frame->module(), variable.die);
    FrameVariable& one = into.emplace_back();
    one.name = variable_name(variable, *frame);
    one.type = value.type();
    one.is_absent = value.is_absent();
    one.text = value_text(value, printers_, options);
    if (variable.is_parameter && !variable.is_result)
      one.brief = brief_text(value, printers_, options);
  };
  for (const value::Variable& parameter : scope.parameters) add(found.arguments, parameter);
  for (const value::Variable& local : scope.locals) {
    if (!local.name.empty()) add(found.locals, local);
  }
  return found;
}

void StackVariables::cut() {
  missing = "not read before the process was let go";
  is_cut = true;
}

StackVariables StackVariableReader::read(const std::shared_ptr<const stack::Stack>& stack,
                                         const std::shared_ptr<const value::ThreadState>& thread,
                                         const Deadline& deadline,
                                         const std::function<bool()>& is_given_up) {
  value::PrintOptions options;
  options.deadline = deadline;
  StackVariables all;
  for (size_t level = 0; level < stack->frames.size(); ++level) {
    if (level == most_frames_with_variables) {
      all.missing = fmt::format("those of frames from {} on are not read", level);
      break;
    }
    if (deadline.passed() || is_given_up()) {
      all.cut();
      break;
    }
    if (auto found = read(value::Frame::make(stack, level, thread), options))
      all.frames.push_back(std::move(*found));
  }
  return all;
}

}  // namespace clew
