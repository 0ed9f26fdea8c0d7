#include "lang/go/printers.h"

#include <algorithm>

#include "lang/go/families.h"
#include "value/dwarf_read.h"

namespace clew::lang {
namespace {

using value::GoKind;
using value::TypeKind;
using Make = std::unique_ptr<Printer> (*)(const Type*);

struct Library {
  std::string_view name;
  Make make;
};
constexpr Library library[] = {
    {"time.Time", go::make_time},
    {"time.Duration", go::make_duration},
    {"sync.Mutex", go::make_mutex},
    {"internal/sync.Mutex", go::make_mutex},
    {"sync.RWMutex", go::make_rw_mutex},
    {"sync.WaitGroup", go::make_wait_group},
    {"sync.Once", go::make_once},
    {"context.valueCtx", go::make_value_context},
    {"context.cancelCtx", go::make_cancel_context},
    {"context.timerCtx", go::make_timer_context},
};

bool is_go_atomic(std::string_view name) {
  return name.starts_with("sync/atomic.") || name.starts_with("internal/runtime/atomic.") ||
         name.starts_with("runtime/internal/atomic.");
}

/// What the runtime has behind a variable of type map or chan: the linker makes such types up for
/// each, under names like "map<string,int>".
std::unique_ptr<Printer> make_of_pointer(const Type* type) {
  if (type->go_kind() == GoKind::function) return go::make_function(type);
  const Type* const target = type->target()->stripped();
  const std::string_view name = target->name();
  if (target->kind() != TypeKind::structure) return nullptr;
  if (name.starts_with("map<")) return go::make_swiss_map(type);
  if (name.starts_with("hash<")) return go::make_bucket_map(type);
  if (name.starts_with("hchan<")) return go::make_channel(type);
  return nullptr;
}

std::unique_ptr<Printer> make_of_structure(const Type* type) {
  if (type->go_kind() == GoKind::string) return go::make_string(type);
  if (type->go_kind() == GoKind::slice) return go::make_slice(type);
  const std::string_view name = type->name();
  if (name == "runtime.iface" || name == "runtime.eface") return go::make_interface(type);
  return is_go_atomic(name) ? go::make_atomic(type) : nullptr;
}

std::unique_ptr<Printer> make_go_printer(const Type* type) {
  if (!value::is_go(type->language())) return nullptr;
  const auto* const known =
      std::find_if(std::begin(library), std::end(library),
                   [&](const Library& one) { return one.name == type->name(); });
  if (known != std::end(library)) return known->make(type);
  switch (type->kind()) {
    case TypeKind::pointer:
      return make_of_pointer(type);
    case TypeKind::structure:
      return make_of_structure(type);
    default:
      return nullptr;
  }
}

}  // namespace

void add_go_printers(value::PrinterSet& printers) { printers.add(make_go_printer); }

}  // namespace clew::lang
