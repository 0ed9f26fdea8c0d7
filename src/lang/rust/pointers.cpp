// Box, references to slices, text and trait objects, Rc, Arc and Weak.

#include "lang/rust/families.h"
#include "lang/rust/names.h"
#include "lang/rust/pointer.h"
#include "value/types.h"

namespace clew::lang::rust {
namespace {

/// "&str", "&mut str", "*const str", "alloc::boxed::Box<str, …>", Rc<str>.
bool is_text_name(std::string_view name) {
  return name.ends_with("str") || name.find("<str>") != std::string_view::npos ||
         name.find("<str,") != std::string_view::npos;
}

value::Text text_of(Addr start, uint64_t length) {
  value::Text text;
  text.start = start;
  text.length = length;
  text.encoding = value::Text::Encoding::utf8;
  return text;
}

/// An object that a trait object's table describes.
Result<Presentation> present_dynamic(std::string summary, const Value& value, Addr object,
                                     const Dynamic& dynamic) {
  if (dynamic.type == nullptr)
    return present_summary(fmt::format("{} at {:#x}", summary, object.value));
  return present_stand_in(value.at(object, dynamic.type), std::move(summary));
}

Result<Presentation> present_slice(std::string_view name, const Value& value, const Type* element,
                                   Addr start, uint64_t count) {
  const uint64_t size = size_of(element).value_or(0);
  if (is_impossible(count, size)) return corrupt("its length of {} is impossible", count);
  return present_list(fmt::format("{}(size={})", name, count), count, value.target(), element,
                      addresses_in_row(value.target(), start, count, size));
}

/// The two counts and the value behind the pointer of an Rc or Arc.
struct Shared {
  Pointer pointer;
  Field strong, weak;
  const Type* held = nullptr;
  std::optional<Field> place;  ///< where the value is, when that is fixed

  static std::optional<Shared> find(const Type* type) {
    const auto pointer = find_pointer(find_field(type, {"ptr"}));
    const Type* const held = type->template_type(0);
    if (!pointer || held == nullptr) return std::nullopt;
    const Type* const inner = pointer->target()->stripped();
    const auto strong = find_field(inner, {"strong"});
    const auto weak = find_field(inner, {"weak"});
    if (!strong || !weak) return std::nullopt;
    const auto strong_number = find_only_scalar(strong->type);
    const auto weak_number = find_only_scalar(weak->type);
    if (!strong_number || !weak_number) return std::nullopt;
    return Shared{*pointer, Field{strong->offset + strong_number->offset, strong_number->type},
                  Field{weak->offset + weak_number->offset, weak_number->type}, held,
                  find_any_field(inner, {{"value"}, {"data"}})};
  }

  /// What stands behind the counts, for people.
  Result<Presentation> present_value(std::string summary, const Value& value, Addr block) const {
    constexpr uint64_t counts = 16;
    if (pointer.kind == Pointer::Kind::thin) {
      if (!place) return present_summary(std::move(summary));
      return present_stand_in(value.at(block + place->offset, held), std::move(summary));
    }
    const auto beside = pointer.beside.number(value);
    if (!beside) return tl::unexpected(beside.error());
    if (pointer.kind == Pointer::Kind::dynamic) {
      const auto dynamic = read_dynamic(value.target(), Addr{*beside}, value.type()->stripped());
      if (!dynamic) return tl::unexpected(dynamic.error());
      return present_dynamic(std::move(summary), value,
                             block + align_up(counts, dynamic->alignment), *dynamic);
    }
    if (is_impossible(*beside, 1)) return corrupt("its length of {} is impossible", *beside);
    if (is_text_name(value.type()->stripped()->name())) {
      Presentation presentation = present_text(text_of(block + counts, *beside));
      presentation.summary = summary + " =";
      return presentation;
    }
    // rustc describes [T] as T.
    const Value slice = value.at(block + align_up(counts, alignment_of(held)),
                                 held->owner().array_of(held, *beside));
    return present_stand_in(slice, std::move(summary));
  }
};

}  // namespace

std::unique_ptr<Printer> make_box(const Type* type) {
  const Type* const held = type->target();
  if (held->stripped()->kind() == value::TypeKind::nothing) return nullptr;
  return make_printer([held](const Value& value) -> Result<Presentation> {
    const auto at = value.as_address();
    if (!at) return tl::unexpected(at.error());
    if (at->value == 0) return corrupt("it is null");
    return present_stand_in(value.at(*at, held));
  });
}

std::unique_ptr<Printer> make_wide_pointer(const Type* type) {
  const auto pointer = find_pointer(type);
  if (!pointer || pointer->kind == Pointer::Kind::thin || pointer->address.offset >= 16)
    return nullptr;
  const std::string name = short_name(type->name());
  const bool is_text = is_text_name(type->name());
  return make_printer([=, pointer = *pointer](const Value& value) -> Result<Presentation> {
    const auto start = pointer.address.number(value);
    const auto beside = pointer.beside.number(value);
    if (!start || !beside) return tl::unexpected((!start ? start : beside).error());
    if (pointer.kind == Pointer::Kind::dynamic) {
      const auto dynamic = read_dynamic(value.target(), Addr{*beside}, value.type()->stripped());
      if (!dynamic) return tl::unexpected(dynamic.error());
      return present_dynamic(name, value, Addr{*start}, *dynamic);
    }
    if (!is_text) return present_slice(name, value, pointer.target(), Addr{*start}, *beside);
    if (is_impossible(*beside, 1)) return corrupt("its length of {} is impossible", *beside);
    return present_text(text_of(Addr{*start}, *beside));
  });
}

std::unique_ptr<Printer> make_shared(const Type* type, std::string_view name) {
  const auto shared = Shared::find(type);
  if (!shared) return nullptr;
  const bool is_weak = name == "Weak";
  return make_printer([=, shared = *shared](const Value& value) -> Result<Presentation> {
    const auto block = shared.pointer.address.number(value);
    if (!block) return tl::unexpected(block.error());
    // What Weak::new() makes points nowhere.
    if (is_weak && *block == UINT64_MAX) return present_summary("Weak(never had a value)");
    Target& target = value.target();
    const auto strong = read_at<uint64_t>(target, Addr{*block} + shared.strong.offset);
    const auto weak = read_at<uint64_t>(target, Addr{*block} + shared.weak.offset);
    if (!strong || !weak) return tl::unexpected((!strong ? strong : weak).error());
    constexpr uint64_t most = INT64_MAX;
    if (*strong > most || *weak > most || *weak == 0 || (*strong == 0 && !is_weak))
      return corrupt("its strong count is {} and its weak count {}", *strong, *weak);
    // All strong ones together hold one weak reference.
    const uint64_t others = *strong == 0 ? *weak : *weak - 1;
    std::string summary = fmt::format("{}(strong={}, weak={})", name, *strong, others);
    if (*strong == 0) return present_summary(std::move(summary));
    return shared.present_value(std::move(summary), value, Addr{*block});
  });
}

}  // namespace clew::lang::rust
