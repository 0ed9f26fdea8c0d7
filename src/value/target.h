#pragma once

#include <optional>
#include <string>

#include "base/addr.h"
#include "base/memory_reader.h"
#include "sym/module_map.h"
#include "value/types.h"

namespace clew::value {

/// What an address belongs to by name.
struct NamedAddress {
  std::string name;     ///< demangled, with scopes
  uint64_t offset = 0;  ///< from its start on
  bool is_code = false;
};

/// What values are read from and written to, and what gives names: one process at one stop. Frames
/// and threads are not in it: see Frame.
class Target {
 public:
  virtual ~Target() = default;

  /// Memory as it is now. Reads should be cheap: see MemoryCache.
  virtual MemoryReader& memory() = 0;
  virtual Types& types() = 0;

  /// What is mapped where.
  virtual const sym::ModuleMap& modules() = 0;

  /// @return unsupported when it cannot be written (a core file).
  virtual Status write_memory(Addr address, Bytes data);
  /// The function or object that covers an address.
  virtual std::optional<NamedAddress> name_of(Addr address);
  /// A type by its name with scopes; `near` is a type whose module is looked through first, or
  /// nullptr. @return not_found.
  virtual Result<const Type*> find_type(std::string_view name, const Type* near);
  /// A static member or another variable that needs no frame, by its DIE or that of its
  /// declaration.
  virtual Result<class Value> variable(const std::shared_ptr<const sym::Module>& module,
                                       const Dwarf_Die& die);
};

}  // namespace clew::value
