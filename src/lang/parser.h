#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "lang/syntax_tree.h"
#include "lang/token.h"

namespace clew::lang {

/// What a name means, where only that tells how an expression is to be read: (a)-b.
enum class NameClass : uint8_t { unknown, object, type };
using Classifier = std::function<NameClass(const std::string& name)>;

/// Reads an expression, with `type_allowed` a type as well (ptype, whatis).
tl::expected<Parsed, Problem> parse_expression(std::string_view text, Language language,
                                               const Classifier& classify, bool type_allowed);

tl::expected<Parsed, Problem> parse_c(std::string_view text, Language language,
                                      const Classifier& classify, bool type_allowed);
/// `classify` is asked for names with their packages as well: "main.T", "net/http.Header".
tl::expected<Parsed, Problem> parse_go(std::string_view text, const Classifier& classify,
                                       bool type_allowed);
tl::expected<Parsed, Problem> parse_rust(std::string_view text, const Classifier& classify,
                                         bool type_allowed);

}  // namespace clew::lang
