#include "value/type_reader.h"

#include <dwarf.h>

#include <algorithm>

#include "sym/code_tables.h"
#include "value/dwarf_read.h"

namespace clew::value {
namespace {

/// What a DWARF tag is, and the word of a qualifier.
struct Tag {
  TypeKind kind = TypeKind::unknown;
  std::string_view qualifier;
};

Tag kind_of(int tag) {
  switch (tag) {
    case DW_TAG_structure_type:
    case DW_TAG_class_type:
    case DW_TAG_interface_type:
      return {TypeKind::structure, {}};
    case DW_TAG_union_type:
      return {TypeKind::union_type, {}};
    case DW_TAG_enumeration_type:
      return {TypeKind::enumeration, {}};
    case DW_TAG_pointer_type:
      return {TypeKind::pointer, {}};
    case DW_TAG_reference_type:
    case DW_TAG_rvalue_reference_type:
      return {TypeKind::reference, {}};
    case DW_TAG_ptr_to_member_type:
      return {TypeKind::member_pointer, {}};
    case DW_TAG_array_type:
      return {TypeKind::array, {}};
    case DW_TAG_subroutine_type:
    case DW_TAG_subprogram:
      return {TypeKind::function, {}};
    case DW_TAG_typedef:
    case DW_TAG_template_alias:
    case DW_TAG_subrange_type:
      return {TypeKind::alias, {}};
    case DW_TAG_const_type:
      return {TypeKind::qualified, "const"};
    case DW_TAG_volatile_type:
      return {TypeKind::qualified, "volatile"};
    case DW_TAG_restrict_type:
      return {TypeKind::qualified, "restrict"};
    case DW_TAG_atomic_type:
      return {TypeKind::qualified, "_Atomic"};
    case DW_TAG_packed_type:
    case DW_TAG_shared_type:
    case DW_TAG_immutable_type:
      return {TypeKind::qualified, {}};
    default:
      return {};
  }
}

Access access_of(const Dwarf_Die& die, bool is_class) {
  switch (constant_attribute(die, DW_AT_accessibility).value_or(0)) {
    case DW_ACCESS_public:
      return Access::is_public;
    case DW_ACCESS_protected:
      return Access::is_protected;
    case DW_ACCESS_private:
      return Access::is_private;
    default:
      return is_class ? Access::is_private : Access::is_public;
  }
}

/// DW_AT_data_member_location as a number of bytes. DWARF 2 has it as an expression that adds to
/// the object's address.
std::optional<uint64_t> member_offset(const Dwarf_Die& die) {
  Dwarf_Die entry = die;
  Dwarf_Attribute attribute;
  if (dwarf_attr(&entry, DW_AT_data_member_location, &attribute) == nullptr) return std::nullopt;
  Dwarf_Word offset = 0;
  if (dwarf_formudata(&attribute, &offset) == 0) return offset;
  Dwarf_Op* operations = nullptr;
  size_t count = 0;
  if (dwarf_getlocation(&attribute, &operations, &count) == 0 && count == 1 &&
      (operations[0].atom == DW_OP_plus_uconst || operations[0].atom == DW_OP_constu)) {
    return operations[0].number;
  }
  return std::nullopt;
}

/// From the start of the object, least significant first.
void read_bit_field(const Dwarf_Die& die, Member& member) {
  const auto bit_size = sym::number_attribute(die, DW_AT_bit_size);
  if (!bit_size || *bit_size > 128) return;
  member.bit_size = *bit_size;
  if (const auto offset = sym::number_attribute(die, DW_AT_data_bit_offset)) {
    member.bit_offset = *offset;
    return;
  }
  // DWARF 2 and 3 count from the most significant bit of a storage unit (DWARF 3, 5.5.6).
  const auto from_top = constant_attribute(die, DW_AT_bit_offset);
  if (!from_top) return;
  auto storage = sym::number_attribute(die, DW_AT_byte_size);
  if (!storage && member.type != nullptr) storage = member.type->size();
  const auto bits = static_cast<int64_t>(storage.value_or(0) * 8);
  member.bit_offset +=
      static_cast<uint64_t>(bits - *from_top - static_cast<int64_t>(member.bit_size));
}

/// Compilers encode these as integers, although they are there for letters. In C they are aliases.
bool is_character_name(std::string_view name) { return name == "wchar_t" || name == "char8_t"; }

}  // namespace

const Type* TypeReader::type_of(const Dwarf_Die& die) { return types_.type_of(module_, die); }

const Type* TypeReader::read(Dwarf_Die die) {
  // A declaration that only names a type unit (DWARF 5, 5.7.1).
  Dwarf_Die definition;
  if (sym::reference_attribute(die, DW_AT_signature, definition)) die = definition;
  const int tag = tag_of(die);
  if (tag == DW_TAG_array_type) return read_dimension(die, 0);
  Type*& known = types_.slot(die, 0);
  if (known != nullptr) return known;
  return known = make(die, tag);
}

Type* TypeReader::make(const Dwarf_Die& die, int tag) {
  const Tag meaning = kind_of(tag);
  Type& type = *types_.make(meaning.kind);
  type.module_ = module_;
  type.die_ = die;
  type.language_ = language_of(die);
  type.name_ = sym::string_attribute(die, DW_AT_name);
  type.size_ = sym::number_attribute(die, DW_AT_byte_size);
  type.qualifier_ = meaning.qualifier;
  type.is_const_ = tag == DW_TAG_const_type;
  type.is_volatile_ = tag == DW_TAG_volatile_type;
  type.is_class_ = tag == DW_TAG_class_type;
  type.is_rvalue_ = tag == DW_TAG_rvalue_reference_type;
  type.is_declaration_ =
      flag_attribute(die, DW_AT_declaration) &&
      (meaning.kind == TypeKind::structure || meaning.kind == TypeKind::union_type ||
       meaning.kind == TypeKind::enumeration);
  if (is_go(type.language_)) read_go(type, tag);
  switch (type.kind_) {
    case TypeKind::pointer:
    case TypeKind::reference:
      if (!type.size_) type.size_ = sizeof(uint64_t);
      break;
    case TypeKind::member_pointer:
      if (!type.size_) {
        // Itanium C++ ABI, 2.3: an offset, or a function and an adjustment.
        type.size_ = type.target()->stripped()->kind() == TypeKind::function ? 16 : 8;
      }
      break;
    case TypeKind::enumeration:
      type.is_enum_class_ = flag_attribute(die, DW_AT_enum_class);
      break;
    case TypeKind::unknown:
      if (tag == DW_TAG_base_type || tag == DW_TAG_unspecified_type) read_base_type(type);
      break;
    default:
      break;
  }
  return &type;
}

void TypeReader::read_go(Type& type, int tag) {
  const auto kind = constant_attribute(type.die_, at_go_kind).value_or(0);
  // The runtime has flags above the kind.
  type.go_kind_ = static_cast<GoKind>(kind & 0x1f);
  // A value of a function's type is a pointer to a closure, whose first word is the code's address.
  if (tag == DW_TAG_subroutine_type) type.kind_ = TypeKind::pointer;
}

void TypeReader::read_base_type(Type& type) {
  if (tag_of(type.die_) == DW_TAG_unspecified_type) {
    // decltype(nullptr) is one, and Rust's "!" another.
    const bool is_null = type.name_.find("nullptr") != std::string_view::npos;
    type.kind_ = is_null ? TypeKind::pointer : TypeKind::nothing;
    if (is_null) type.size_ = sizeof(uint64_t);
    return;
  }
  type.encoding_ = static_cast<unsigned>(constant_attribute(type.die_, DW_AT_encoding).value_or(0));
  if (!type.size_) {
    if (const auto bits = sym::number_attribute(type.die_, DW_AT_bit_size))
      type.size_ = *bits / 8 + (*bits % 8 != 0 ? 1 : 0);
  }
  const uint64_t size = type.size_.value_or(0);
  // An integer of no size is what rustc calls the unit type "()".
  if (size == 0 || size > 32) {
    type.kind_ = size == 0 ? TypeKind::nothing : TypeKind::unknown;
    return;
  }
  switch (type.encoding_) {
    case DW_ATE_boolean:
      type.kind_ = TypeKind::boolean;
      break;
    case DW_ATE_signed_char:
    case DW_ATE_unsigned_char:
    case DW_ATE_UTF:
    case DW_ATE_UCS:
    case DW_ATE_ASCII:
      type.kind_ = size <= 4 ? TypeKind::character : TypeKind::integer;
      break;
    case DW_ATE_signed:
    case DW_ATE_unsigned:
      type.kind_ =
          is_character_name(type.name_) && size <= 4 ? TypeKind::character : TypeKind::integer;
      break;
    case DW_ATE_address:
      type.kind_ = TypeKind::integer;
      break;
    case DW_ATE_float:
      type.kind_ = TypeKind::floating;
      break;
    case DW_ATE_complex_float:
      type.kind_ = TypeKind::complex;
      break;
    default:
      return;
  }
  type.is_signed_ = type.encoding_ == DW_ATE_signed_char || type.encoding_ == DW_ATE_signed;
  const bool is_integer = type.kind_ != TypeKind::floating && type.kind_ != TypeKind::complex;
  if (is_integer && size > 16) type.kind_ = TypeKind::unknown;
}

const Type* TypeReader::read_dimension(const Dwarf_Die& die, unsigned dimension) {
  Type*& known = types_.slot(die, dimension);
  if (known != nullptr) return known;
  Type* const made = make(die, DW_TAG_array_type);
  known = made;
  made->size_.reset();
  made->dimension_ = dimension;
  read_array(*made, dimension);
  return made;
}

void TypeReader::read_array(Type& type, unsigned dimension) {
  type.is_vector_ = flag_attribute(type.die_, DW_AT_GNU_vector);
  type.stride_ = sym::number_attribute(type.die_, DW_AT_byte_stride);
  unsigned n = 0;
  for_each_child(type.die_, [&](const Dwarf_Die& child) {
    const int tag = tag_of(child);
    if (tag != DW_TAG_subrange_type && tag != DW_TAG_enumeration_type) return true;
    if (n++ != dimension) return true;
    if (tag == DW_TAG_enumeration_type) {
      size_t count = 0;
      for_each_child(child, [&](const Dwarf_Die& e) {
        if (tag_of(e) == DW_TAG_enumerator) ++count;
        return true;
      });
      type.count_ = count;
      return false;
    }
    type.lower_bound_ = constant_attribute(child, DW_AT_lower_bound).value_or(0);
    if (const auto count = sym::number_attribute(child, DW_AT_count)) {
      type.count_ = *count;
    } else if (const auto upper = constant_attribute(child, DW_AT_upper_bound)) {
      // An upper bound of -1 is an array without elements, in whatever width it was written.
      const uint64_t last = static_cast<uint64_t>(*upper);
      type.count_ = last == UINT32_MAX ? 0 : last - static_cast<uint64_t>(type.lower_bound_) + 1;
    } else {
      type.is_dynamic_ =
          has_attribute(child, DW_AT_count) || has_attribute(child, DW_AT_upper_bound);
    }
    return false;
  });
}

const Type* TypeReader::read_target(const Type& type) {
  if (type.kind_ == TypeKind::array) {
    unsigned dimensions = 0;
    for_each_child(type.die_, [&](const Dwarf_Die& child) {
      const int tag = tag_of(child);
      if (tag == DW_TAG_subrange_type || tag == DW_TAG_enumeration_type) ++dimensions;
      return true;
    });
    // Beyond any that a compiler writes, what stands here is no array.
    constexpr unsigned most_dimensions = 64;
    if (type.dimension_ + 1 < std::min(dimensions, most_dimensions))
      return read_dimension(type.die_, type.dimension_ + 1);
  }
  return type_of(type.die_);
}

void TypeReader::read_parts(const Type& type, Type::Body& body) {
  for_each_child(type.die_, [&](const Dwarf_Die& child) {
    read_part(type, child, body);
    return true;
  });
}

void TypeReader::read_part(const Type& type, const Dwarf_Die& child, Type::Body& body) {
  const bool is_aggregate = type.kind_ == TypeKind::structure || type.kind_ == TypeKind::union_type;
  switch (tag_of(child)) {
    case DW_TAG_member:
    case DW_TAG_inheritance:
      body.members.push_back(read_member(child, type.is_class_));
      break;
    case DW_TAG_variable:
      // DWARF 5 has static members as variables (5.7.6).
      if (is_aggregate) {
        body.members.push_back(read_member(child, type.is_class_));
        body.members.back().is_static = true;
      }
      break;
    case DW_TAG_variant_part:
      body.variant_parts.push_back(read_variant_part(child));
      break;
    case DW_TAG_enumerator:
      body.enumerators.push_back({std::string(sym::string_attribute(child, DW_AT_name)),
                                  constant_attribute(child, DW_AT_const_value).value_or(0)});
      break;
    case DW_TAG_template_type_parameter:
    case DW_TAG_template_value_parameter:
    case DW_TAG_GNU_template_parameter_pack:
    case DW_TAG_GNU_template_template_param:
      read_template_argument(child, false, body);
      break;
    case DW_TAG_subprogram:
      if (is_aggregate) body.methods.push_back(read_method(child, type.is_class_));
      break;
    case DW_TAG_formal_parameter:
      body.parameters.push_back({std::string(sym::string_attribute(child, DW_AT_name)),
                                 type_of(child), flag_attribute(child, DW_AT_artificial)});
      break;
    case DW_TAG_unspecified_parameters:
      body.is_variadic = true;
      break;
    case DW_TAG_typedef:
    case DW_TAG_structure_type:
    case DW_TAG_class_type:
    case DW_TAG_union_type:
    case DW_TAG_enumeration_type:
      if (is_aggregate) body.nested.push_back(child);
      break;
    default:
      break;
  }
}

Member TypeReader::read_member(const Dwarf_Die& die, bool is_class) {
  Member member;
  member.die = die;
  member.type = type_of(die);
  member.name = sym::string_attribute(die, DW_AT_name);
  member.is_base = tag_of(die) == DW_TAG_inheritance;
  member.is_artificial = flag_attribute(die, DW_AT_artificial);
  member.is_embedded = flag_attribute(die, at_go_embedded_field);
  member.access = access_of(die, is_class);
  // Before DWARF 5 a static member is a member that is declared as external (DWARF 4, 5.5.6).
  member.is_static = flag_attribute(die, DW_AT_external) && flag_attribute(die, DW_AT_declaration);
  const auto offset = member_offset(die);
  if (member.is_base) {
    member.name = member.type->name();
    member.is_virtual = constant_attribute(die, DW_AT_virtuality).value_or(0) != 0 ||
                        (!offset && has_attribute(die, DW_AT_data_member_location));
  }
  member.bit_offset = offset.value_or(0) * 8;
  read_bit_field(die, member);
  return member;
}

Method TypeReader::read_method(const Dwarf_Die& die, bool is_class) {
  Method method;
  method.die = die;
  method.name = sym::string_attribute(die, DW_AT_name);
  method.linkage_name = sym::string_attribute(die, DW_AT_linkage_name);
  method.type = types_.of(module_, die);
  method.access = access_of(die, is_class);
  method.is_virtual = constant_attribute(die, DW_AT_virtuality).value_or(0) != 0;
  method.is_artificial = flag_attribute(die, DW_AT_artificial);
  method.is_static = !has_attribute(die, DW_AT_object_pointer);
  if (method.is_static) {
    const auto parameters = method.type->parameters();
    method.is_static = parameters.empty() || !parameters.front().is_artificial;
  }
  return method;
}

void TypeReader::read_template_argument(const Dwarf_Die& child, bool in_pack, Type::Body& body) {
  const int tag = tag_of(child);
  if (tag == DW_TAG_GNU_template_parameter_pack) {
    if (in_pack) return;
    for_each_child(child, [&](const Dwarf_Die& element) {
      read_template_argument(element, true, body);
      return true;
    });
    return;
  }
  TemplateArgument argument;
  argument.name = sym::string_attribute(child, DW_AT_name);
  argument.in_pack = in_pack;
  argument.is_type = tag == DW_TAG_template_type_parameter;
  if (tag != DW_TAG_GNU_template_template_param) argument.type = type_of(child);
  if (!argument.is_type) argument.value = constant_attribute(child, DW_AT_const_value);
  body.template_arguments.push_back(std::move(argument));
}

VariantPart TypeReader::read_variant_part(const Dwarf_Die& die) {
  VariantPart part;
  Dwarf_Die discriminant;
  if (sym::reference_attribute(die, DW_AT_discr, discriminant))
    part.discriminant = read_member(discriminant, false);
  for_each_child(die, [&](const Dwarf_Die& child) {
    if (tag_of(child) == DW_TAG_variant) part.variants.push_back(read_variant(child, part));
    return true;
  });
  return part;
}

Variant TypeReader::read_variant(const Dwarf_Die& die, const VariantPart& part) {
  Variant variant;
  // The discriminant is compared as it lies in memory; a constant may be written wider.
  uint64_t mask = UINT64_MAX;
  if (part.discriminant) {
    const uint64_t size = part.discriminant->type->size().value_or(sizeof mask);
    if (size < sizeof mask) mask = (uint64_t{1} << (8 * size)) - 1;
  }
  if (const auto value = constant_attribute(die, DW_AT_discr_value)) {
    const uint64_t number = static_cast<uint64_t>(*value) & mask;
    variant.discriminants.emplace_back(number, number);
  }
  for_each_child(die, [&](const Dwarf_Die& child) {
    if (tag_of(child) == DW_TAG_member) variant.members.push_back(read_member(child, false));
    return true;
  });
  return variant;
}

void TypeReader::read_names(const Type& type, Type::Body& body) {
  // Scopes beyond this many are a circle.
  constexpr int most_scopes = 64;
  body.full_name = type.name();
  // Go's names have their packages in them.
  if (is_c(type.language()) || is_go(type.language()) || type.name().empty()) return;
  Dwarf_Die inner = type.die();
  sym::CodeTables& tables = module_->code_tables();
  for (int i = 0; i < most_scopes; ++i) {
    Dwarf_Die scope;
    sym::UnitCode* const unit = tables.unit_of(inner);
    if (unit == nullptr || !unit->find_scope(inner, scope)) break;
    const int tag = tag_of(scope);
    std::string name(sym::string_attribute(scope, DW_AT_name));
    Dwarf_Die named;
    if (name.empty() && sym::reference_attribute(scope, DW_AT_signature, named))
      name = sym::string_attribute(named, DW_AT_name);
    if (name.empty()) name = sym::string_attribute(sym::origin_of(scope), DW_AT_name);
    if (name.empty()) name = tag == DW_TAG_namespace ? "(anonymous namespace)" : "{unnamed}";
    if (tag == DW_TAG_subprogram && !is_rust(type.language())) name += "()";
    body.scope = body.scope.empty() ? name : name + "::" + body.scope;
    inner = scope;
  }
  if (!body.scope.empty()) body.full_name = body.scope + "::" + body.full_name;
}

}  // namespace clew::value
