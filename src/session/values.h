#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "session/session.h"
#include "session/symbols.h"
#include "session/thread_stacks.h"
#include "value/frame.h"
#include "value/memory_cache.h"
#include "value/target.h"
#include "value/value.h"

namespace clew {

/// One attached process as values see it: its memory, its types, and what the index of names finds.
/// One for each process; what it has found stays good until other modules are mapped.
class Values final : public value::Target, private value::DefinitionFinder {
 public:
  /// Reads the names of all modules before they are asked for; may fail when the user gives up.
  using ReadNames = std::function<Status()>;

  /// All must outlive it.
  Values(Session& session, Symbols& symbols, ThreadStacks& stacks, ReadNames read_names);

  /// Before each command or hit: what was read of memory before may be stale.
  void begin() { memory_.forget(); }

  MemoryReader& memory() override { return memory_; }
  value::Types& types() override { return types_; }
  const sym::ModuleMap& modules() override { return symbols_.modules(); }
  Status write_memory(Addr address, Bytes data) override;
  std::optional<value::NamedAddress> name_of(Addr address) override;
  Result<const value::Type*> find_type(std::string_view name, const value::Type* near) override;
  Result<value::Value> variable(const std::shared_ptr<const sym::Module>& module,
                                const Dwarf_Die& die) override;

  /// The selected frame of the selected thread or goroutine, or another one of its stack. @return
  /// not_stopped, gone, unsupported, not_found.
  Result<std::shared_ptr<const value::Frame>> selected_frame(
      std::optional<size_t> level = std::nullopt);
  /// A frame of a held thread's stack. The errors are the same.
  Result<std::shared_ptr<const value::Frame>> frame(ThreadId thread, size_t level);
  /// The innermost frame of a thread that has run into a trap, with these registers.
  std::shared_ptr<const value::Frame> frame_of(ThreadId thread,
                                               const arch::GeneralRegisters& registers);
  /// The same of the function whose code it is, also where a copy of another was inlined.
  std::shared_ptr<const value::Frame> function_frame_of(ThreadId thread,
                                                        const arch::GeneralRegisters& registers);

  /// The registers of a held thread; those given are as they were when it ran into a trap.
  std::shared_ptr<const value::ThreadState> thread(
      ThreadId id, std::optional<arch::GeneralRegisters> registers = std::nullopt);

  /// What the index of names has, every instance of it: reads the names first. `name` as a
  /// NameQuery; remembered.
  Result<const std::vector<LoadedName>*> find(const std::string& name, sym::NameKinds kinds);
  /// The places where functions of that name begin.
  Result<const std::vector<LoadedFunction>*> functions(const std::string& name);
  /// nullptr for a module that is mapped no more.
  const sym::LoadedModule* loaded(const sym::Module& module) const;

  Session& session() { return session_; }
  Symbols& symbols() { return symbols_; }

 private:
  std::optional<Found> find_definition(unsigned tag, const std::string& name,
                                       const value::Type& declaration) override;
  void forget_names_of_old_code();

  Session& session_;
  Symbols& symbols_;
  ThreadStacks& stacks_;
  ReadNames read_names_;
  value::MemoryCache memory_;
  value::Types types_;
  uint64_t generation_ = 0;
  std::map<std::pair<std::string, bool>, std::vector<LoadedName>> found_;  // by name; types or not
  std::map<std::string, std::vector<LoadedFunction>> functions_;
};

}  // namespace clew
