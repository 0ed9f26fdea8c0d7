#pragma once

#include <optional>

#include "inferior/events.h"
#include "lang/environment.h"
#include "lang/printers.h"
#include "session/value_history.h"
#include "value/target.h"

namespace clew {

/// What expressions mean where no process is attached: numbers, base types, what was shown of them,
/// and how the last process has ended.
class NoProcess final : public lang::Environment {
 public:
  void remember(const Event& end);
  /// What the last process has ended with; nothing when a signal has killed it, or none has ended.
  const std::optional<int>& exit_code() const { return exit_code_; }
  ValueHistory& history() { return history_; }

  value::Target& target() override { return nothing_; }
  lang::Language language() override { return lang::Language::c; }
  const value::PrinterSet& printers() override { return printers_; }
  lang::NameClass classify(const std::string& name) override;
  Result<value::Value> variable(const std::string& name, const std::string& file) override;
  Result<const value::Type*> type(const std::string& name, lang::TypeName::Tag tag) override;
  Result<value::Value> dollar(const std::string& name) override;
  Status set_dollar(const std::string& name, const value::Value& value) override;

 private:
  class Nothing final : public value::Target, private MemoryReader {
   public:
    MemoryReader& memory() override { return *this; }
    value::Types& types() override { return types_; }
    const sym::ModuleMap& modules() override { return modules_; }

   private:
    Result<size_t> read_memory(Addr address, MutableBytes into) override;

    value::Types types_;
    sym::ModuleMap modules_;
  };

  Nothing nothing_;
  value::PrinterSet printers_ = lang::all_printers();
  ValueHistory history_;
  std::optional<int> exit_code_;
};

}  // namespace clew
