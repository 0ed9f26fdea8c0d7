#include "value/scope.h"

#include <dwarf.h>

#include <algorithm>
#include <unordered_set>

#include "value/dwarf_read.h"

namespace clew::value {
namespace {

/// Blocks in one another, variables in one function: more than any has.
constexpr unsigned most_blocks = 256;
constexpr size_t most_variables = 100'000;

std::string name_of(const Dwarf_Die& die) {
  auto attribute = attribute_of(die, DW_AT_name);
  const char* const text = attribute ? dwarf_formstring(&*attribute) : nullptr;
  return text == nullptr ? std::string() : std::string(text);
}

unsigned line_of(const Dwarf_Die& die) {
  auto attribute = attribute_of(die, DW_AT_decl_line);
  Dwarf_Word line = 0;
  if (!attribute || dwarf_formudata(&*attribute, &line) != 0 || line > UINT32_MAX) return 0;
  return static_cast<unsigned>(line);
}

class Reader {
 public:
  explicit Reader(uint64_t address) : address_(address) {}

  FrameScope read(const Dwarf_Die& function) {
    read_block(function, 0);
    FrameScope scope;
    scope.parameters = std::move(parameters_);
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
    (variable.is_parameter && depth == 0 ? parameters_ : locals_).push_back(std::move(variable));
  }

  static void mark_hidden(FrameScope& scope) {
    std::unordered_set<std::string> seen;
    for (auto* const list : {&scope.locals, &scope.parameters}) {
      for (Variable& variable : *list) {
        if (!variable.name.empty()) variable.is_hidden = !seen.insert(variable.name).second;
      }
    }
  }

  uint64_t address_;
  unsigned innermost_ = 0;
  std::vector<Variable> parameters_, locals_;
};

}  // namespace

FrameScope scope_of(const Frame& frame) {
  const sym::LoadedModule* const module = frame.module();
  const Dwarf_Die& function = frame.function().die;
  if (module == nullptr || function.addr == nullptr) return {};
  const auto lock = module->module->lock();
  const uint64_t address = module->to_file(frame.lookup()) - module->module->debug_bias();
  return Reader(address).read(function);
}

std::optional<Variable> find_variable(const FrameScope& scope, std::string_view name) {
  for (const auto* const list : {&scope.locals, &scope.parameters}) {
    for (const Variable& variable : *list) {
      if (variable.name == name && !variable.is_hidden) return variable;
    }
  }
  return std::nullopt;
}

}  // namespace clew::value
