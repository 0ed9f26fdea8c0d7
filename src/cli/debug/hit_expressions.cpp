#include "cli/debug/hit_expressions.h"

#include <fmt/format.h>

#include "base/printable.h"
#include "lang/expression.h"

namespace clew::cli {
namespace {

/// What the names mean for a thread that stands at a trap, where it has just come to.
ValueScope scope_at(Debugger& debugger, const TrapHit& hit) {
  ValueScope::Place place;
  place.thread = hit.thread;
  place.registers = hit.registers;
  place.language = debugger.view.language;
  place.goroutine = [&debugger, registers = hit.registers] {
    const auto runs = debugger.goroutines().running(registers);
    return runs ? runs->id : 0;
  };
  return debugger.value_scope(std::move(place));
}

/// An expression that is meant for a place where no thread stands yet: the thread's registers there
/// are not known, but which names there are is.
Result<lang::Expression> compile(Debugger& debugger, const std::string& text,
                                 const CodePlace& place) {
  arch::GeneralRegisters registers{};
  registers.set_word(arch::native().pc, place.address.value);
  const TrapHit somebody{{}, place.address, registers};
  ValueScope scope = scope_at(debugger, somebody);
  auto parsed = lang::Expression::parse(
      text, scope.language(), [&](const std::string& name) { return scope.classify(name); });
  if (!parsed) return parsed;
  if (parsed->has_call()) {
    return fail(ErrorCode::unsupported,
                "no functions of the program are called at a breakpoint: the other threads run on "
                "meanwhile");
  }
  // Names that do not exist there are told now, not at the first hit.
  const auto type = parsed->type(scope);
  if (!type &&
      (type.error().code == ErrorCode::not_found || type.error().code == ErrorCode::bad_request))
    return tl::unexpected(type.error());
  return parsed;
}

Result<value::Value> evaluate_at(Debugger& debugger, const lang::Expression& expression,
                                 const TrapHit& hit) {
  ValueScope scope = scope_at(debugger, hit);
  return expression.evaluate(scope);
}

std::string one_line(const Error& error) { return error.text.substr(0, error.text.find('\n')); }

/// A text between expressions, and the expression behind it.
struct LogPart {
  std::string text;
  std::optional<lang::Expression> expression;
};

}  // namespace

Result<HitCondition> compile_condition(Debugger& debugger, const std::string& text,
                                       const CodePlace& place) {
  auto compiled = compile(debugger, text, place);
  if (!compiled) return tl::unexpected(compiled.error());
  const auto expression = std::make_shared<const lang::Expression>(std::move(*compiled));
  return HitCondition([&debugger, expression](const TrapHit& hit) -> Result<bool> {
    const auto value = evaluate_at(debugger, *expression, hit);
    if (!value) return fail(value.error().code, one_line(value.error()));
    if (value->is_absent()) return fail(ErrorCode::unavailable, value->absence());
    return value->as_condition();
  });
}

Result<HitText> compile_log(Debugger& debugger, const std::string& text, const CodePlace& place) {
  auto parts = std::make_shared<std::vector<LogPart>>();
  size_t at = 0;
  while (at < text.size()) {
    const size_t open = text.find('{', at);
    const size_t close = open == text.npos ? text.npos : text.find('}', open);
    LogPart part;
    part.text = text.substr(at, std::min(open, text.size()) - at);
    if (close != text.npos) {
      auto compiled = compile(debugger, text.substr(open + 1, close - open - 1), place);
      if (!compiled) return tl::unexpected(compiled.error());
      part.expression.emplace(std::move(*compiled));
    }
    parts->push_back(std::move(part));
    if (close == text.npos) break;
    at = close + 1;
  }
  return HitText([&debugger, parts](const TrapHit& hit) {
    std::string line = fmt::format("thread {} (tid {}): ", hit.thread.number, hit.thread.tid);
    for (const LogPart& part : *parts) {
      line += part.text;
      if (!part.expression) continue;
      const auto value = evaluate_at(debugger, *part.expression, hit);
      line += value ? debugger.text_of(*value) : "<" + one_line(value.error()) + ">";
    }
    return line;
  });
}

}  // namespace clew::cli
