// std::unique_ptr, std::shared_ptr, std::weak_ptr, std::reference_wrapper.

#include "lang/cpp/families.h"
#include "lang/cpp/libcxx.h"
#include "lang/cpp/names.h"
#include "lang/cpp/tuple_elements.h"

namespace clew::lang::cpp {
namespace {

Presentation present_pointer(std::string summary, Value pointer) {
  std::vector<Child> children;
  children.push_back({"get()", std::nullopt, std::move(pointer)});
  return present_children(std::move(summary), Shape::fields, std::move(children));
}

/// The first element of a tuple that is a member.
std::optional<Field> first_of_tuple(const std::optional<Field>& tuple) {
  if (!tuple || tuple->type->stripped()->base_name() != "tuple") return std::nullopt;
  const auto elements = tuple_elements(tuple->type);
  if (!elements || elements->empty()) return std::nullopt;
  return Field{tuple->offset + elements->front().offset, elements->front().type};
}

/// The pointer in a std::unique_ptr: in libstdc++ the first of a tuple with the deleter.
std::optional<Field> unique_pointer(const Type* type) {
  if (auto pointer = first_of_tuple(find_field(type, {"_M_t", "_M_t"}))) return pointer;
  if (auto pointer = first_of_tuple(find_field(type, {"_M_t"}))) return pointer;
  return find_first_of_pair(type, {"__ptr_"});
}

/// Who shares an object. Both libraries have a virtual table before the two numbers.
struct Owners {
  Field block;
  bool is_libcxx = false;

  static std::optional<Owners> find(const Type* type) {
    if (const auto block = find_field(type, {"_M_refcount", "_M_pi"})) return Owners{*block, false};
    if (const auto block = find_field(type, {"__cntrl_"})) return Owners{*block, true};
    return std::nullopt;
  }

  Result<std::string> describe(const Value& value) const {
    const auto at = block.number(value);
    if (!at) return tl::unexpected(at.error());
    if (*at == 0) return "empty";
    int64_t uses = 0, weak = 0;
    if (is_libcxx) {
      // Both are one less than what they count; while there are users they have one weak reference.
      const auto numbers = read_at<std::array<int64_t, 2>>(value.target(), Addr{*at} + 8);
      if (!numbers) return tl::unexpected(numbers.error());
      uses = static_cast<int64_t>(static_cast<uint64_t>((*numbers)[0]) + 1);
      weak = static_cast<int64_t>(static_cast<uint64_t>((*numbers)[1]) + 1);
    } else {
      const auto numbers = read_at<std::array<int32_t, 2>>(value.target(), Addr{*at} + 8);
      if (!numbers) return tl::unexpected(numbers.error());
      uses = (*numbers)[0];
      weak = (*numbers)[1];
    }
    if (uses < 0 || weak < 0 || (uses > 0 && weak == 0))
      return corrupt("its use count is {} and its weak count {}", uses, weak);
    if (uses == 0) return fmt::format("expired, weak count {}", weak);
    return fmt::format("use count {}, weak count {}", uses, weak - 1);
  }
};

}  // namespace

std::unique_ptr<Printer> make_unique_ptr(const Type* type, std::string_view name) {
  const Type* const target = type->template_type(0);
  const auto pointer = unique_pointer(type);
  if (target == nullptr || !pointer) return nullptr;
  const std::string summary = fmt::format("{}<{}>", name, short_name(target));
  return make_printer([summary, pointer = *pointer](const Value& value) -> Result<Presentation> {
    return present_pointer(summary, pointer.of(value));
  });
}

std::unique_ptr<Printer> make_shared_ptr(const Type* type, std::string_view name) {
  const Type* const target = type->template_type(0);
  const auto pointer = find_any_field(type, {{"_M_ptr"}, {"__ptr_"}});
  const auto owners = Owners::find(type);
  if (target == nullptr || !pointer || !owners) return nullptr;
  const std::string summary = fmt::format("{}<{}>", name, short_name(target));
  return make_printer([=, owners = *owners](const Value& value) -> Result<Presentation> {
    const auto state = owners.describe(value);
    if (!state) return tl::unexpected(state.error());
    return present_pointer(fmt::format("{} ({})", summary, *state), pointer->of(value));
  });
}

std::unique_ptr<Printer> make_reference_wrapper(const Type* type, std::string_view name) {
  const Type* const target = type->template_type(0);
  const auto pointer = find_any_field(type, {{"_M_data"}, {"__f_"}});
  if (target == nullptr || !pointer) return nullptr;
  const std::string summary = fmt::format("{}<{}>", name, short_name(target));
  return make_printer([summary, pointer = *pointer](const Value& value) -> Result<Presentation> {
    return present_pointer(summary, pointer.of(value));
  });
}

}  // namespace clew::lang::cpp
