#include "value/type.h"

#include <dwarf.h>

#include <algorithm>

#include "value/dwarf_read.h"
#include "value/type_reader.h"
#include "value/types.h"

namespace clew::value {
namespace {

/// Aliases of aliases, arrays of arrays: deeper than any compiler writes, and the end of a circle.
constexpr int longest_chain = 64;

/// Of types of characters that C names by an alias; 0 for other names.
uint64_t character_size(std::string_view name) {
  if (name == "char16_t") return 2;
  return name == "wchar_t" || name == "char32_t" ? 4 : 0;
}

}  // namespace

Type::Body& Type::body() const {
  if (body_ == nullptr) body_ = std::make_unique<Body>();
  return *body_;
}

const Type::Body& Type::parts() const {
  Body& filled = body();
  if (filled.has_parts || module_ == nullptr) return filled;
  filled.has_parts = true;
  const auto lock = module_->lock();
  Body read;
  TypeReader(*owner_, module_).read_parts(*this, read);
  filled.members = std::move(read.members);
  filled.variant_parts = std::move(read.variant_parts);
  filled.enumerators = std::move(read.enumerators);
  filled.template_arguments = std::move(read.template_arguments);
  filled.methods = std::move(read.methods);
  filled.parameters = std::move(read.parameters);
  filled.nested = std::move(read.nested);
  filled.is_variadic = read.is_variadic;
  return filled;
}

const Type::Body& Type::names() const {
  Body& filled = body();
  if (filled.has_name) return filled;
  filled.has_name = true;
  if (module_ == nullptr) {
    filled.full_name = name_;
    return filled;
  }
  const auto lock = module_->lock();
  TypeReader(*owner_, module_).read_names(*this, filled);
  return filled;
}

std::string_view Type::base_name() const {
  // "operator<" is no type; "<" begins the arguments, except at the very start, where rustc writes
  // the names of what it makes up itself.
  const size_t arguments = name_.find('<', 1);
  return arguments == std::string_view::npos ? name_ : name_.substr(0, arguments);
}

const std::string& Type::full_name() const { return names().full_name; }
const std::string& Type::scope() const { return names().scope; }

std::optional<uint64_t> Type::size() const {
  if (size_) return size_;
  switch (kind_) {
    case TypeKind::array:
    case TypeKind::alias:
    case TypeKind::qualified:
    case TypeKind::enumeration:
      break;
    default:
      return std::nullopt;
  }
  // Down to what has a size of its own, without trusting that there is such a type.
  std::vector<const Type*> chain{this};
  while (chain.back()->size_ == std::nullopt) {
    const Type* const next = chain.back()->target();
    const TypeKind kind = next->kind();
    if (chain.size() > longest_chain) return std::nullopt;
    chain.push_back(next);
    if (kind != TypeKind::array && kind != TypeKind::alias && kind != TypeKind::qualified) break;
  }
  std::optional<uint64_t> size = chain.back()->size_;
  if (!size && chain.back()->is_declaration()) size = chain.back()->stripped()->size_;
  chain.pop_back();
  for (; !chain.empty(); chain.pop_back()) {
    const Type* const type = chain.back();
    if (type->kind_ != TypeKind::array) continue;
    if (type->stride_) size = type->stride_;
    uint64_t product = 0;
    if (!size || !type->count_ || __builtin_mul_overflow(*size, *type->count_, &product))
      return std::nullopt;
    size = product;
  }
  return size;
}

std::optional<uint64_t> Type::stride() const { return stride_ ? stride_ : target()->size(); }

const Type* Type::target() const {
  if (target_ != nullptr) return target_;
  if (module_ == nullptr) return target_ = owner_->nothing();
  const auto lock = module_->lock();
  return target_ = TypeReader(*owner_, module_).read_target(*this);
}

const Type* Type::containing() const {
  if (module_ == nullptr)
    return parts().members.empty() ? owner_->nothing() : parts().members.front().type;
  const auto lock = module_->lock();
  Dwarf_Die type;
  if (!sym::reference_attribute(die_, DW_AT_containing_type, type)) return owner_->nothing();
  return owner_->of(module_, type);
}

const Type* Type::find_go_kind(GoKind kind) const {
  const Type* type = this;
  for (int i = 0; i < longest_chain; ++i) {
    if (type->go_kind_ == kind) return type;
    if (type->kind_ != TypeKind::qualified && type->kind_ != TypeKind::alias) break;
    type = type->target();
  }
  return nullptr;
}

const Type* Type::type_attribute(unsigned name) const {
  if (module_ == nullptr) return nullptr;
  const auto lock = module_->lock();
  Dwarf_Die type;
  return sym::reference_attribute(die_, name, type) ? owner_->of(module_, type) : nullptr;
}

const Type* Type::go_key() const { return type_attribute(at_go_key); }
const Type* Type::go_element() const { return type_attribute(at_go_element); }

const Type* Type::unqualified() const {
  const Type* type = this;
  for (int i = 0; i < longest_chain && type->kind_ == TypeKind::qualified; ++i)
    type = type->target();
  return type;
}

const Type* Type::stripped() const {
  if (stripped_ != nullptr) return stripped_;
  const Type* type = this;
  const Type* wide = nullptr;
  for (int i = 0; i < longest_chain; ++i) {
    if (type->kind_ != TypeKind::qualified && type->kind_ != TypeKind::alias) break;
    if (type->kind_ == TypeKind::alias && character_size(type->name_) != 0) wide = type;
    type = type->target();
  }
  // C has these as other names of integers.
  if (wide != nullptr && type->kind_ == TypeKind::integer &&
      type->size_ == character_size(wide->name_)) {
    return stripped_ =
               owner_->base(wide->name_, TypeKind::character, *type->size_, type->is_signed_);
  }
  if (type->is_declaration_ && owner_->finder_ != nullptr && !type->name_.empty()) {
    // What the search itself asks of this type must not search again.
    stripped_ = type;
    Dwarf_Die die = type->die_;
    const auto found = owner_->finder_->find_definition(static_cast<unsigned>(dwarf_tag(&die)),
                                                        type->full_name(), *type);
    if (found) {
      const Type* const definition = owner_->of(found->module, found->die);
      if (!definition->is_declaration()) type = definition;
    }
  }
  return stripped_ = type;
}

std::span<const Member> Type::members() const { return parts().members; }
std::span<const VariantPart> Type::variant_parts() const { return parts().variant_parts; }
std::span<const TemplateArgument> Type::template_arguments() const {
  return parts().template_arguments;
}
std::span<const Method> Type::methods() const { return parts().methods; }
std::span<const Parameter> Type::parameters() const { return parts().parameters; }
bool Type::is_variadic() const { return parts().is_variadic; }

std::span<const Enumerator> Type::enumerators() const { return parts().enumerators; }

bool Type::is_signed() const {
  if (kind_ != TypeKind::enumeration) return is_signed_;
  const Type* const underlying = target()->stripped();
  if (underlying->kind() != TypeKind::nothing) return underlying->is_signed();
  const auto all = enumerators();
  return std::any_of(all.begin(), all.end(), [](const Enumerator& e) { return e.value < 0; });
}

const Type* Type::template_type(size_t n) const {
  const auto arguments = template_arguments();
  return n < arguments.size() && arguments[n].is_type ? arguments[n].type : nullptr;
}

const Type* Type::find_nested(std::string_view name) const {
  for (const Dwarf_Die& die : parts().nested) {
    if (sym::string_attribute(die, DW_AT_name) == name) return owner_->of(module_, die);
  }
  return nullptr;
}

namespace {

/// Looks through a class and what is in it. `budget` bounds the number of members, since a broken
/// file can have a class that is its own base.
bool find_in(const Type* type, std::string_view name, int depth, int& budget,
             std::vector<const Member*>& path) {
  if (depth > longest_chain) return false;
  const auto members = type->stripped()->members();
  for (const Member& member : members) {
    if (--budget < 0) return false;
    if (!member.is_base && member.name == name && !name.empty()) {
      path.push_back(&member);
      return true;
    }
  }
  const auto search = [&](auto&& wanted) {
    for (const Member& member : members) {
      if (!wanted(member)) continue;
      path.push_back(&member);
      if (find_in(member.type, name, depth + 1, budget, path)) return true;
      path.pop_back();
    }
    return false;
  };
  return search([](const Member& m) { return m.is_anonymous(); }) ||
         search([](const Member& m) { return m.is_base; });
}

}  // namespace

std::vector<const Member*> Type::find_member(std::string_view name) const {
  std::vector<const Member*> path;
  int budget = 100'000;
  find_in(this, name, 0, budget, path);
  return path;
}

bool Type::is_integral() const {
  switch (stripped()->kind()) {
    case TypeKind::boolean:
    case TypeKind::character:
    case TypeKind::integer:
    case TypeKind::enumeration:
      return true;
    default:
      return false;
  }
}

bool Type::is_scalar() const {
  const TypeKind kind = stripped()->kind();
  return is_integral() || kind == TypeKind::floating || kind == TypeKind::pointer;
}

}  // namespace clew::value
