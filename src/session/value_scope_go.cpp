// What names mean in Go: packages are parts of names, and may be left out for the frame's own or
// shortened to their last part.

#include <fmt/format.h>

#include "base/printable.h"
#include "lang/arithmetic.h"
#include "session/value_scope.h"
#include "value/go_types.h"
#include "value/scope.h"

namespace clew {

using lang::NameClass;
using value::Type;
using value::Value;

namespace {

/// Where the name behind the package begins: "net/http.Client" has a dot behind its last slash.
/// @return npos for a name without a package.
size_t dot_of(std::string_view name) {
  const size_t arguments = std::min(name.find('['), name.size());
  const size_t slash = name.substr(0, arguments).rfind('/');
  const size_t dot = name.find('.', slash == name.npos ? 0 : slash);
  return dot < arguments ? dot : name.npos;
}

/// How well a full name fits: 2 the very name, 1 with the package by its last part, 0 not at all.
int fit_of(std::string_view full, std::string_view wanted) {
  if (full == wanted) return 2;
  const bool is_short = full.size() > wanted.size() && full.ends_with(wanted) &&
                        full[full.size() - wanted.size() - 1] == '/';
  return is_short ? 1 : 0;
}

}  // namespace

std::string ValueScope::go_package() {
  if (frame() == nullptr) return "main";
  const std::string& function = frame()->function().name;
  const size_t dot = dot_of(function);
  return dot == function.npos ? "main" : function.substr(0, dot);
}

std::string ValueScope::go_full_name(const std::string& name) {
  return dot_of(name) == name.npos ? go_package() + "." + name : name;
}

const LoadedName* ValueScope::go_object(const std::string& name) {
  const std::string wanted = go_full_name(name);
  // By the last part alone: the index does not know that a package's path can be shortened.
  const auto found = values_.find(wanted.substr(dot_of(wanted) + 1),
                                  {sym::NameKind::variable, sym::NameKind::enumerator});
  if (!found) return nullptr;
  const LoadedName* best = nullptr;
  int best_fit = 0;
  for (const LoadedName& one : **found) {
    const int fit = fit_of(one.found.name, wanted);
    if (fit <= best_fit) continue;
    best = &one;
    best_fit = fit;
  }
  return best;
}

std::optional<Result<Value>> ValueScope::go_function(const std::string& name) {
  const std::string wanted = go_full_name(name);
  const auto found = values_.functions(wanted.substr(dot_of(wanted) + 1));
  if (!found) return Result<Value>(tl::unexpected(found.error()));
  for (const int fit : {2, 1}) {
    for (const LoadedFunction& one : **found) {
      if (one.function.is_inlined || one.function.die.addr == nullptr ||
          fit_of(one.function.name, wanted) != fit) {
        continue;
      }
      const Type* const type = values_.types().of(one.module.module, one.function.die);
      return Result<Value>(Value::in_memory(values_, type, one.entry()));
    }
  }
  return std::nullopt;
}

Result<Value> ValueScope::go_variable(const std::string& name) {
  if (auto found = local(name)) return *found;
  if (const LoadedName* const found = go_object(name)) return value_of(*found);
  if (auto found = go_function(name)) return *found;
  return fail(ErrorCode::not_found, nowhere(name));
}

const Type* ValueScope::go_type(const std::string& name) {
  value::GoTypes& types = values_.types().go();
  if (const Type* const found = types.find(values_, name)) return found;
  if (dot_of(name) == name.npos) return types.find(values_, go_full_name(name));
  if (const Type* const found = types.find_short(values_, name)) return found;
  return types.find_by_package(values_, name);
}

NameClass ValueScope::go_classify(const std::string& name) {
  if (frame() != nullptr && value::find_variable(scope(), name)) return NameClass::object;
  if (name == "any" || name == "error") return NameClass::type;
  if (go_type(name) != nullptr ||
      lang::Arithmetic(values_, lang::Language::go).by_name(name) != nullptr) {
    return NameClass::type;
  }
  if (go_object(name) != nullptr || go_function(name)) return NameClass::object;
  return NameClass::unknown;
}

}  // namespace clew
