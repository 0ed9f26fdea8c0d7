#pragma once

#include <elfutils/libdw.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "sym/module.h"

namespace clew::sym {

/// A place in the source. `file` is as the debug information has it, made absolute with the
/// compilation directory; empty means unknown.
struct SourceLine {
  std::string file;
  unsigned line = 0;    ///< from 1; 0 means that the code belongs to no line
  unsigned column = 0;  ///< from 1; 0 means unknown

  friend bool operator==(const SourceLine&, const SourceLine&) = default;
};

/// One function that an address lies in: a real one, or a copy that was inlined into it.
struct FunctionAt {
  std::string name;  ///< as its language writes it, with scopes: "ns::Type::f"; parameters of C++
                     ///< and Rust included only when the debug information lacks a plain name
  std::string linkage_name;  ///< mangled; empty when it has none
  /// DW_TAG_subprogram or DW_TAG_inlined_subroutine; `die.addr` is nullptr when only an ELF symbol
  /// is known.
  Dwarf_Die die{};
  bool is_inlined = false;
  SourceLine call_site;  ///< of an inlined copy: where it stands in the function around it
  uint64_t entry = 0;    ///< the module's own address of its first instruction; 0 when unknown
  int language = 0;      ///< DW_LANG_… of its unit; 0 when unknown
};

/// The functions that cover an address of the module, innermost first: inlined copies and last the
/// function that holds them. From ELF symbols alone (one element, demangled) when there is no debug
/// information for it; empty when nothing is known.
std::vector<FunctionAt> functions_at(const Module& module, uint64_t address);

/// The line that the instruction at an address belongs to (DWARF 5, 6.2); nullopt when unknown.
std::optional<SourceLine> line_at(const Module& module, uint64_t address);

/// The line table row that covers an address: where it begins and ends.
struct LineRange {
  uint64_t start = 0, end = 0;
  SourceLine line;
  bool is_statement = false;
  bool is_prologue_end = false;
};
std::optional<LineRange> line_range_at(const Module& module, uint64_t address);

/// Every row for a line of a file. `file` matches whole path parts from the end ("util.c" and
/// "src/util.c" both match "/home/a/src/util.c"). When the line has no code, the rows of the
/// nearest line after it that has; `exact` says which.
struct LineCode {
  std::vector<LineRange> ranges;  ///< by address
  bool exact = true;
};
LineCode code_of_line(const Module& module, const std::string& file, unsigned line);

/// The first address behind the function's prologue, where its arguments are in place: the second
/// line of the function, or the row marked as the prologue's end. The entry itself when unknown.
uint64_t after_prologue(const Module& module, uint64_t entry);

/// Where an entry is declared (DW_AT_decl_file, DW_AT_decl_line), its own or that of what it is a
/// copy or definition of; nullopt when unknown. To be used instead of dwarf_decl_file(), which ends
/// the program (elfutils 0.188, an assertion) where a split unit has no files of its own.
std::optional<SourceLine> declared_at(const Module& module, const Dwarf_Die& die);

/// Unit whose code covers an address. @return false when there is none.
bool unit_at(const Module& module, uint64_t address, Dwarf_Die& unit);

}  // namespace clew::sym
