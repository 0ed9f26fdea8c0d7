#pragma once

#include <functional>

#include "base/clock.h"
#include "lang/environment.h"
#include "session/value_history.h"
#include "session/values.h"
#include "value/scope.h"

namespace clew {

/// What the names in an expression mean at one place: a frame, a thread without one, or nowhere.
class ValueScope final : public lang::Environment {
 public:
  struct Place {
    std::shared_ptr<const value::Frame> frame;  ///< may be nullptr
    std::optional<ThreadId> thread;
    /// Of the thread at a trap: what the frame is made of, once something asks for it.
    std::optional<arch::GeneralRegisters> registers;
    std::string no_frame;                    ///< why there is none, for errors
    std::optional<lang::Language> language;  ///< instead of the frame's own
    std::function<uint64_t()> goroutine;     ///< its number; 0 for none. May be empty
    unsigned process = 1;                    ///< what the user calls it by
    std::optional<int> exit_code;            ///< of the last process that has ended
    /// How long functions of the program may be called for; nullopt when none is called.
    std::optional<Duration> call_limit;
  };

  /// All must outlive it; `history` may be nullptr.
  ValueScope(Values& values, const value::PrinterSet& printers, ValueHistory* history, Place place);

  /// nullptr where there is none.
  const std::shared_ptr<const value::Frame>& frame();
  /// Read when it is first asked for; empty without a frame.
  const value::FrameScope& scope();

  Values& values() { return values_; }
  value::Target& target() override { return values_; }
  lang::Language language() override;
  const value::PrinterSet& printers() override { return printers_; }
  lang::NameClass classify(const std::string& name) override;
  Result<value::Value> variable(const std::string& name, const std::string& file) override;
  Result<const value::Type*> type(const std::string& name, lang::TypeName::Tag tag) override;
  Result<Addr> type_info(const value::Type* type) override;
  Result<value::Value> dollar(const std::string& name) override;
  Status set_dollar(const std::string& name, const value::Value& value) override;
  std::vector<value::Value> functions(const std::string& name) override;
  Result<value::Value> method(const value::Type* type, const value::Method& method) override;
  Result<value::Value> call(const value::Value& function, const value::Type* result,
                            std::span<const lang::CallArgument> arguments) override;

 private:
  struct Ranked {
    const LoadedName* name = nullptr;
    int rank = 0;  ///< 0 for one of a scope that is not around the place
  };

  std::optional<value::Value> local(const std::string& name);
  // Names as they are typed, see value_scope_names.cpp.
  std::vector<std::string> scopes_around();
  std::string expanded(const std::string& name);
  std::string with_plain_arguments(const std::string& name);
  // In Go, see value_scope_go.cpp.
  std::string go_package();
  std::string go_full_name(const std::string& name);
  const LoadedName* go_object(const std::string& name);
  std::optional<Result<value::Value>> go_function(const std::string& name);
  Result<value::Value> go_variable(const std::string& name);
  const value::Type* go_type(const std::string& name);
  lang::NameClass go_classify(const std::string& name);
  std::optional<Result<value::Value>> member_of_this(const std::string& name);
  std::optional<Result<value::Value>> found_by_index(const std::string& name,
                                                     const std::string& file);
  std::optional<Result<value::Value>> function(const std::string& name);
  std::optional<Result<value::Value>> local_of_function(const std::string& name);
  Result<value::Value> value_of(const LoadedName& name);
  static Status keep_one_template(const std::string& name, std::vector<Ranked>& found);
  Result<std::vector<Ranked>> ranked(const std::string& name, sym::NameKinds kinds,
                                     const std::string& file);
  value::Value value_of(const LoadedFunction& function);
  Result<std::vector<const LoadedFunction*>> ranked_functions(const std::string& name);
  int rank_of(const std::string& name, const sym::LoadedModule& module, const Dwarf_Die& die,
              const std::string& wanted);
  // Registers and other "$names", see value_scope_dollar.cpp.
  Result<value::Value> register_value(const arch::RegisterInfo& info);
  std::string nowhere(const std::string& name);

  Values& values_;
  const value::PrinterSet& printers_;
  ValueHistory* history_;
  Place place_;
  std::optional<value::FrameScope> scope_;
};

/// Sets "$name". @return bad_request for what clew itself says.
Status set_convenience_variable(ValueHistory& history, const std::string& name,
                                const value::Value& value);

/// gdb's name for what the last process has ended with, and its value: void when there is none.
inline constexpr std::string_view exit_code_name = "$_exitcode";
value::Value exit_code_value(value::Target& target, const std::optional<int>& exit_code);

/// The selected frame's place, or what there is of it: expressions of globals need no frame.
ValueScope::Place selected_place(Values& values, std::optional<lang::Language> language,
                                 Duration call_limit);

}  // namespace clew
