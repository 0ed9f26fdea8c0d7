#include "lang/go/runtime_code.h"

#include <algorithm>
#include <array>
#include <string>

#include "arch/disassemble.h"
#include "arch/displace.h"
#include "sym/code.h"
#include "sym/go_table.h"

namespace clew::go {
namespace {

/// No function that is looked through is longer.
constexpr uint64_t longest_function = 16'384;
/// The check of the longest kind has six instructions.
constexpr int most_checking = 8;

struct Extent {
  uint64_t address = 0, size = 0;
  std::string_view name;
};

Extent extent_of(const sym::GoTable::Function& function) {
  return {function.start, function.end - function.start, function.name};
}

/// Functions in assembly have a calling convention of their own, and a symbol for each. A stripped
/// program has no symbols, but the table of its functions.
std::optional<Extent> find_function(const sym::Module& module, const std::string& name) {
  for (const std::string& known : {name, name + ".abi0"}) {
    const auto found = module.symbols().find(known);
    if (!found.empty())
      return Extent{found.front()->address, found.front()->size, found.front()->name};
  }
  const sym::GoTable* const table = sym::go_table(module);
  if (table == nullptr) return std::nullopt;
  const auto& all = table->functions();
  const auto found =
      std::find_if(all.begin(), all.end(), [&](const auto& one) { return one.name == name; });
  return found == all.end() ? std::nullopt : std::optional(extent_of(*found));
}

std::optional<Extent> function_at(const sym::Module& module, uint64_t address) {
  if (const sym::Symbol* const symbol = module.symbols().find_code(address))
    return Extent{symbol->address, symbol->size, symbol->name};
  const sym::GoTable* const table = sym::go_table(module);
  const sym::GoTable::Function* const function = table == nullptr ? nullptr : table->find(address);
  return function == nullptr ? std::nullopt : std::optional(extent_of(*function));
}

std::optional<Addr> address_of(const sym::LoadedModule& loaded, const std::string& name) {
  const auto found = find_function(*loaded.module, name);
  return found ? std::optional(loaded.to_runtime(found->address)) : std::nullopt;
}

/// The calls of a function whose target is in a register: those of function values.
void add_indirect_calls(const sym::LoadedModule& loaded, const std::string& name,
                        std::vector<Addr>& calls) {
  const auto function = find_function(*loaded.module, name);
  if (!function) return;
  const Bytes all = loaded.module->image().loaded_from(function->address);
  const Bytes code =
      all.first(std::min<size_t>(all.size(), std::min(function->size, longest_function)));
  for (size_t at = 0; at < code.size();) {
    const auto info =
        arch::inspect(code.subspan(at, std::min(code.size() - at, arch::longest_instruction)),
                      Addr{function->address + at});
    if (!info || info->length == 0) return;
    if (info->is_call && info->is_indirect)
      calls.push_back(loaded.to_runtime(function->address + at));
    at += info->length;
  }
}

/// @return `entry` when there is no check.
uint64_t after_stack_check(const sym::Module& module, uint64_t entry) {
  const Bytes code = module.image().loaded_from(entry);
  const auto function = function_at(module, entry);
  // The check ends with the jump to where more stack is asked for, at the function's end:
  // "cmp rsp, [r14+16]; jbe", with the frame's size in between for larger frames.
  uint64_t behind = entry;
  size_t at = 0;
  for (int i = 0; i < most_checking && at < code.size(); ++i) {
    const auto info = arch::inspect(
        code.subspan(at, std::min(code.size() - at, arch::longest_instruction)), Addr{entry + at});
    if (!info || info->length == 0 || info->is_call || info->is_return || info->writes_memory ||
        (info->is_jump && !info->is_conditional) || info->writes_stack_pointer)
      break;
    at += info->length;
    if (!info->is_jump) continue;
    const bool is_inside = info->target && function && info->target->value > entry + at &&
                           info->target->value < function->address + function->size;
    if (!is_inside) break;
    // What is jumped to saves what the registers hold and calls for more stack.
    size_t there = info->target->value - entry;
    for (int j = 0; j < 64 && there < code.size(); ++j) {
      const auto next = arch::inspect(
          code.subspan(there, std::min(code.size() - there, arch::longest_instruction)),
          Addr{entry + there});
      if (!next || next->length == 0 || next->is_return) break;
      there += next->length;
      if (!next->is_call) continue;
      const auto callee = next->target ? function_at(module, next->target->value) : std::nullopt;
      if (callee && callee->name.starts_with("runtime.morestack")) behind = entry + at;
      break;
    }
  }
  return behind;
}

/// Code that is not optimised looks for its arguments on the stack, where the function puts them
/// first of all, still on the line that declares it.
uint64_t after_spills(const sym::Module& module, uint64_t marked, unsigned line) {
  uint64_t at = marked;
  for (bool is_first = true;; is_first = false) {
    const Bytes code = module.image().loaded_from(at);
    const auto info =
        arch::inspect(code.first(std::min(code.size(), arch::longest_instruction)), Addr{at});
    const auto row = sym::line_range_at(module, at);
    if (!info || info->length == 0 || !row || row->line.line != line) return at;
    const bool makes_room = is_first && info->writes_stack_pointer && !info->writes_memory;
    const bool spills =
        info->writes_memory && !info->reads_memory && !info->is_call && !info->writes_stack_pointer;
    if (!makes_room && !spills) return at;
    at += info->length;
  }
}

}  // namespace

RuntimeCode find_runtime_code(const sym::LoadedModule& loaded) {
  RuntimeCode code;
  code.recovery = address_of(loaded, "runtime.recovery");
  code.resume = address_of(loaded, "runtime.gogo");
  code.exit = address_of(loaded, "runtime.Goexit");
  code.end = address_of(loaded, "runtime.goexit1");
  code.fatal_panic = address_of(loaded, "runtime.fatalpanic");
  for (const char* const name : {"runtime.throw", "runtime.fatal"}) {
    if (const auto address = address_of(loaded, name)) code.fatal_errors.push_back(*address);
  }
  add_indirect_calls(loaded, "runtime.gopanic", code.panic_calls);
  add_indirect_calls(loaded, "runtime.deferCallSave", code.panic_calls);
  add_indirect_calls(loaded, "runtime.Goexit", code.exit_calls);
  add_indirect_calls(loaded, "runtime.deferreturn", code.return_calls);
  return code;
}

bool is_hidden_function(std::string_view name) {
  constexpr std::array<std::string_view, 5> packages{"runtime/internal/", "internal/runtime/",
                                                     "internal/abi.", "internal/bytealg.",
                                                     "internal/race."};
  constexpr std::string_view runtime = "runtime.";
  if (name.starts_with(runtime)) {
    const char first = name.size() > runtime.size() ? name[runtime.size()] : '\0';
    return first < 'A' || first > 'Z';
  }
  return std::any_of(packages.begin(), packages.end(),
                     [&](std::string_view package) { return name.starts_with(package); });
}

bool is_wrapper(const sym::Module& module, uint64_t address) {
  const sym::GoTable* const table = sym::go_table(module);
  const sym::GoTable::Function* const function = table == nullptr ? nullptr : table->find(address);
  if (function == nullptr) return false;
  if (table->is_wrapper(*function)) return true;
  std::string_view name = function->name;
  name.remove_prefix(std::min(name.rfind('.') + 1, name.size()));
  return name.starts_with("deferwrap") || name.starts_with("gowrap");
}

uint64_t after_prologue(const sym::Module& module, uint64_t entry) {
  const uint64_t checked = after_stack_check(module, entry);
  // Without a mark the second line counts elsewhere; here it could be that of a loop.
  const uint64_t marked = sym::after_prologue(module, entry);
  const auto row = sym::line_range_at(module, marked);
  const bool is_marked = row && row->is_prologue_end && row->start == marked;
  return is_marked && marked > checked ? after_spills(module, marked, row->line.line) : checked;
}

}  // namespace clew::go
