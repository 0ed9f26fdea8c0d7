#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sym/byte_reader.h"
#include "sym/elf_image.h"
#include "sym/unwind_row.h"

namespace clew::sym {

class Module;
class StaticWords;

/// What Go's linker leaves in every program for its own traces (.gopclntab, since Go 1.18): the
/// functions with their lines, inlined copies and frame sizes. strip(1) and -ldflags=-s -w do not
/// take it away. Addresses are the file's own. Immutable; every index and offset in the file is
/// checked.
class GoTable {
 public:
  struct Function {
    uint64_t start = 0, end = 0;
    std::string_view name;  ///< "main.(*T).f"; a view into the image
    uint64_t record = 0;    ///< where its record is, from the table's beginning
  };
  /// A function that an address belongs to, and where it is in it.
  struct Place {
    std::string_view function;
    std::string_view file;
    unsigned line = 0;
    bool is_inlined = false;
  };
  /// A row of the table of lines.
  struct Row {
    uint64_t start = 0, end = 0;
    std::string_view file;
    unsigned line = 0;
  };

  /// @return nullptr when the image has none, or one of a version that is not known. `image` must
  /// outlive it.
  static std::unique_ptr<GoTable> open(const ElfImage& image);

  /// By address.
  const std::vector<Function>& functions() const { return functions_; }
  const Function* find(uint64_t address) const;

  /// True for what the compiler has made: a call that a go or defer statement makes later, a
  /// method for another type. The runtime's own traces leave such functions out.
  bool is_wrapper(const Function& function) const {
    return wrapper_kind_ && kind_of(function) == wrapper_kind_;
  }

  /// The functions that an address belongs to, innermost first, as for functions_at().
  std::vector<Place> places(uint64_t address) const;
  /// The line at an address, of the innermost inlined copy.
  std::optional<Row> row(uint64_t address) const;
  /// All rows of a function, by address.
  std::vector<Row> rows(const Function& function) const;
  /// Where a function's frame begins to be made: behind the look whether the stack has room for it,
  /// which is made once more when it has not. `start` itself for a function without such a look.
  uint64_t behind_stack_check(const Function& function) const;
  /// How many bytes lie between the stack pointer and the return address. @return nullopt when the
  /// table does not say.
  std::optional<int64_t> frame_size(uint64_t address) const;
  /// The same as a row for the unwinder: the CFA and where the return address is.
  std::optional<UnwindRow> unwind_row(uint64_t address) const;

  /// One of the further tables that go by function (FUNCDATA of runtime/funcdata.h), from its
  /// beginning to the end of all such data; empty when the function has none.
  Bytes function_data(const Function& function, uint32_t index) const;

  /// What the linker's description of the module (runtime.moduledata) says.
  struct Stretch {
    uint64_t start = 0, end = 0;
  };
  struct ModuleData {
    uint64_t address = 0;           ///< of the description itself; 0 when it was not found
    Stretch text;                   ///< code of Go
    std::array<Stretch, 4> data{};  ///< variables: without and with pointers, set and zero
    /// Constants, in pieces: one of them has the descriptions of types. Where in the description
    /// that one is has changed, so that its reader has to see which makes sense.
    std::vector<Stretch> constants;
  };
  const ModuleData& module_data() const { return module_; }

 private:
  /// The fixed part of a function's record (runtime._func).
  struct Record {
    uint32_t frame_table = 0, file_table = 0, line_table = 0;
    uint32_t data_count = 0;
    uint32_t unit = 0;
    uint8_t function_data_count = 0;
    uint64_t tables = 0;  ///< where the numbers of further tables follow
  };
  /// A value that a table has for a range of addresses.
  struct Value {
    int32_t value = 0;
    uint64_t start = 0, end = 0;
  };
  /// Goes through such a table from its beginning.
  class Values {
   public:
    Values(const GoTable& table, const Function& function, uint32_t offset);
    /// @return nullptr at the end.
    const Value* next();

   private:
    ByteReader reader_;
    uint64_t end_;
    Value value_;
    bool is_first_ = true;
  };
  /// One inlined copy (runtime.inlinedCall).
  struct Copy {
    std::string_view name;
    uint64_t parent = 0;  ///< address in the function around it
  };

  GoTable() = default;
  bool read_header(const ElfImage& image, uint64_t address);
  bool find_module(const ElfImage& image);
  void read_module(const ElfImage& image, const StaticWords& words, uint64_t behind_text);
  bool read_functions();

  uint32_t number(uint64_t offset) const;
  std::string_view text(uint64_t offset) const;
  size_t record_size() const;
  std::optional<uint8_t> kind_of(const Function& function) const;
  std::optional<Record> record(const Function& function) const;
  std::optional<Value> value_at(const Function& function, uint32_t table, uint64_t address) const;
  std::string_view file(const Record& record, int32_t number) const;
  std::optional<Copy> copy_at(const Function& function, const Record& record,
                              uint64_t address) const;

  Bytes bytes_;                   ///< from the header on
  uint64_t address_ = 0;          ///< of the header
  bool has_start_lines_ = false;  ///< records as from Go 1.20 on
  /// The funcID of wrappers, whose number is another in each release.
  std::optional<uint8_t> wrapper_kind_;
  uint64_t count_ = 0;
  uint64_t names_ = 0, units_ = 0, files_ = 0, tables_ = 0, functions_at_ = 0;
  uint64_t text_ = 0;
  ModuleData module_;
  Bytes function_data_;  ///< go:func.*, what offsets of function data are relative to
  std::vector<Function> functions_;
};

/// The one of a module; nullptr for files that are not of Go. Takes the module's lock, and lives as
/// long as the module.
const GoTable* go_table(const Module& module);

}  // namespace clew::sym
