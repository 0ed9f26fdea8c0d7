#include "value/scope.h"

#include <dwarf.h>

#include <algorithm>
#include <unordered_map>
#include <unordered_set>

#include "value/dwarf_read.h"

namespace clew::value {
namespace {

/// Blocks in one another, variables in one function: more than any has.
constexpr unsigned most_blocks = 256;
constexpr size_t most_variables = 100'000;

unsigned line_of(const Dwarf_Die& die) {
  auto attribute = attribute_of(die, DW_AT_decl_line);
  Dwarf_Word line = 0;
  if (!attribute || dwarf_formudata(&*attribute, &line) != 0 || line > UINT32_MAX) return 0;
  return static_cast<unsigned>(line);
}

class Reader {
 public:
  /// `line` is that of the frame.
  Reader(uint64_t address, unsigned line, bool is_go)
      : address_(address), line_(line), is_go_(is_go) {}

  FrameScope read(const Dwarf_Die& function) {
    function_line_ = line_of(function);
    read_block(function, 0);
    if (is_go_) leave_out_what_comes_later();
    FrameScope scope;
    scope.parameters = std::move(parameters_);
    scope.declared_here = std::move(declared_here_);
    // The innermost block was read last.
    unsigned deepest = 0;
    for (const Variable& local : locals_) deepest = std::max(deepest, local.depth);
    for (unsigned depth = deepest + 1; depth-- > 0;) {
      for (const Variable& local : locals_) {
        if (local.depth != depth) continue;
        scope.locals.push_back(local);
        scope.locals.back().depth = innermost_ - depth;
      }
    }
    mark_hidden(scope);
    return scope;
  }

 private:
  /// `depth` is 0 for the function itself.
  void read_block(const Dwarf_Die& block, unsigned depth) {
    if (depth > most_blocks) return;
    innermost_ = std::max(innermost_, depth);
    std::unordered_set<const void*> copied;
    for_each_child(block, [&](const Dwarf_Die& child) {
      Dwarf_Die origin;
      if (sym::reference_attribute(child, DW_AT_abstract_origin, origin))
        copied.insert(origin.addr);
      read_child(child, depth);
      return true;
    });
    // What a copy leaves out is optimised out there, but still has a name.
    Dwarf_Die origin;
    if (!sym::reference_attribute(block, DW_AT_abstract_origin, origin)) return;
    for_each_child(origin, [&](const Dwarf_Die& child) {
      const int tag = tag_of(child);
      if (tag == DW_TAG_formal_parameter || tag == DW_TAG_variable) {
        if (!copied.contains(child.addr)) add(child, depth);
      }
      return true;
    });
  }

  void read_child(const Dwarf_Die& child, unsigned depth) {
    switch (tag_of(child)) {
      case DW_TAG_formal_parameter:
      case DW_TAG_variable:
        add(child, depth);
        break;
      case DW_TAG_GNU_formal_parameter_pack:
        for_each_child(child, [&](const Dwarf_Die& parameter) {
          if (tag_of(parameter) == DW_TAG_formal_parameter) add(parameter, depth);
          return true;
        });
        break;
      case DW_TAG_lexical_block:
      case DW_TAG_try_block:
      case DW_TAG_catch_block: {
        Dwarf_Die entry = child;
        if (dwarf_haspc(&entry, address_) > 0) read_block(child, depth + 1);
        break;
      }
      default:
        break;
    }
  }

  void add(const Dwarf_Die& die, unsigned depth) {
    if (parameters_.size() + locals_.size() >= most_variables) return;
    Variable variable;
    variable.die = die;
    variable.name = name_of(die);
    variable.is_parameter = tag_of(die) == DW_TAG_formal_parameter;
    variable.is_artificial = attribute_of(die, DW_AT_artificial).has_value();
    variable.line = line_of(die);
    variable.depth = depth;
    if (is_go_ && !fit_to_go(variable)) return;
    (variable.is_parameter && depth == 0 ? parameters_ : locals_).push_back(std::move(variable));
  }

  /// The compiler names variables that have moved to the heap, where their pointers are, "&x".
  /// @return false for what nobody has written.
  static bool fit_to_go(Variable& variable) {
    std::string& name = variable.name;
    if (name.starts_with('&')) name.erase(0, 1);
    auto result = attribute_of(variable.die, DW_AT_variable_parameter);
    bool is_result = false;
    variable.is_result =
        variable.is_parameter && result && dwarf_formflag(&*result, &is_result) == 0 && is_result;
    return !name.starts_with('.') && name != "_";
  }

  /// A declaration in Go is good from behind it on; its block begins before.
  void leave_out_what_comes_later() {
    if (line_ == 0) return;
    for (const Variable& local : locals_) {
      if (local.line == line_ && !is_captured(local)) declared_here_.push_back(local);
    }
    std::erase_if(
        locals_, [&](const Variable& local) { return local.line >= line_ && !is_captured(local); });
  }

  /// What a closure has captured is declared where the closure is, says its debug information.
  bool is_captured(const Variable& variable) const {
    return has_attribute(variable.die, at_go_closure_offset) ||
           (variable.depth == 0 && variable.line == function_line_);
  }

  void mark_hidden(FrameScope& scope) const {
    std::unordered_map<std::string_view, Variable*> seen;
    for (auto* const list : {&scope.locals, &scope.parameters}) {
      for (Variable& variable : *list) {
        if (variable.name.empty()) continue;
        Variable*& first = seen[variable.name];
        if (first == nullptr) {
          first = &variable;
          continue;
        }
        // Blocks that the compiler of Go has merged: the later declaration counts.
        const bool is_later = is_go_ && !variable.is_parameter && !first->is_parameter &&
                              variable.depth == first->depth && variable.line > first->line;
        (is_later ? first : &variable)->is_hidden = true;
        if (is_later) first = &variable;
      }
    }
  }

  uint64_t address_;
  unsigned line_;
  bool is_go_;
  unsigned function_line_ = 0;
  unsigned innermost_ = 0;
  std::vector<Variable> parameters_, locals_, declared_here_;
};

}  // namespace

FrameScope scope_of(const Frame& frame) {
  const sym::LoadedModule* const module = frame.module();
  const Dwarf_Die& function = frame.function().die;
  if (module == nullptr || function.addr == nullptr) return {};
  const auto lock = module->module->lock();
  const uint64_t address = module->to_file(frame.lookup()) - module->module->debug_bias();
  const unsigned line = frame.line() ? frame.line()->line : 0;
  return Reader(address, line, is_go(language_of(function))).read(function);
}

std::optional<Variable> find_variable(const FrameScope& scope, std::string_view name) {
  for (const auto* const list : {&scope.locals, &scope.parameters, &scope.declared_here}) {
    for (const Variable& variable : *list) {
      if (variable.name == name && !variable.is_hidden) return variable;
    }
  }
  return std::nullopt;
}

}  // namespace clew::value
