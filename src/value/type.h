#pragma once

#include <elfutils/libdw.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sym/module.h"

namespace clew::value {

class Type;
class Types;

/// What a value of a type is, whatever its language calls it.
enum class TypeKind : uint8_t {
  nothing,  ///< void, and Rust's "!"
  boolean,
  character,  ///< shown as a letter: char, signed char, char32_t, Rust's char
  integer,
  floating,
  complex,  ///< two floating-point numbers
  enumeration,
  pointer,    ///< null pointers (nullptr_t) too
  reference,  ///< C++ & and &&; Rust's & is a pointer in its debug information
  member_pointer,
  array,      ///< one dimension; its target() is the next one or the element
  structure,  ///< struct, class, tuple, Rust enums that carry data
  union_type,
  function,
  alias,      ///< typedef: see target()
  qualified,  ///< const, volatile, …: see target()
  unknown     ///< what clew does not know to show; its bytes can be read
};

/// What a type of Go is to its runtime (internal/abi.Kind): DW_AT_go_kind.
enum class GoKind : uint8_t {
  none = 0,
  integer = 2,
  uint8 = 8,
  array = 17,
  channel = 18,
  function = 19,
  interface = 20,
  map = 21,
  pointer = 22,
  slice = 23,
  string = 24,
  structure = 25,
  unsafe_pointer = 26
};

enum class Access : uint8_t { none, is_public, is_protected, is_private };

/// A part of a structure or union: a field, a base class, a static member.
struct Member {
  std::string name;  ///< empty for anonymous structs and unions; of a base the class's name
  const Type* type = nullptr;
  uint64_t bit_offset =
      0;                  ///< from the start of the object, least significant first; see is_virtual
  uint64_t bit_size = 0;  ///< of a bit-field; 0 for all others
  bool is_base = false;
  bool is_virtual = false;     ///< a virtual base: where it is only the object itself knows
  bool is_static = false;      ///< lies elsewhere, one for all objects
  bool is_artificial = false;  ///< added by the compiler: a vtable pointer
  bool is_embedded = false;    ///< of Go: its own members are promoted
  Access access = Access::none;
  Dwarf_Die die{};

  uint64_t offset() const { return bit_offset / 8; }
  bool is_bit_field() const { return bit_size != 0; }
  /// Its members are the object's own: an anonymous struct or union.
  bool is_anonymous() const { return name.empty() && !is_base; }
};

struct Enumerator {
  std::string name;
  int64_t value = 0;  ///< the bits; of an unsigned type to be taken as unsigned
};

/// One argument of a template or of a generic type; those of a pack one by one.
struct TemplateArgument {
  std::string name;              ///< of the parameter; empty when it has none
  const Type* type = nullptr;    ///< what stands for it, or of a value its type
  std::optional<int64_t> value;  ///< of a value parameter, when it is a constant
  bool is_type = true;
  bool in_pack = false;
};

/// One form that a variant part can have, such as one alternative of a Rust enum.
struct Variant {
  /// Discriminants that choose it, as ranges; empty for the one that is chosen by all others.
  std::vector<std::pair<uint64_t, uint64_t>> discriminants;
  std::vector<Member> members;  ///< of a Rust enum one, which has the alternative's name
};

struct VariantPart {
  std::optional<Member> discriminant;  ///< none when there is only one alternative
  std::vector<Variant> variants;
};

struct Parameter {
  std::string name;
  const Type* type = nullptr;
  bool is_artificial = false;  ///< `this`
};

/// A member function as its class declares it.
struct Method {
  std::string name;
  std::string linkage_name;
  const Type* type = nullptr;  ///< TypeKind::function
  Access access = Access::none;
  bool is_static = false;
  bool is_virtual = false;
  bool is_artificial = false;  ///< made by the compiler
  Dwarf_Die die{};
};

/// A type as the debug information describes it, or one that clew has made (a pointer to another).
/// Nodes belong to a Types and live as long as it does, so that plain pointers to them are fine;
/// within one module the same type is the same pointer. What is below a node is read when it is
/// asked for. For one thread at a time.
class Type {
 public:
  Type(const Type&) = delete;
  Type& operator=(const Type&) = delete;

  TypeKind kind() const { return kind_; }
  Types& owner() const { return *owner_; }
  /// `addr` is nullptr for a type that clew has made.
  const Dwarf_Die& die() const { return die_; }
  /// nullptr for a type that clew has made.
  const std::shared_ptr<const sym::Module>& module() const { return module_; }
  int language() const { return language_; }  ///< DW_LANG_…; 0 when unknown

  /// As its own entry says: "vector<int, std::allocator<int> >"; empty when it has none.
  std::string_view name() const { return name_; }
  /// The same without template arguments: "vector".
  std::string_view base_name() const;
  /// With scopes: "std::vector<int, std::allocator<int> >". Rust: "alloc::vec::Vec<i32, …>".
  const std::string& full_name() const;
  /// The scopes alone: "std", "alloc::vec"; empty for what lies in none.
  const std::string& scope() const;

