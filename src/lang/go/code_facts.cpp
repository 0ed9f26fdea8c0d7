#include "lang/go/code_facts.h"

#include <algorithm>
#include <array>

#include "sym/go_table.h"
#include "sym/unwind_table.h"

namespace clew::go {
namespace {

/// The stack pointer's number in DWARF (x86-64 psABI, 3.6.2).
constexpr uint16_t stack_pointer = 7;
/// No function's frame is larger: a stack has at most 1 GB.
constexpr int64_t largest_frame = int64_t{1} << 30;
/// Some 5 MB; a program has rarely a hundredth of that in its stacks at one time.
constexpr size_t most_known = 65'536;

bool is_exported(std::string_view name, std::string_view package) {
  name.remove_prefix(package.size());
  return !name.empty() && name.front() >= 'A' && name.front() <= 'Z';
}

bool is_entry(const sym::Module& module, uint64_t address) {
  const sym::GoTable* const table = sym::go_table(module);
  const sym::GoTable::Function* const function = table == nullptr ? nullptr : table->find(address);
  if (function != nullptr) return function->start == address;
  const sym::Symbol* const symbol = module.symbols().find_code(address);
  return symbol != nullptr && symbol->address == address;
}

}  // namespace

std::string_view without_abi(std::string_view name) {
  for (const std::string_view ending : {".abi0", ".abiinternal"}) {
    if (name.ends_with(ending)) name.remove_suffix(ending.size());
  }
  return name;
}

bool is_outermost_function(std::string_view name) {
  constexpr std::array<std::string_view, 4> names{"runtime.goexit", "runtime.mstart",
                                                  "runtime.rt0_go", "runtime.mcall"};
  return std::find(names.begin(), names.end(), name) != names.end();
}

bool is_interruption(std::string_view name) {
  constexpr std::array<std::string_view, 3> names{"runtime.asyncPreempt", "runtime.sigpanic",
                                                  "runtime.debugCallV2"};
  return std::find(names.begin(), names.end(), name) != names.end();
}

bool is_user_function(std::string_view name) {
  if (name.find('.') == name.npos) return false;
  // The runtime's own, under names that packages of the library know them by (go:linkname).
  for (const std::string_view linked :
       {"sync.runtime_", "os.runtime_", "syscall.runtime_", "os/signal.signal_"}) {
    if (name.starts_with(linked)) return false;
  }
  if (name.starts_with("runtime.")) return is_exported(name, "runtime.");
  return !name.starts_with("runtime/internal/") && !name.starts_with("internal/");
}

bool is_system_start(std::string_view name) {
  if (!name.starts_with("runtime.")) return false;
  return name != "runtime.main" && name != "runtime.corostart" &&
         name != "runtime.handleAsyncEvent";
}

const CodeFact& CodeFacts::at(StackWord word) {
  Recent& recent = recent_[(word.bits * 0x9e3779b97f4a7c15) >> 54];
  if (recent.fact != nullptr && recent.bits == word.bits) return *recent.fact;
  if (known_.size() >= most_known && !known_.contains(word.bits)) {
    known_.clear();
    std::fill(recent_.begin(), recent_.end(), Recent{});
  }
  const auto [found, is_new] = known_.try_emplace(word.bits);
  if (is_new) found->second = look_up(word);
  recent = {word.bits, &found->second};
  return found->second;
}

CodeFact CodeFacts::look_up(StackWord word) const {
  CodeFact fact;
  const sym::LoadedModule* const loaded = modules_.find(word.lookup());
  if (loaded == nullptr) return fact;
  uint64_t own = loaded->to_file(word.lookup());
  fact.is_saved = !word.is_exact() && is_entry(*loaded->module, own + 1);
  if (fact.is_saved) ++own;
  // The linker's table says all of it; the symbols and the debug information, which say the same,
  // take longer to be read.
  const sym::GoTable* const table = sym::go_table(*loaded->module);
  const sym::GoTable::Function* const function = table == nullptr ? nullptr : table->find(own);
  if (table != nullptr && function == nullptr) return fact;
  const sym::Symbol* const symbol =
      table == nullptr ? loaded->module->symbols().find_code(own) : nullptr;
  if (symbol != nullptr || function != nullptr) {
    const std::string_view name = without_abi(symbol != nullptr ? symbol->name : function->name);
    fact.is_user = is_user_function(name);
    fact.interrupts = is_interruption(name);
    fact.is_saved = fact.is_saved || (!word.is_exact() && name == "runtime.systemstack_switch");
    // On a goroutine's stack mcall is a function like any other, until it has left it.
    if (is_outermost_function(name) && name != "runtime.mcall") {
      fact.kind = CodeFact::Kind::outermost;
      return fact;
    }
  }
  auto row = function == nullptr ? std::nullopt : table->unwind_row(own);
  if (!row) {
    auto described = loaded->module->debug_frame().find(own);
    if (described) row = std::move(*described);
  }
  if (!row || row->cfa.kind != sym::RegisterRule::Kind::in_register ||
      row->cfa.reg != stack_pointer || row->cfa.offset < static_cast<int64_t>(word_size) ||
      row->cfa.offset > largest_frame) {
    return fact;
  }
  fact.kind = CodeFact::Kind::frame;
  fact.frame_size = row->cfa.offset;
  return fact;
}

}  // namespace clew::go
