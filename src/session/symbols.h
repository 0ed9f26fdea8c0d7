#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "os/mappings.h"
#include "os/proc_dir.h"
#include "os/process_memory.h"
#include "session/name_reading.h"
#include "session/named_place.h"
#include "sym/code.h"
#include "sym/kept_places.h"
#include "sym/module_map.h"
#include "sym/name_cache.h"

namespace clew {

/// A function's code in the running process.
struct LoadedFunction {
  sym::LoadedModule module;
  sym::FunctionAt function;

  /// Where it begins.
  Addr entry() const { return module.to_runtime(function.entry); }
};

/// A type, variable or enumerator in the running process.
struct LoadedName {
  sym::LoadedModule module;
  sym::FoundName found;
};

/// What is known of one process's code by name. Needs no stop and no attach: it reads files, the
/// mappings, and the vdso from memory. One for each process; fronts and commands share it.
class Symbols {
 public:
  struct Options {
    std::shared_ptr<const sym::DebugFileFinder> finder;  ///< may be nullptr
    std::string cache_directory;                         ///< empty: nothing is kept on disk
  };

  /// `proc` must outlive it. Reads the mappings and opens the files that are mapped; their debug
  /// information is read when something is asked of it.
  Symbols(const os::ProcDir& proc, Options options);
  /// The same with the executable mappings, which somebody has read already.
  Symbols(const os::ProcDir& proc, Options options, std::vector<os::Mapping> code);

  /// What is mapped where, as of the last refresh().
  const sym::ModuleMap& modules() const { return modules_; }
  /// The executable mappings, as of the last refresh().
  const std::vector<os::Mapping>& code_mappings() const { return code_; }

  /// Another number whenever modules() are others.
  uint64_t generation() const { return generation_; }

  /// Looks at the mappings again: at every stop, and when a library may have come or gone. @return
  /// true when they have changed.
  bool refresh();

  /// What an address of code is called. Each address is looked up once. With `call` it is one that
  /// a call returns to, which belongs to the instruction before it.
  const NamedPlace& place(Addr address, bool call = false);

  /// The module whose code or data covers an address; nullptr when none does.
  const sym::LoadedModule* module_of(Addr address) const;
  /// Where a variable lies; nothing for thread-local ones and constants.
  std::optional<Addr> variable_address(const LoadedName& variable) const;
  /// Where the dynamic loader calls whenever libraries have come or gone: its function for
  /// debuggers (r_brk of <link.h>). Nothing when there is no loader.
  std::optional<Addr> library_event() const;
  /// "counter+4" for an address of static data; empty when no symbol covers it.
  std::string data_name(Addr address) const;

  /// Looks up the places of threads that sleep in a system call, as /proc tells them without a
  /// stop, so that during one less is left to be read. At most some of many threads. What is kept
  /// of other times needs nothing read; `kept` may be nullptr.
  void warm_up(std::span<const pid_t> tids, sym::KeptPlaces* kept = nullptr);
  /// The same for the main thread and for whatever on its stack looks like a return address: what
  /// its backtrace will ask for, and some more.
  void warm_up_stack();

  /// Looks for the debug files of all modules that this was not done for, beside the control
  /// thread: servers may be asked. nullptr when there is nothing to do.
  std::unique_ptr<Background> start_opening();
  /// What the user should know of how files were read, since the last call; one line each.
  std::vector<std::string> take_problems();

  // Names. They are read module by module when they are first asked for, which takes some 0.2 s for
  // 200 MB of debug information: start_reading() does it beside the control thread. The calls below
  // it read what is missing themselves and wait.

  /// True when all modules' names are there.
  bool has_names() const;
  /// nullptr when there is nothing to read.
  std::unique_ptr<NameReading> start_reading() const;
  /// Takes over what was read. Waits for its end.
  void finish_reading(NameReading& reading);

  /// Every place where a function of that name begins.
  std::vector<LoadedFunction> functions(const sym::NameQuery& query);
  std::vector<LoadedName> find(const sym::NameQuery& query, sym::NameKinds kinds);
  /// What is kept on disk of files that were read.
  const sym::NameCache& cache() const { return cache_; }
  /// The names of one module.
  const sym::ModuleNames* names_of(const sym::Module& module);
  /// The same, read now when they are not there yet. nullptr when that was not possible.
  const sym::ModuleNames* read_names_of(const std::shared_ptr<const sym::Module>& module);

 private:
  void read_names();
  void set_code(std::vector<os::Mapping> code);
  /// Where a thread that sleeps in a system call stands.
  struct Sleeper {
    Addr sp, pc;
  };
  std::optional<Sleeper> find_sleeper(pid_t tid) const;
  NamedPlace look_up(Addr address, bool call) const;

  const os::ProcDir& proc_;
  os::ProcessMemory memory_;
  std::unique_ptr<sym::ModuleLoader> loader_;
  sym::NameCache cache_;
  std::vector<os::Mapping> code_;
  uint64_t generation_ = 0;
  sym::ModuleMap modules_;
  std::unordered_map<const sym::Module*, NameReading::Names> names_;
  std::unordered_map<uint64_t, NamedPlace> places_;
  std::unordered_set<const sym::Module*> opened_;
  std::unordered_map<const sym::Module*, size_t> problems_told_;
};

}  // namespace clew
