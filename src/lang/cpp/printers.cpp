#include "lang/cpp/printers.h"

#include <algorithm>

#include "lang/cpp/families.h"
#include "lang/cpp/names.h"

namespace clew::lang {
namespace {

struct CppFamily {
  std::string_view name;
  std::unique_ptr<Printer> (*make)(const Type*, std::string_view name);
};

constexpr CppFamily cpp_families[] = {
    {"std::basic_string", cpp::make_string},
    {"std::basic_string_view", cpp::make_string_view},
    {"std::filesystem::path", cpp::make_path},
    {"std::vector", cpp::make_vector},
    {"std::array", cpp::make_array},
    {"std::span", cpp::make_span},
    {"std::initializer_list", cpp::make_initializer_list},
    {"std::bitset", cpp::make_bitset},
    {"std::deque", cpp::make_deque},
    {"std::list", cpp::make_list},
    {"std::forward_list", cpp::make_forward_list},
    {"std::map", cpp::make_tree},
    {"std::multimap", cpp::make_tree},
    {"std::set", cpp::make_tree},
    {"std::multiset", cpp::make_tree},
    {"std::unordered_map", cpp::make_hash_table},
    {"std::unordered_multimap", cpp::make_hash_table},
    {"std::unordered_set", cpp::make_hash_table},
    {"std::unordered_multiset", cpp::make_hash_table},
    {"std::pair", cpp::make_pair},
    {"std::tuple", cpp::make_tuple},
    {"std::optional", cpp::make_optional},
    {"std::variant", cpp::make_variant},
    {"std::any", cpp::make_any},
    {"std::function", cpp::make_function},
    {"std::unique_ptr", cpp::make_unique_ptr},
    {"std::shared_ptr", cpp::make_shared_ptr},
    {"std::weak_ptr", cpp::make_shared_ptr},
    {"std::reference_wrapper", cpp::make_reference_wrapper},
    {"std::atomic", cpp::make_atomic},
    {"std::atomic_flag", cpp::make_atomic},
    {"std::chrono::duration", cpp::make_duration},
    {"std::chrono::time_point", cpp::make_time_point},
    {"std::thread", cpp::make_thread},
    {"std::mutex", cpp::make_mutex},
    {"std::recursive_mutex", cpp::make_mutex},
    {"std::timed_mutex", cpp::make_mutex},
    {"std::recursive_timed_mutex", cpp::make_mutex},
    {"std::stack", cpp::make_adaptor},
    {"std::queue", cpp::make_adaptor},
    {"std::priority_queue", cpp::make_adaptor},
    {"__gnu_cxx::__normal_iterator", cpp::make_pointer_iterator},
    {"std::__wrap_iter", cpp::make_pointer_iterator},
    {"std::_Deque_iterator", cpp::make_pointer_iterator},
    {"std::__deque_iterator", cpp::make_pointer_iterator},
    {"std::_Rb_tree_iterator", cpp::make_tree_iterator},
    {"std::_Rb_tree_const_iterator", cpp::make_tree_iterator},
    {"std::_List_iterator", cpp::make_list_iterator},
    {"std::_List_const_iterator", cpp::make_list_iterator},
    {"std::_Fwd_list_iterator", cpp::make_list_iterator},
    {"std::_Fwd_list_const_iterator", cpp::make_list_iterator},
    {"std::_Node_iterator", cpp::make_hash_iterator},
    {"std::_Node_const_iterator", cpp::make_hash_iterator},
};

std::unique_ptr<Printer> make_cpp_printer(const Type* type) {
  if (type->kind() != value::TypeKind::structure) return nullptr;
  const std::string name = cpp::standard_name(type);
  if (name.empty()) return nullptr;
  const auto* const family =
      std::find_if(std::begin(cpp_families), std::end(cpp_families),
                   [&](const CppFamily& candidate) { return candidate.name == name; });
  return family == std::end(cpp_families) ? nullptr : family->make(type, family->name);
}

}  // namespace

void add_cpp_printers(value::PrinterSet& printers) { printers.add(make_cpp_printer); }

}  // namespace clew::lang
