#include "lang/rust/printers.h"

#include <algorithm>

#include "lang/rust/families.h"
#include "lang/rust/names.h"
#include "value/dwarf_read.h"

namespace clew::lang {
namespace {

struct RustFamily {
  std::string_view name;
  std::unique_ptr<Printer> (*make)(const Type*, std::string_view name);
};

/// By the last part of their names: modules are moved from version to version.
constexpr RustFamily rust_families[] = {
    {"String", rust::make_string},
    {"OsString", rust::make_string},
    {"PathBuf", rust::make_string},
    {"Vec", rust::make_vec},
    {"VecDeque", rust::make_vec_deque},
    {"LinkedList", rust::make_linked_list},
    {"HashMap", rust::make_hash_table},
    {"HashSet", rust::make_hash_table},
    {"BTreeMap", rust::make_btree},
    {"BTreeSet", rust::make_btree},
    {"Rc", rust::make_shared},
    {"Arc", rust::make_shared},
    {"Weak", rust::make_shared},
    {"Cell", rust::make_cell},
    {"OnceCell", rust::make_cell},
    {"RefCell", rust::make_ref_cell},
    {"Mutex", rust::make_mutex},
    {"RwLock", rust::make_rw_lock},
    {"UnsafeCell", rust::make_wrapper},
    {"NonZero", rust::make_wrapper},
    {"NonNull", rust::make_wrapper},
    {"ManuallyDrop", rust::make_wrapper},
    {"MaybeDangling", rust::make_wrapper},
};

bool is_standard(std::string_view name) {
  return name.starts_with("alloc::") || name.starts_with("core::") || name.starts_with("std::") ||
         name.starts_with("hashbrown::");
}

bool is_rust_atomic(std::string_view name) {
  return name == "Atomic" || (name.starts_with("Atomic") && name != "AtomicOrdering");
}

std::unique_ptr<Printer> make_rust_printer(const Type* type) {
  if (!value::is_rust(type->language())) return nullptr;
  const std::string name = rust::plain_name(type);
  if (type->kind() == value::TypeKind::pointer)
    return name == "alloc::boxed::Box" ? rust::make_box(type) : nullptr;
  if (type->kind() != value::TypeKind::structure) return nullptr;
  const bool is_reference = name.starts_with('&') || name.starts_with('*');
  if (is_reference || name == "alloc::boxed::Box") return rust::make_wide_pointer(type);
  if (!is_standard(name) || type->scope().find('<') != std::string::npos) return nullptr;
  const std::string_view last = std::string_view(name).substr(name.rfind("::") + 2);
  if (is_rust_atomic(last)) return rust::make_wrapper(type, last);
  const auto* const family =
      std::find_if(std::begin(rust_families), std::end(rust_families),
                   [&](const RustFamily& candidate) { return candidate.name == last; });
  return family == std::end(rust_families) ? nullptr : family->make(type, family->name);
}

}  // namespace

void add_rust_printers(value::PrinterSet& printers) { printers.add(make_rust_printer); }

}  // namespace clew::lang
