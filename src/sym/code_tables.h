#pragma once

#include <elfutils/libdw.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "sym/go_table.h"
#include "sym/interval_map.h"
#include "sym/line_table.h"
#include "sym/module.h"
#include "sym/range_reader.h"
#include "sym/unit_code.h"
#include "sym/unit_shapes.h"

namespace clew::sym {

/// How a function is called, whichever of its copies is looked at.
struct FunctionName {
  std::string name;          ///< with scopes
  std::string linkage_name;  ///< empty when it has none
  int language = 0;          ///< DW_LANG_… of the unit that declares it; 0 when unknown
};

/// What has been read of a module's code so far: which unit an address belongs to, the functions of
/// the units that were asked about, their line tables and names. Each is read at its first use.
/// Addresses are those of the debug information (see Module::debug_bias). Used under the module's
/// lock.
class CodeTables {
 public:
  explicit CodeTables(const Module& module) : module_(module) {}

  /// The units with code, in the order of the debug information. Of split ones it is the skeleton:
  /// see Module::complete_unit.
  const std::vector<Dwarf_Die>& units();
  /// @return nullptr when no unit covers the address.
  UnitCode* unit_at(uint64_t address);
  /// The unit that an entry is in; nullptr when that is not known.
  UnitCode* unit_of(const Dwarf_Die& die);

  /// The line table of a unit; nullptr when it has none.
  const LineTable* lines_of(const Dwarf_Die& unit);
  /// The table whose files the entries of a unit name by number (DW_AT_decl_file, DW_AT_call_file);
  /// nullptr when there is none. The one of lines_of(), except in split units.
  const LineTable* files_of(const Dwarf_Die& unit);
  /// Every line table that names a file whose last part is `file_name`.
  std::vector<const LineTable*> lines_with_file(std::string_view file_name);

  /// The name of a function by any of its entries: a copy, a definition, a declaration.
  const FunctionName& name_of(const Dwarf_Die& function);
  /// What Go's linker has left for its own traces; nullptr for files that are not of Go.
  const GoTable* go_table();

  /// The ELF symbol at the very entry of a function; empty when there is none.
  std::string_view symbol_of(const Dwarf_Die& function) const;

 private:
  /// Made when debug information is asked for: finding and decompressing that takes its time.
  RangeReader& range_reader();
  void read_units();
  void add_unit(Dwarf_Die unit, std::vector<IntervalMap<uint32_t>::Item>& ranges);
  UnitCode* code_of(const Dwarf_Die& unit);
  const LineTable* table_at(Dwarf* dwarf, uint64_t offset, const Dwarf_Die& unit);
  const LineSections& line_sections(Dwarf* dwarf);
  bool spend_on_lines(uint64_t program_size);

  const Module& module_;
  std::optional<RangeReader> ranges_;
  ShapeCache shapes_;
  bool units_are_read_ = false;
  std::vector<Dwarf_Die> units_;
  IntervalMap<uint32_t> unit_at_;
  std::unordered_map<Dwarf_CU*, std::unique_ptr<UnitCode>> unit_code_;
  /// The skeletons of split units.
  std::unordered_map<Dwarf_CU*, Dwarf_Die> skeletons_;
  std::unordered_map<Dwarf*, LineSections> line_sections_;
  /// By where the program stands.
  std::unordered_map<const std::byte*, std::unique_ptr<LineTable>> lines_;
  uint64_t line_budget_ = 0;  // bytes of programs that may still be run
  std::unordered_map<const void*, FunctionName> names_;
  std::optional<std::unique_ptr<GoTable>> go_table_;
};

}  // namespace clew::sym
