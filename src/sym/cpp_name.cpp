#include "sym/cpp_name.h"

#include <libiberty/demangle.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <unordered_map>

namespace clew::sym {
namespace {

/// In a conversion ("cv") arguments behind a template's parameter are read, and once more when they
/// turn out to belong to the operator itself: each within another doubles that.
constexpr int most_in_conversions = 8;
/// What a pack expansion repeats is searched for the pack, every time that it is written. What was
/// substituted is searched at each place where it stands.
constexpr uint64_t most_in_expansions = 4096;

/// "T_I", "T0_I", …
int arguments_of_parameters(const std::string& name) {
  int count = 0;
  for (size_t at = name.find('T'); at != name.npos; at = name.find('T', at + 1)) {
    const size_t end = name.find_first_not_of("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ", at + 1);
    if (end != name.npos && name.compare(end, 2, "_I") == 0) ++count;
  }
  return count;
}

class Expansions {
 public:
  /// @return whether every pack expansion below is small.
  bool are_small(const demangle_component* root) {
    size_of(root);
    return are_small_;
  }

 private:
  struct Parts {
    const demangle_component* left = nullptr;
    const demangle_component* right = nullptr;
  };

  static Parts parts_of(const demangle_component& component) {
    switch (component.type) {
      case DEMANGLE_COMPONENT_NAME:
      case DEMANGLE_COMPONENT_TEMPLATE_PARAM:
      case DEMANGLE_COMPONENT_FUNCTION_PARAM:
      case DEMANGLE_COMPONENT_SUB_STD:
      case DEMANGLE_COMPONENT_BUILTIN_TYPE:
      case DEMANGLE_COMPONENT_EXTENDED_BUILTIN_TYPE:
      case DEMANGLE_COMPONENT_OPERATOR:
      case DEMANGLE_COMPONENT_CHARACTER:
      case DEMANGLE_COMPONENT_NUMBER:
        return {};
      case DEMANGLE_COMPONENT_FIXED_TYPE:
        return {component.u.s_fixed.length, nullptr};
      case DEMANGLE_COMPONENT_EXTENDED_OPERATOR:
        return {component.u.s_extended_operator.name, nullptr};
      case DEMANGLE_COMPONENT_CTOR:
        return {component.u.s_ctor.name, nullptr};
      case DEMANGLE_COMPONENT_DTOR:
        return {component.u.s_dtor.name, nullptr};
      case DEMANGLE_COMPONENT_LAMBDA:
      case DEMANGLE_COMPONENT_DEFAULT_ARG:
      case DEMANGLE_COMPONENT_UNNAMED_TYPE:
        return {component.u.s_unary_num.sub, nullptr};
      default:
        return {component.u.s_binary.left, component.u.s_binary.right};
    }
  }

  /// With everything counted as often as it stands there.
  uint64_t size_of(const demangle_component* component) {
    if (component == nullptr) return 0;
    const auto [known, is_new] = sizes_.try_emplace(component, 0);
    if (!is_new) return known->second;
    const Parts parts = parts_of(*component);
    const uint64_t below = size_of(parts.left) + size_of(parts.right);
    if (component->type == DEMANGLE_COMPONENT_PACK_EXPANSION && below > most_in_expansions)
      are_small_ = false;
    return sizes_[component] = std::min<uint64_t>(below, UINT32_MAX) + 1;
  }

  std::unordered_map<const demangle_component*, uint64_t> sizes_;
  bool are_small_ = true;
};

bool has_small_expansions(const std::string& name, int options) {
  void* memory = nullptr;
  const demangle_component* const root =
      cplus_demangle_v3_components(name.c_str(), options, &memory);
  const std::unique_ptr<void, decltype(&std::free)> owner(memory, &std::free);
  return Expansions().are_small(root);
}

}  // namespace

bool is_harmless_cpp_name(const std::string& name, int options) {
  if (name.find("cv") != name.npos && arguments_of_parameters(name) > most_in_conversions)
    return false;
  const bool has_expansion = name.find("Dp") != name.npos || name.find("sp") != name.npos;
  return !has_expansion || has_small_expansions(name, options);
}

}  // namespace clew::sym
