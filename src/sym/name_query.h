#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "sym/name_index.h"
#include "sym/name_path.h"

namespace clew::sym {

/// A set of kinds.
class NameKinds {
 public:
  constexpr NameKinds(std::initializer_list<NameKind> kinds) {
    for (const NameKind kind : kinds) bits_ |= 1u << static_cast<unsigned>(kind);
  }
  constexpr bool has(NameKind kind) const {
    // A record of a forged file may have any number there.
    const auto number = static_cast<unsigned>(kind);
    return number < 32 && (bits_ >> number & 1) != 0;
  }

 private:
  unsigned bits_ = 0;
};

constexpr NameKinds function_kinds{NameKind::function, NameKind::inlined_function};
constexpr NameKinds variable_kinds{NameKind::variable};
constexpr NameKinds type_kinds{NameKind::type};

/// How surely a name is one that was asked for.
enum class NameMatch : uint8_t {
  no,
  yes,
  ask_arguments,    ///< all but the template arguments is as asked for: the DIE has them
  ask_linkage_name  ///< what is in the index does not decide it, but the linkage name does
};

/// A name as a user types it, and what it means: "f" is every f in any namespace or class, "C::f"
/// the f of every C, "::f" only the one outside of all, "f(int)" the one with these parameters, "f"
/// each instance of a template and "f<int>" that one. Names of inline namespaces may be left out,
/// and of types and scopes the last arguments, for which the template may have defaults:
/// "vector<int>".
class NameQuery {
 public:
  /// @return bad_request when it can be no name.
  static Result<NameQuery> parse(std::string_view text);

  const std::string& text() const { return text_; }
  bool has_parameters() const { return !path_.parameters.empty(); }

  /// Names in an index, as indexes into its names().
  struct Hit {
    size_t name = 0;
    NameMatch match = NameMatch::no;
  };
  std::vector<Hit> find(const DwarfSections& sections, const NameIndex& index,
                        NameKinds kinds) const;

  /// True for a whole demangled name, with parameters if it has them.
  bool matches(std::string_view demangled) const;
  /// True when the parameters, as canonical_types() writes them, are the ones that were asked for.
  bool matches_parameters(std::string_view canonical) const {
    return path_.parameters.empty() || path_.parameters == canonical;
  }
  /// True when the template arguments of the last part are the ones that were asked for, if any
  /// were.
  bool matches_arguments(std::string_view arguments, NameKind kind) const;
  /// Of a type that was found: true when none of its arguments was left out in the query.
  bool has_just_these_arguments(std::string_view name) const;
  /// True when a name with its scopes can match: a quick look at its last part.
  bool may_match_qualified(std::string_view name) const;
  /// True when an ELF symbol can match: a quick look before it is demangled.
  bool may_match_symbol(std::string_view symbol) const;

 private:
  NameMatch match(const DwarfSections& sections, const NameIndex& index, const NameRecord& name,
                  int language) const;

  std::string text_;
  NamePath path_;
  NamePath go_path_;
  std::string mangled_;         ///< the last part as mangled names have it
  bool is_identifier_ = false;  ///< the last part is
  uint32_t hash_ = 0;           ///< of the last part
  uint32_t go_hash_ = 0;        ///< of the last part in Go
};

}  // namespace clew::sym
