#include "session/skip_rules.h"

#include <fmt/format.h>

#include <algorithm>

namespace clew {
namespace {

/// "ns::f<int>(char)" is f, ns::f and ns::f<int>.
bool is_named(std::string_view function, std::string_view name) {
  const std::string_view whole = function.substr(0, function.find('('));
  const auto ends_with_name = [&](std::string_view text) {
    if (!text.ends_with(name)) return false;
    const std::string_view before = text.substr(0, text.size() - name.size());
    return before.empty() || before.ends_with("::") || before.ends_with('.');
  };
  return ends_with_name(function) || ends_with_name(whole) ||
         ends_with_name(whole.substr(0, whole.find('<')));
}

bool is_file(std::string_view path, std::string_view name) {
  if (!path.ends_with(name)) return false;
  return path.size() == name.size() || name.starts_with('/') ||
         path[path.size() - name.size() - 1] == '/';
}

bool matches(const SkipRules::Rule& rule, std::string_view function, std::string_view file) {
  switch (rule.kind) {
    case SkipRules::Kind::function:
      return is_named(function, rule.text);
    case SkipRules::Kind::file:
      return is_file(file, rule.text);
    case SkipRules::Kind::expression:
      return rule.expression->matches(std::string(function));
  }
  return false;
}

}  // namespace

std::string_view skip_kind_name(SkipRules::Kind kind) {
  switch (kind) {
    case SkipRules::Kind::function:
      return "function";
    case SkipRules::Kind::file:
      return "file";
    case SkipRules::Kind::expression:
      break;
  }
  return "regex";
}

Result<unsigned> SkipRules::add(Kind kind, std::string text) {
  Rule rule{next_number_, kind, std::move(text), nullptr};
  if (kind == Kind::expression) {
    auto compiled = RegularExpression::compile(rule.text);
    if (!compiled) return tl::unexpected(compiled.error());
    rule.expression = std::move(*compiled);
  }
  rules_.push_back(std::move(rule));
  return next_number_++;
}

Status SkipRules::remove(unsigned number) {
  const size_t gone =
      std::erase_if(rules_, [number](const Rule& rule) { return rule.number == number; });
  if (gone > 0) return {};
  return fail(ErrorCode::not_found, fmt::format("there is no skip {}: see `info skip`", number));
}

bool SkipRules::is_skipped(std::string_view function, std::string_view file) const {
  return std::any_of(rules_.begin(), rules_.end(),
                     [&](const Rule& rule) { return matches(rule, function, file); });
}

}  // namespace clew
