#pragma once

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "lang/cpp/printers.h"
#include "os/process_memory.h"
#include "session/symbols.h"
#include "support.h"
#include "sym/demangle.h"
#include "sym/name_query.h"
#include "value/memory_cache.h"
#include "value/rendering.h"
#include "value/target.h"
#include "value/types.h"

namespace clew::test {

/// Memory of a process with some bytes of the test's own laid over it.
class OverlaidMemory final : public MemoryReader {
 public:
  explicit OverlaidMemory(MemoryReader& below) : below_(below) {}

  void lay_over(Addr start, std::vector<std::byte> bytes) {
    start_ = start;
    bytes_ = std::move(bytes);
  }
  Result<size_t> read_memory(Addr address, MutableBytes into) override {
    ++reads_;
    if (address >= start_ && address.value < start_.value + bytes_.size()) {
      const uint64_t offset = address - start_;
      const size_t count = std::min<size_t>(into.size(), bytes_.size() - offset);
      std::copy_n(bytes_.begin() + static_cast<ptrdiff_t>(offset), count, into.begin());
      return count;
    }
    return below_.read_memory(address, into);
  }
  uint64_t reads() const { return reads_; }

 private:
  MemoryReader& below_;
  Addr start_;
  std::vector<std::byte> bytes_;
  uint64_t reads_ = 0;
};

/// What values of a sample program are read from, without an attach: its files and /proc/PID/mem.
class LiveValues final : public value::Target, public value::DefinitionFinder {
 public:
  explicit LiveValues(pid_t pid)
      : proc_(std::move(*os::ProcDir::open(pid))),
        memory_(proc_),
        overlaid_(memory_),
        cache_(overlaid_),
        symbols_(proc_, {}) {
    types_.set_finder(this);
  }

  MemoryReader& memory() override { return cache_; }
  value::Types& types() override { return types_; }
  const sym::ModuleMap& modules() override { return symbols_.modules(); }
  OverlaidMemory& overlaid() { return overlaid_; }
  void forget() { cache_.forget(); }

  std::optional<value::NamedAddress> name_of(Addr address) override {
    const auto [known, is_new] = named_.try_emplace(address.value);
    if (is_new) known->second = find_name(address);
    return known->second;
  }

  Result<const value::Type*> find_type(std::string_view name, const value::Type*) override {
    // Base types are no definitions that an index has.
    if (name == "int") return types_.base("int", value::TypeKind::integer, sizeof(int), true);
    const auto query = sym::NameQuery::parse(name);
    if (!query) return tl::unexpected(query.error());
    for (const LoadedName& found : symbols_.find(*query, sym::type_kinds)) {
      if (found.found.die.addr == nullptr) continue;
      const value::Type* const type = types_.of(found.module.module, found.found.die);
      if (!type->is_declaration()) return type;
    }
    return fail(ErrorCode::not_found, "there is no type " + std::string(name));
  }

  std::optional<Found> find_definition(unsigned, const std::string& name,
                                       const value::Type&) override {
    const auto query = sym::NameQuery::parse(name);
    if (!query) return std::nullopt;
    for (const LoadedName& found : symbols_.find(*query, sym::type_kinds)) {
      if (found.found.die.addr != nullptr) return Found{found.module.module, found.found.die};
    }
    return std::nullopt;
  }

  /// A global variable by its name. @return nullopt when there is none.
  std::optional<value::Value> global(const std::string& name) {
    for (const LoadedName& found :
         symbols_.find(*sym::NameQuery::parse(name), sym::variable_kinds)) {
      const auto address = symbols_.variable_address(found);
      if (!address || found.found.die.addr == nullptr) continue;
      const value::Type* const type = types_.type_of(found.module.module, found.found.die);
      return value::Value::in_memory(*this, type, *address);
    }
    return std::nullopt;
  }

 private:
  std::optional<value::NamedAddress> find_name(Addr address) {
    const sym::LoadedModule* const loaded = symbols_.module_of(address);
    if (loaded == nullptr) return std::nullopt;
    const auto at = loaded->to_file(address);
    for (const bool is_code : {true, false}) {
      const sym::Symbol* const symbol = is_code ? loaded->module->symbols().find_code(at)
                                                : loaded->module->symbols().find_data(at);
      if (symbol == nullptr) continue;
      // A virtual table is known by its address point, behind two words.
      std::string name = sym::demangle(symbol->name);
      uint64_t offset = at - symbol->address;
      return value::NamedAddress{std::move(name), offset, is_code};
    }
    return std::nullopt;
  }

  os::ProcDir proc_;
  os::ProcessMemory memory_;
  OverlaidMemory overlaid_;
  value::MemoryCache cache_;
  Symbols symbols_;
  value::Types types_;
  std::map<uint64_t, std::optional<value::NamedAddress>> named_;
};

/// A sample program of tests/fixtures/values, its variables, and the printers.
class ShownProgram {
 public:
  explicit ShownProgram(const std::string& name)
      : fixture_(CLEW_FIXTURES "/values/" + name), values_(fixture_.pid()) {}

  static bool exists(const std::string& name) {
    return ::access((CLEW_FIXTURES "/values/" + name).c_str(), X_OK) == 0;
  }

  LiveValues& values() { return values_; }
  value::PrinterSet& printers() { return printers_; }
  value::PrintOptions& options() { return options_; }
  pid_t pid() const { return fixture_.pid(); }

  std::string text(const value::Value& value) const {
    const auto tree = value::render(value, printers_, options_);
    return value::to_text(tree, value::syntax_of(value.type()->stripped()->language()), options_);
  }
  /// What is shown of a global variable.
  std::string show(const std::string& name) {
    const auto value = values_.global(name);
    return value ? text(*value) : "<no variable " + name + ">";
  }
  /// What is shown of the bytes of one variable, taken for the type of another.
  std::string show_as(const std::string& name, const std::string& type_of) {
    const auto bytes = values_.global(name);
    const auto model = values_.global(type_of);
    if (!bytes || !model) return "<no variable " + (bytes ? type_of : name) + ">";
    return text(bytes->as(model->type()));
  }

 private:
  Fixture fixture_;
  LiveValues values_;
  value::PrinterSet printers_;
  value::PrintOptions options_;
};

}  // namespace clew::test
