#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "value/type.h"

namespace clew::value {

/// Finds the definition of a type that a unit only declares. Made from the index of names.
class DefinitionFinder {
 public:
  virtual ~DefinitionFinder() = default;

  struct Found {
    std::shared_ptr<const sym::Module> module;
    Dwarf_Die die{};
  };
  /// `tag` is DW_TAG_…; `name` has its scopes. @return nullopt when there is no definition.
  virtual std::optional<Found> find_definition(unsigned tag, const std::string& name,
                                               const Type& declaration) = 0;
};

/// All types of one process that were looked at, each once, and the ones made from them. They live
/// until this ends and keep their modules alive. For one thread at a time; it takes the locks of
/// modules by itself.
class Types {
 public:
  Types();
  ~Types();
  Types(const Types&) = delete;
  Types& operator=(const Types&) = delete;

  /// Without one, declarations stay what they are. It must outlive this.
  void set_finder(DefinitionFinder* finder) { finder_ = finder; }

  /// The type that a DIE describes (DW_TAG_structure_type, …). Whatever stands there, there is a
  /// type: `unknown` when it makes no sense.
  const Type* of(const std::shared_ptr<const sym::Module>& module, const Dwarf_Die& die);
  /// The type that DW_AT_type of a DIE, or of what it is a copy or definition of, leads to; void
  /// when it has none.
  const Type* type_of(const std::shared_ptr<const sym::Module>& module, const Dwarf_Die& die);

  /// Those of Go programs by what their runtime has of them.
  class GoTypes& go();

  const Type* nothing();
  const Type* pointer_to(const Type* target);
  const Type* reference_to(const Type* target, bool is_rvalue = false);
  const Type* array_of(const Type* element, std::optional<uint64_t> count, int64_t lower_bound = 0,
                       bool is_vector = false);
  const Type* qualified(const Type* target, std::string_view qualifier);
  /// A function that takes `parameters`, as a cast may name one.
  const Type* function(const Type* result, const std::vector<const Type*>& parameters,
                       bool is_variadic);
  /// A base type under the name that a language has for it: base("unsigned int", integer, 4,
  /// false).
  const Type* base(std::string_view name, TypeKind kind, uint64_t size, bool is_signed);
  /// An array whose length was found out.
  const Type* with_count(const Type* dynamic_array, uint64_t count, const Type* element);

 private:
  friend class Type;
  friend class TypeReader;
  struct State;

  Type* make(TypeKind kind);
  std::string_view keep(std::string_view text);
  /// One node for each place in the debug information: a DIE, and which dimension of an array.
  /// @return nullptr in the slot when it is new.
  Type*& slot(const Dwarf_Die& die, unsigned dimension);

  DefinitionFinder* finder_ = nullptr;
  std::unique_ptr<State> state_;
};

/// Two types that mean the same, although they may be described in two units or modules: by kind,
/// size and full name.
bool is_same(const Type* a, const Type* b);

}  // namespace clew::value
