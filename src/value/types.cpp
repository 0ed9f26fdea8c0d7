#include "value/types.h"

#include <dwarf.h>

#include <algorithm>
#include <deque>
#include <map>
#include <tuple>
#include <unordered_map>

#include "value/dwarf_read.h"
#include "value/go_types.h"
#include "value/made_types.h"
#include "value/type_reader.h"

namespace clew::value {

struct Types::State {
  struct Place {
    const void* die;
    unsigned dimension;
    friend bool operator==(const Place&, const Place&) = default;
  };
  struct Hash {
    size_t operator()(const Place& place) const {
      return std::hash<const void*>()(place.die) + place.dimension;
    }
  };

  std::deque<std::unique_ptr<Type>> nodes;
  std::deque<std::string> texts;
  std::unordered_map<Place, Type*, Hash> read;
  std::map<std::tuple<const Type*, TypeKind, bool>, const Type*> pointers;
  std::map<std::tuple<const Type*, std::optional<uint64_t>, int64_t, bool>, const Type*> arrays;
  std::map<std::pair<const Type*, std::string>, const Type*> qualified;
  std::map<std::tuple<std::string, TypeKind, uint64_t, bool>, const Type*> base;
  std::map<std::tuple<const Type*, std::vector<const Type*>, bool>, const Type*> functions;
  std::map<std::string, const Type*> made;
  std::map<std::pair<const Type*, const Type*>, const Type*> member_pointers;
  const Type* nothing = nullptr;
  GoTypes go;
};

Types::Types() : state_(std::make_unique<State>()) {}
Types::~Types() = default;

Type* Types::make(TypeKind kind) {
  state_->nodes.push_back(std::unique_ptr<Type>(new Type()));
  Type* const type = state_->nodes.back().get();
  type->kind_ = kind;
  type->owner_ = this;
  return type;
}

std::string_view Types::keep(std::string_view text) { return state_->texts.emplace_back(text); }

Type*& Types::slot(const Dwarf_Die& die, unsigned dimension) {
  return state_->read[{die.addr, dimension}];
}

const Type* Types::of(const std::shared_ptr<const sym::Module>& module, const Dwarf_Die& die) {
  if (die.addr == nullptr || module == nullptr) return nothing();
  const auto known = state_->read.find({die.addr, 0});
  if (known != state_->read.end()) return known->second;
  const auto lock = module->lock();
  return TypeReader(*this, module).read(die);
}

const Type* Types::type_of(const std::shared_ptr<const sym::Module>& module, const Dwarf_Die& die) {
  const auto lock = module->lock();
  auto attribute = attribute_of(die, DW_AT_type);
  Dwarf_Die type;
  if (!attribute || dwarf_formref_die(&*attribute, &type) == nullptr) return nothing();
  return of(module, type);
}

GoTypes& Types::go() { return state_->go; }

const Type* Types::nothing() {
  if (state_->nothing == nullptr) {
    Type* const type = make(TypeKind::nothing);
    type->name_ = "void";
    state_->nothing = type;
  }
  return state_->nothing;
}

const Type* Types::pointer_to(const Type* target) {
  const Type*& known = state_->pointers[{target, TypeKind::pointer, false}];
  if (known != nullptr) return known;
  Type* const type = make(TypeKind::pointer);
  type->target_ = target;
  type->language_ = target->language();
  type->size_ = sizeof(uint64_t);
  return known = type;
}

const Type* Types::reference_to(const Type* target, bool is_rvalue) {
  const Type*& known = state_->pointers[{target, TypeKind::reference, is_rvalue}];
  if (known != nullptr) return known;
  Type* const type = make(TypeKind::reference);
  type->target_ = target;
  type->language_ = target->language();
  type->size_ = sizeof(uint64_t);
  type->is_rvalue_ = is_rvalue;
  return known = type;
}

const Type* Types::array_of(const Type* element, std::optional<uint64_t> count, int64_t lower_bound,
                            bool is_vector) {
  const Type*& known = state_->arrays[{element, count, lower_bound, is_vector}];
  if (known != nullptr) return known;
  Type* const type = make(TypeKind::array);
  type->target_ = element;
  type->language_ = element->language();
  type->count_ = count;
  type->lower_bound_ = lower_bound;
  type->is_vector_ = is_vector;
  return known = type;
}

const Type* Types::with_count(const Type* dynamic_array, uint64_t count, const Type* element) {
  return array_of(element, count, dynamic_array->lower_bound(), dynamic_array->is_vector());
}

const Type* Types::qualified(const Type* target, std::string_view qualifier) {
  const Type*& known = state_->qualified[{target, std::string(qualifier)}];
  if (known != nullptr) return known;
  Type* const type = make(TypeKind::qualified);
  type->target_ = target;
  type->language_ = target->language();
  type->qualifier_ = keep(qualifier);
  type->is_const_ = qualifier == "const";
  type->is_volatile_ = qualifier == "volatile";
  return known = type;
}

const Type* Types::function(const Type* result, const std::vector<const Type*>& parameters,
                            bool is_variadic) {
  const Type*& known = state_->functions[{result, parameters, is_variadic}];
  if (known != nullptr) return known;
  Type* const type = make(TypeKind::function);
  type->target_ = result;
  type->language_ = result->language();
  Type::Body& body = type->body();
  body.has_parts = true;
  body.is_variadic = is_variadic;
  for (const Type* parameter : parameters) body.parameters.push_back({{}, parameter, false});
  return known = type;
}

const Type* Types::base(std::string_view name, TypeKind kind, uint64_t size, bool is_signed) {
  const Type*& known = state_->base[{std::string(name), kind, size, is_signed}];
  if (known != nullptr) return known;
  Type* const type = make(kind);
  type->name_ = keep(name);
  type->size_ = size;
  type->is_signed_ = is_signed;
  return known = type;
}

const Type* TypeReader::make_type(Types& types, TypeKind kind, std::string_view key,
                                  std::string_view name, const std::vector<MadeMember>& members) {
  const Type*& known = types.state_->made[std::string(key)];
  if (known != nullptr) return known;
  Type* const type = types.make(kind);
  type->name_ = types.keep(name);
  Type::Body& body = type->body();
  body.has_parts = true;
  uint64_t end = 0;
  for (const MadeMember& wanted : members) {
    Member member;
    member.name = wanted.name;
    member.type = wanted.type;
    member.bit_offset = wanted.offset * 8;
    end = std::max(end, wanted.offset + wanted.type->size().value_or(0));
    body.members.push_back(std::move(member));
  }
  constexpr uint64_t word = 8;
  type->size_ = kind == TypeKind::structure && end > word ? (end + word - 1) / word * word : end;
  return known = type;
}

const Type* TypeReader::make_member_pointer(Types& types, const Type* containing,
                                            const Type* target) {
  const Type*& known = types.state_->member_pointers[{containing, target}];
  if (known != nullptr) return known;
  Type* const type = types.make(TypeKind::member_pointer);
  type->target_ = target;
  type->language_ = containing->language();
  type->size_ = sizeof(uint64_t);
  // What containing() is taken from.
  Type::Body& body = type->body();
  body.has_parts = true;
  Member member;
  member.type = containing;
  body.members.push_back(std::move(member));
  return known = type;
}

const Type* made_type(Types& types, TypeKind kind, std::string_view key, std::string_view name,
                      const std::vector<MadeMember>& members) {
  return TypeReader::make_type(types, kind, key, name, members);
}

const Type* member_pointer_to(Types& types, const Type* containing, const Type* target) {
  return TypeReader::make_member_pointer(types, containing, target);
}

bool is_same(const Type* a, const Type* b) {
  // Pointers to pointers to …: deeper than anyone writes.
  constexpr int most_depth = 32;
  for (int i = 0; i < most_depth; ++i) {
    a = a->stripped();
    b = b->stripped();
    if (a == b) return true;
    if (a->kind() != b->kind() || a->size() != b->size()) return false;
    switch (a->kind()) {
      case TypeKind::pointer:
      case TypeKind::reference:
        break;
      case TypeKind::array:
        if (a->count() != b->count()) return false;
        break;
      default:
        return !a->name().empty() && a->full_name() == b->full_name();
    }
    a = a->target();
    b = b->target();
  }
  return false;
}

}  // namespace clew::value