  /// In bytes; nullopt when unknown: void, functions, arrays without an end, declarations.
  std::optional<uint64_t> size() const;
  bool is_signed() const;  ///< of integers, characters and enumerations
  bool is_declaration() const { return is_declaration_; }  ///< the definition was not to be found
  bool is_class() const { return is_class_; }              ///< said `class`, not `struct`
  bool is_enum_class() const { return is_enum_class_; }
  bool is_rvalue_reference() const { return is_rvalue_; }
  /// One of DW_ATE_…; 0 for what is no base type.
  unsigned encoding() const { return encoding_; }

  bool is_const() const { return is_const_; }  ///< this node alone: kind qualified
  bool is_volatile() const { return is_volatile_; }
  /// "const", "volatile", "restrict", "_Atomic": of this node alone.
  std::string_view qualifier() const { return qualifier_; }

  /// Of types of Go; of an alias the alias's own: a map is an alias of what the runtime has for it.
  GoKind go_kind() const { return go_kind_; }
  /// This type or what it is an alias of: the first that is of the kind. @return nullptr.
  const Type* find_go_kind(GoKind kind) const;
  /// Of Go's maps; nullptr when the debug information does not say.
  const Type* go_key() const;
  /// Of Go's maps, channels and slices; nullptr when the debug information does not say.
  const Type* go_element() const;

  /// What it points or refers to, the element of an array, what an alias or qualifier stands on,
  /// the result of a function, the integer type of an enumeration. The type `void` when it says
  /// nothing; never nullptr.
  const Type* target() const;
  /// Of a member pointer: the class.
  const Type* containing() const;

  /// Without aliases and qualifiers, and the definition where only a declaration is here.
  const Type* stripped() const;
  /// Without qualifiers alone.
  const Type* unqualified() const;

  /// Of structures and unions, in their order; base classes and static members included.
  std::span<const Member> members() const;
  /// By name, among its own members, those of anonymous members, then those of base classes. The
  /// way to it, outermost first; empty when there is none.
  std::vector<const Member*> find_member(std::string_view name) const;
  std::span<const VariantPart> variant_parts() const;
  std::span<const Enumerator> enumerators() const;
  std::span<const TemplateArgument> template_arguments() const;
  /// The n-th, packs counted one by one. @return nullptr when there is none or it is a value.
  const Type* template_type(size_t n) const;
  std::span<const Method> methods() const;
  /// A type declared inside: `find_nested("value_type")`. @return nullptr.
  const Type* find_nested(std::string_view name) const;

  /// Of functions.
  std::span<const Parameter> parameters() const;
  bool is_variadic() const;

  /// Of arrays: how many; nullopt when the debug information does not say (int a[]), or when only
  /// the frame knows (see is_dynamic).
  std::optional<uint64_t> count() const { return count_; }
  int64_t lower_bound() const { return lower_bound_; }
  /// From one element to the next, in bytes; the element's size unless said otherwise.
  std::optional<uint64_t> stride() const;
  /// Its length stands in the frame: a C array of variable length. See Frame::fixed().
  bool is_dynamic() const { return is_dynamic_; }
  /// Of an array type of several dimensions: which of them this node is, from 0.
  unsigned dimension() const { return dimension_; }
  bool is_vector() const { return is_vector_; }  ///< of a processor's vector register

  // Short questions about stripped(), for those who look for a shape.
  bool is_structure() const { return stripped()->kind() == TypeKind::structure; }
  bool is_pointer() const { return stripped()->kind() == TypeKind::pointer; }
  bool is_integral() const;  ///< boolean, character, integer, enumeration
  bool is_scalar() const;    ///< integral, floating, pointer

 private:
  friend class Types;
  friend class TypeReader;
  /// What is read when it is asked for.
  struct Body {
    bool has_parts = false, has_name = false;
    std::vector<Member> members;
    std::vector<VariantPart> variant_parts;
    std::vector<Enumerator> enumerators;
    std::vector<TemplateArgument> template_arguments;
    std::vector<Method> methods;
    std::vector<Parameter> parameters;
    std::vector<Dwarf_Die> nested;
    bool is_variadic = false;
    std::string full_name, scope;
  };

  Type() = default;
  Body& body() const;
  const Type* type_attribute(unsigned name) const;
  const Body& parts() const;
  const Body& names() const;

  TypeKind kind_ = TypeKind::unknown;
  Types* owner_ = nullptr;
  std::shared_ptr<const sym::Module> module_;
  Dwarf_Die die_{};
  int language_ = 0;
  std::string_view name_;
  std::optional<uint64_t> size_;
  unsigned encoding_ = 0;
  GoKind go_kind_ = GoKind::none;
  std::optional<uint64_t> count_;
  int64_t lower_bound_ = 0;
  std::optional<uint64_t> stride_;
  unsigned dimension_ = 0;  // of an array with several: which one this node is
  std::string_view qualifier_;
  bool is_signed_ = false, is_declaration_ = false, is_class_ = false, is_enum_class_ = false;
  bool is_rvalue_ = false, is_const_ = false, is_volatile_ = false;
  bool is_dynamic_ = false, is_vector_ = false;
  mutable const Type* target_ = nullptr;
  mutable const Type* stripped_ = nullptr;
  mutable std::unique_ptr<Body> body_;
};

}  // namespace clew::value
