#pragma once

#include <elfutils/libdw.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "value/made_types.h"
#include "value/types.h"

namespace clew::value {

/// Makes types of DIEs. Called under the module's lock.
class TypeReader {
 public:
  TypeReader(Types& types, const std::shared_ptr<const sym::Module>& module)
      : types_(types), module_(module) {}

  /// A node without what is below it.
  const Type* read(Dwarf_Die die);
  /// Fills in target(); what it stands on.
  const Type* read_target(const Type& type);
  /// Members, enumerators, arguments, parameters.
  void read_parts(const Type& type, Type::Body& body);
  void read_names(const Type& type, Type::Body& body);

  // See made_types.h.
  static const Type* make_type(Types& types, TypeKind kind, std::string_view key,
                               std::string_view name, const std::vector<MadeMember>& members);
  static const Type* make_member_pointer(Types& types, const Type* containing, const Type* target);

 private:
  Type* make(const Dwarf_Die& die, int tag);
  void read_base_type(Type& type);
  void read_go(Type& type, int tag);
  void read_array(Type& type, unsigned dimension);
  const Type* read_dimension(const Dwarf_Die& die, unsigned dimension);
  void read_part(const Type& type, const Dwarf_Die& child, Type::Body& body);
  void read_template_argument(const Dwarf_Die& child, bool in_pack, Type::Body& body);
  Member read_member(const Dwarf_Die& die, bool is_class);
  Method read_method(const Dwarf_Die& die, bool is_class);
  VariantPart read_variant_part(const Dwarf_Die& die);
  Variant read_variant(const Dwarf_Die& die, const VariantPart& part);
  const Type* type_of(const Dwarf_Die& die);

  Types& types_;
  const std::shared_ptr<const sym::Module>& module_;
};

}  // namespace clew::value
