#include "value/locator.h"

#include <dwarf.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "sym/code.h"
#include "value/die_context.h"
#include "value/dwarf_read.h"
#include "value/go_dictionary.h"
#include "value/go_types.h"
#include "value/number.h"

namespace clew::value {
namespace {

constexpr std::string_view optimised_out = "optimised out";

/// Arrays of arrays, pointers to arrays: deeper than programs have.
constexpr int deepest_retyping = 32;

/// DW_AT_const_value (DWARF 5, 4.1): a block, a string, or a number.
Result<Value> constant_value(Target& target, const Type* type, Dwarf_Attribute attribute) {
  Dwarf_Block block{};
  if (const char* const text = dwarf_formstring(&attribute); text != nullptr) {
    const Bytes bytes = std::as_bytes(std::span(text, std::strlen(text) + 1));
    return Value::of_bytes(target, type, {bytes.begin(), bytes.end()});
  }
  const uint64_t size = type->size().value_or(0);
  if (dwarf_formblock(&attribute, &block) == 0) {
    const Bytes bytes = std::as_bytes(std::span(block.data, block.length));
    std::vector<std::byte> copy(bytes.begin(), bytes.end());
    if (copy.size() < size) return fail(ErrorCode::bad_data, "a constant of too few bytes");
    return Value::of_bytes(target, type, std::move(copy));
  }
  const unsigned form = dwarf_whatform(&attribute);
  Dwarf_Word word = 0;
  if (form == DW_FORM_sdata || form == DW_FORM_implicit_const) {
    Dwarf_Sword number = 0;
    if (dwarf_formsdata(&attribute, &number) != 0)
      return fail(ErrorCode::bad_data, "a constant that makes no sense");
    word = static_cast<Dwarf_Word>(number);
  } else if (dwarf_formudata(&attribute, &word) != 0) {
    return fail(ErrorCode::bad_data, "a constant that makes no sense");
  }
  if (size > sizeof word && !type->is_integral())
    return fail(ErrorCode::bad_data, "a constant of too few bytes");
  return Value::of_bytes(target, type, integer_bytes(type, word));
}

}  // namespace

Value Locator::variable(const sym::LoadedModule& module, const Dwarf_Die& die) const {
  const auto lock = module.module->lock();
  const Type* const type = fixed(module, target_.types().type_of(module.module, die));
  auto found = find(module, die, type);
  Value value = found ? std::move(*found) : Value::absent(target_, type, found.error().text);
  return is_go(language_of(die)) ? go_variable(module, die, value) : value;
}

/// A variable that has moved to the heap is described by the pointer to it, under the name "&x"
/// (cmd/compile, dwarfgen). One whose type is a parameter of its function has that of the
/// dictionary that the function was called with.
Value Locator::go_variable(const sym::LoadedModule& module, const Dwarf_Die& die,
                           const Value& value) const {
  auto attribute = attribute_of(die, DW_AT_name);
  const char* const name = attribute ? dwarf_formstring(&*attribute) : nullptr;
  const bool is_on_heap = name != nullptr && name[0] == '&' && value.type()->is_pointer();
  const Type* type = value.type();
  if (is_on_heap) type = type->stripped()->target();
  if (const Type* const real = dictionary_type(module, type)) type = real;
  if (!is_on_heap) return value.as(type);
  if (value.is_absent()) return Value::absent(target_, type, value.absence());
  const auto object = value.dereference_as(type);
  return object ? *object : Value::absent(target_, type, object.error().text);
}

/// @return nullptr when it is no parameter of the function; the shape that the code was made for
/// when its dictionary is not known here.
const Type* Locator::dictionary_type(const sym::LoadedModule& module, const Type* type) const {
  if (frame_ == nullptr || type->kind() != TypeKind::alias || type->module() == nullptr)
    return nullptr;
  const auto index = constant_attribute(type->die(), at_go_dictionary_index);
  if (!index) return nullptr;
  const Dwarf_Die& function = frame_->function().die;
  const Type* const shape = type->target();
  if (function.addr == nullptr) return shape;
  std::optional<Dwarf_Die> dictionary;
  for_each_child(function, [&](const Dwarf_Die& child) {
    auto attribute = attribute_of(child, DW_AT_name);
    const char* const name = attribute ? dwarf_formstring(&*attribute) : nullptr;
    if (name == nullptr || std::string_view(name) != ".dict") return true;
    dictionary = child;
    return false;
  });
  std::optional<Addr> start;
  if (dictionary) {
    if (const auto kept =
            Locator(target_, frame_, depth_ + 1).variable(module, *dictionary).as_address()) {
      start = *kept;
    }
  }
  if (!start) start = passed_dictionary(*frame_);
  if (!start) return shape;
  const auto at = *start + static_cast<uint64_t>(*index) * sizeof(uint64_t);
  const auto descriptor = target_.memory().read<uint64_t>(at);
  if (!descriptor) return shape;
  return target_.types().go().at(target_, Addr{*descriptor}).value_or(shape);
}

Result<Value> Locator::find(const sym::LoadedModule& module, const Dwarf_Die& die,
                            const Type* type) const {
  constexpr int most_contexts = 8;
  if (depth_ > most_contexts)
    return fail(ErrorCode::bad_data, "its place depends on others without end");
  if (const auto constant = attribute_of(die, DW_AT_const_value))
    return constant_value(target_, type, *constant);
  auto attribute = attribute_of(die, DW_AT_location);
  if (!attribute) return fail(ErrorCode::unavailable, std::string(optimised_out));
  DieContext context(target_, module, die, frame_, depth_);
  const auto location = context.evaluate(*attribute);
  if (!location) return tl::unexpected(location.error());
  if (!*location) return fail(ErrorCode::unavailable, lives_elsewhere(module, *attribute));
  // What an optimised out pointer points to is looked for when somebody follows it.
  Target& target = target_;
  const auto frame = frame_;
  Dwarf* const dwarf = context.unit().dwarf;
  const auto implicit = [&target, frame, module, dwarf,
                         depth = depth_](uint64_t offset) -> Result<Value> {
    const auto lock = module.module->lock();
    Dwarf_Die pointed;
    if (dwarf_offdie(dwarf, offset, &pointed) == nullptr)
      return fail(ErrorCode::bad_data, "it points to what is not there");
    return Locator(target, frame, depth + 1).variable(module, pointed);
  };
  return value_at(target_, type, **location, frame_, implicit);
}

std::string Locator::lives_elsewhere(const sym::LoadedModule& module,
                                     const Dwarf_Attribute& attribute) const {
  Dwarf_Attribute copy = attribute;
  if (frame_ == nullptr) return "it exists only while its function runs: select its frame";
  std::string text(optimised_out);
  text += " here";
  const UnitFacts unit(frame_->physical_function().die);
  const auto entries = location_entries(copy, unit);
  if (!entries) return text;
  // The lines from the first to the last of its code, not those between in which it has no place.
  unsigned first = 0;
  unsigned last = 0;
  constexpr size_t most_looked_at = 64;
  const uint64_t bias = module.module->debug_bias();
  for (size_t i = 0; i < std::min(entries->size(), most_looked_at); ++i) {
    const LocationEntry& entry = (*entries)[i];
    if (entry.expression.bytes.empty() || entry.start >= entry.end) continue;
    for (const uint64_t at : {entry.start, entry.end - 1}) {
      const auto line = sym::line_at(*module.module, at + bias);
      if (!line || line->line == 0) continue;
      first = first == 0 ? line->line : std::min(first, line->line);
      last = std::max(last, line->line);
    }
  }
  if (first == 0) return text;
  if (first == last) return text + fmt::format("; it lives in line {}", first);
  return text + fmt::format("; it lives from line {} to line {}", first, last);
}

const Type* Locator::fixed(const sym::LoadedModule& module, const Type* type) const {
  return fixed(module, type, 0);
}

const Type* Locator::fixed(const sym::LoadedModule& module, const Type* type, int depth) const {
  if (depth > deepest_retyping) return type;
  const Type* const plain = type->stripped();
  Types& types = target_.types();
  if (plain->kind() == TypeKind::pointer) {
    const Type* const target = plain->target();
    if (target->stripped()->kind() != TypeKind::array) return type;
    const Type* const changed = fixed(module, target, depth + 1);
    return changed == target ? type : types.pointer_to(changed);
  }
  if (plain->kind() != TypeKind::array) return type;
  const Type* const element = fixed(module, plain->target(), depth + 1);
  if (plain->is_dynamic()) {
    const auto count = dynamic_count(module, plain);
    if (count) return types.with_count(plain, *count, element);
  }
  if (element == plain->target()) return type;
  return types.array_of(element, plain->count(), plain->lower_bound(), plain->is_vector());
}

std::optional<uint64_t> Locator::dynamic_count(const sym::LoadedModule& module,
                                               const Type* type) const {
  std::optional<uint64_t> count;
  unsigned dimension = 0;
  for_each_child(type->die(), [&](const Dwarf_Die& child) {
    if (tag_of(child) != DW_TAG_subrange_type || dimension++ != type->dimension()) return true;
    for (const unsigned name : {DW_AT_count, DW_AT_upper_bound}) {
      auto attribute = attribute_of(child, name);
      if (!attribute) continue;
      Dwarf_Die variable_die;
      std::optional<uint64_t> number;
      if (dwarf_formref_die(&*attribute, &variable_die) != nullptr) {
        const auto value =
            Locator(target_, frame_, depth_ + 1).variable(module, variable_die).as_unsigned();
        if (value) number = *value;
      } else {
        DieContext context(target_, module, child, frame_, depth_ + 1);
        const auto location = context.evaluate(*attribute);
        if (location && *location) {
          const auto word = stack::as_word(**location);
          if (word) number = *word;
        }
      }
      if (!number) return false;
      count =
          name == DW_AT_count ? *number : *number - static_cast<uint64_t>(type->lower_bound()) + 1;
      return false;
    }
    return false;
  });
  return count;
}

}  // namespace clew::value
