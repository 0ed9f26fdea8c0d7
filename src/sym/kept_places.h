#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "sym/code.h"
#include "sym/name_cache.h"

namespace clew::sym {

/// What there is at one address of a module.
struct CodePlace {
  std::vector<FunctionAt> functions;  ///< as functions_at() gives them
  std::optional<SourceLine> line;     ///< as line_at() gives it
};

/// The places of code that were looked up before, kept on disk for each module. Threads wait in the
/// same few places each time, and to name those of the C library some 20 MB of debug information
/// have to be unpacked. Kept places have no DIEs (`FunctionAt::die`).
///
/// They are of use only while the very same files tell the names (Module::files()), to the same
/// build of clew. Nothing here is ever an error, as in NameCache. Not for several threads at once.
class KeptPlaces {
 public:
  using ModulePointer = std::shared_ptr<const Module>;

  /// `files` must outlive it.
  explicit KeptPlaces(const NameCache& files) : files_(files) {}

  /// By an address of the module's own. nullptr when it is not known.
  const CodePlace* find(const ModulePointer& module, uint64_t address);
  void add(const ModulePointer& module, uint64_t address, CodePlace place);
  /// Writes what was added since it was read. What there is no room for is left out: first what was
  /// of no use this time.
  void store() const;

 private:
  struct Entry {
    CodePlace place;
    bool is_used = false;
  };
  struct OfModule {
    std::string files;  ///< empty: nothing is kept of this module
    std::unordered_map<uint64_t, Entry> entries;
    bool has_news = false;
  };
  OfModule& of(const ModulePointer& module);

  const NameCache& files_;
  std::unordered_map<ModulePointer, OfModule> modules_;
};

}  // namespace clew::sym
