#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "sym/dwarf_bytes.h"

namespace clew::sym {

/// The sections that line number information is in; views.
struct LineSections {
  Bytes line;      ///< .debug_line
  Bytes line_str;  ///< .debug_line_str
  Bytes str;       ///< .debug_str
};

/// The header of a line number program (DWARF 5, 6.2.4; and 2 to 4): its files and how its opcodes
/// are read.
class LineHeader {
 public:
  /// Reads the header at `offset` of .debug_line. What does not make sense is left out; a program
  /// that cannot be read at all is empty.
  LineHeader(const LineSections& sections, uint64_t offset);

  /// False when there is no header of a known version there.
  bool valid() const { return valid_; }
  unsigned version() const { return version_; }

  /// How many files there are, index() runs from first_file() on.
  size_t file_count() const { return files_.size(); }
  /// The name as it stands there, without its directory; empty when there is no such file.
  std::string_view file_name(uint64_t index) const;
  /// True when the last part of a file's path is `name`.
  bool names_file(std::string_view name) const;
  /// The whole path, absolute when `compilation_directory` is.
  std::string path(uint64_t index, std::string_view compilation_directory) const;
  /// The number of the first file: 0 since DWARF 5, 1 before.
  uint64_t first_file() const { return version_ >= 5 ? 0 : 1; }

  // How the program is run.
  DwarfCursor program() const { return program_; }
  uint64_t program_size() const { return program_.left(); }
  unsigned address_size() const { return address_size_; }
  unsigned minimum_instruction_length() const { return minimum_instruction_length_; }
  bool default_is_statement() const { return default_is_statement_; }
  int line_base() const { return line_base_; }
  unsigned line_range() const { return line_range_; }
  unsigned opcode_base() const { return opcode_base_; }
  /// How many LEB128 operands a standard opcode has.
  unsigned operand_count(unsigned opcode) const {
    return opcode - 1 < operand_counts_.size() ? operand_counts_[opcode - 1] : 0;
  }

 private:
  struct File {
    std::string_view name;
    uint64_t directory = 0;
  };

  void read_old_tables(DwarfCursor& reader);
  void read_tables(DwarfCursor& reader, const LineSections& sections, unsigned offset_size);

  bool valid_ = false;
  unsigned version_ = 0;
  unsigned address_size_ = 8;
  unsigned minimum_instruction_length_ = 1;
  bool default_is_statement_ = true;
  int line_base_ = 0;
  unsigned line_range_ = 1;
  unsigned opcode_base_ = 1;
  std::vector<uint8_t> operand_counts_;
  std::vector<std::string_view> directories_;
  std::vector<File> files_;
  DwarfCursor program_;
};

}  // namespace clew::sym
