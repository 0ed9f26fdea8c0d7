#include "session/no_process.h"

#include <fmt/format.h>

#include "lang/arithmetic.h"
#include "session/value_scope.h"

namespace clew {
namespace {

tl::unexpected<Error> no_process() {
  return fail(ErrorCode::not_found, "no process is attached: `attach PID` takes one");
}

}  // namespace

Result<size_t> NoProcess::Nothing::read_memory(Addr, MutableBytes) { return no_process(); }

void NoProcess::remember(const Event& end) {
  exit_code_.reset();
  if (const auto* const exited = std::get_if<ProcessExited>(&end)) exit_code_ = exited->exit_code;
}

lang::NameClass NoProcess::classify(const std::string& name) {
  return lang::Arithmetic(nothing_, language()).by_name(name) == nullptr ? lang::NameClass::object
                                                                         : lang::NameClass::type;
}

Result<value::Value> NoProcess::variable(const std::string&, const std::string&) {
  return no_process();
}

Result<const value::Type*> NoProcess::type(const std::string& name, lang::TypeName::Tag) {
  if (const value::Type* const basic = lang::Arithmetic(nothing_, language()).by_name(name))
    return basic;
  return no_process();
}

Result<value::Value> NoProcess::dollar(const std::string& name) {
  if (auto found = history_.find(name, nothing_)) return *found;
  if (auto found = history_.variable(name)) return *found;
  if (name == exit_code_name) return exit_code_value(nothing_, exit_code_);
  return value::Value(nothing_);
}

Status NoProcess::set_dollar(const std::string& name, const value::Value& value) {
  return set_convenience_variable(history_, name, value);
}

}  // namespace clew
