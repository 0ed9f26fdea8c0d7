#include "sym/go_table.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "base/addr.h"
#include "sym/byte_reader.h"
#include "sym/code_tables.h"
#include "sym/static_words.h"

namespace clew::sym {
namespace {

constexpr uint32_t magic_of_118 = 0xfffffff0;
constexpr uint32_t magic_of_120 = 0xfffffff1;
constexpr size_t header_size = 72;
/// Numbers of tables: of the data that goes by address, and of the data that goes by function
/// (runtime/funcdata.h).
constexpr uint32_t inlined_index_table = 2;
constexpr uint32_t inlined_tree_data = 3;
constexpr uint32_t no_offset = UINT32_MAX;
/// Calls that were inlined into each other.
constexpr int deepest_inlining = 256;
/// A runtime.moduledata has some 80 words; what is looked for lies in its first half.
constexpr size_t most_module_words = 64;
/// The numbers of registers in DWARF (x86-64 psABI, 3.6.2).
constexpr uint16_t stack_pointer = 7;
constexpr uint16_t return_address = 16;

/// Where the table can be: the linker of Go gives it a section of its own, ld may put it into
/// another.
std::vector<uint64_t> candidates(const ElfImage& image) {
  for (const char* const name : {".gopclntab", ".data.rel.ro.gopclntab"}) {
    if (const ElfImage::Section* const section = image.find_section(name))
      return {section->address};
  }
  std::vector<uint64_t> found;
  if (image.find_section(".go.buildinfo") == nullptr) return found;
  for (const char* const name : {".data.rel.ro", ".rodata"}) {
    const ElfImage::Section* const section = image.find_section(name);
    if (section == nullptr) continue;
    const Bytes bytes = image.raw(*section);
    for (size_t at = (-section->address) % word_size; at + header_size <= bytes.size();
         at += word_size) {
      uint32_t magic = 0;
      std::memcpy(&magic, bytes.data() + at, sizeof magic);
      if (magic == magic_of_118 || magic == magic_of_120) found.push_back(section->address + at);
    }
  }
  return found;
}

}  // namespace

std::unique_ptr<GoTable> GoTable::open(const ElfImage& image) {
  for (const uint64_t address : candidates(image)) {
    std::unique_ptr<GoTable> table(new GoTable);
    if (!table->read_header(image, address)) continue;
    if (!table->find_module(image) && table->text_ == 0) continue;
    if (table->read_functions()) return table;
  }
  return nullptr;
}

bool GoTable::read_header(const ElfImage& image, uint64_t address) {
  bytes_ = image.loaded_from(address);
  address_ = address;
  ByteReader reader(bytes_);
  const uint32_t magic = reader.u32();
  if (magic != magic_of_118 && magic != magic_of_120) return false;
  has_start_lines_ = magic == magic_of_120;
  const uint16_t padding = reader.u16();
  const uint8_t step = reader.u8();
  const uint8_t pointer_size = reader.u8();
  if (padding != 0 || step != 1 || pointer_size != word_size) return false;
  count_ = reader.u64();
  (void)reader.u64();  // the number of files
  text_ = reader.u64();
  names_ = reader.u64();
  units_ = reader.u64();
  files_ = reader.u64();
  tables_ = reader.u64();
  functions_at_ = reader.u64();
  const auto is_inside = [&](uint64_t offset) { return offset < bytes_.size(); };
  return !reader.failed() && is_inside(names_) && is_inside(units_) && is_inside(files_) &&
         is_inside(tables_) && is_inside(functions_at_) &&
         count_ < (bytes_.size() - functions_at_) / word_size;
}

/// The description of the module begins with a pointer to the table, and knows where the code is,
/// which from Go 1.26 on the table itself does not.
bool GoTable::find_module(const ElfImage& image) {
  const StaticWords words(image);
  std::vector<uint64_t> places = words.relocated_to(address_);
  if (places.empty()) {
    for (const ElfImage::Section& section : image.sections()) {
      if (section.type != SHT_PROGBITS || (section.flags & SHF_ALLOC) == 0 ||
          (section.flags & SHF_EXECINSTR) != 0 || section.address == address_) {
        continue;
      }
      const Bytes bytes = image.raw(section);
      for (size_t at = (-section.address) % word_size; at + word_size <= bytes.size();
           at += word_size) {
        uint64_t word = 0;
        std::memcpy(&word, bytes.data() + at, sizeof word);
        if (word == address_) places.push_back(section.address + at);
      }
    }
  }
  const uint64_t first = number(functions_at_);
  const uint64_t last = number(functions_at_ + count_ * word_size);
  for (const uint64_t place : places) {
    const auto word = [&](size_t index) { return words.at(place + index * word_size).value_or(0); };
    // The first slice is that of the functions' names.
    if (word(1) != address_ + names_) continue;
    // From the first to behind the last address of code, then that code's beginning.
    for (size_t i = 2; i < most_module_words; ++i) {
      const uint64_t start = word(i);
      if (start == 0 || word(i + 1) - start != last - first || word(i + 2) != start - first)
        continue;
      module_.address = place;
      module_.text = {word(i + 2), word(i + 3)};
      text_ = module_.text.start;
      read_module(image, words, place + (i + 4) * word_size);
      return true;
    }
  }
  return false;
}

/// Behind the code come the variables, then constants: types and others. Before the list of
/// sections of code, whose first one begins where the code does, stand the function data and, from
/// Go 1.26 on, the end of this table.
void GoTable::read_module(const ElfImage& image, const StaticWords& words, uint64_t behind_text) {
  const auto word = [&](size_t index) {
    return words.at(behind_text + index * word_size).value_or(0);
  };
  for (size_t i = 0; i < module_.data.size(); ++i) module_.data[i] = {word(2 * i), word(2 * i + 1)};
  for (size_t i = 2 * module_.data.size(); i < most_module_words; ++i) {
    const uint64_t list = word(i);
    const uint64_t count = word(i + 1);
    if (list == 0 || count == 0 || count > word(i + 2) || count > UINT16_MAX) continue;
    if (words.at(list) != uint64_t{0} || words.at(list + 2 * word_size) != text_) continue;
    const uint64_t before = word(i - 1);
    const bool is_end = before >= address_ + functions_at_ && before <= address_ + bytes_.size();
    const size_t behind = is_end ? i - 1 : i;
    function_data_ = image.loaded_from(word(behind - 1));
    std::vector<uint64_t> starts;
    for (size_t j = 2 * module_.data.size(); j < behind; ++j) {
      if (!image.loaded_from(word(j)).empty()) starts.push_back(word(j));
    }
    std::sort(starts.begin(), starts.end());
    for (size_t j = 0; j + 1 < starts.size(); ++j) {
      if (starts[j] < starts[j + 1]) module_.constants.push_back({starts[j], starts[j + 1]});
    }
    return;
  }
}

uint32_t GoTable::number(uint64_t offset) const {
  uint32_t value = 0;
  if (offset > bytes_.size() || bytes_.size() - offset < sizeof value) return 0;
  std::memcpy(&value, bytes_.data() + offset, sizeof value);
  return value;
}

std::string_view GoTable::text(uint64_t offset) const {
  if (offset >= bytes_.size()) return {};
  const auto* const start = reinterpret_cast<const char*>(bytes_.data() + offset);
  const size_t most = bytes_.size() - offset;
  const void* const end = std::memchr(start, 0, most);
  return end == nullptr ? std::string_view()
                        : std::string_view(start, static_cast<const char*>(end));
}

bool GoTable::read_functions() {
  functions_.reserve(count_);
  for (uint64_t i = 0; i < count_; ++i) {
    const uint64_t at = functions_at_ + i * word_size;
    Function function;
    function.start = text_ + number(at);
    function.end = text_ + number(at + word_size);
    function.record = functions_at_ + number(at + sizeof(uint32_t));
    function.name = text(names_ + number(function.record + sizeof(uint32_t)));
    if (function.end < function.start) return false;
    functions_.push_back(function);
    // Traces leave it out as well (cmd/internal/objabi, funcid.go).
    if (function.name == "runtime.deferreturn") wrapper_kind_ = kind_of(function);
  }
  if (wrapper_kind_ == uint8_t{0}) wrapper_kind_.reset();  // of ordinary functions
  return true;
}

const GoTable::Function* GoTable::find(uint64_t address) const {
  const auto after =
      std::upper_bound(functions_.begin(), functions_.end(), address,
                       [](uint64_t a, const Function& function) { return a < function.start; });
  if (after == functions_.begin()) return nullptr;
  const Function& function = *std::prev(after);
  return address < function.end ? &function : nullptr;
}

size_t GoTable::record_size() const { return has_start_lines_ ? 44 : 40; }

/// Four bytes end a record: what kind of function it is, flags, none, and how many further tables.
std::optional<uint8_t> GoTable::kind_of(const Function& function) const {
  const size_t size = record_size();
  if (function.record > bytes_.size() || bytes_.size() - function.record < size)
    return std::nullopt;
  return std::to_integer<uint8_t>(bytes_[function.record + size - 4]);
}

std::optional<GoTable::Record> GoTable::record(const Function& function) const {
  const size_t size = record_size();
  if (function.record > bytes_.size() || bytes_.size() - function.record < size)
    return std::nullopt;
  const auto at = [&](size_t index) { return number(function.record + index * sizeof(uint32_t)); };
  Record record;
  record.frame_table = at(4);
  record.file_table = at(5);
  record.line_table = at(6);
  record.data_count = at(7);
  record.unit = at(8);
  record.function_data_count = std::to_integer<uint8_t>(bytes_[function.record + size - 1]);
  record.tables = function.record + size;
  return record;
}

GoTable::Values::Values(const GoTable& table, const Function& function, uint32_t offset)
    : reader_(offset == 0 || table.tables_ + offset >= table.bytes_.size()
                  ? Bytes()
                  : table.bytes_.subspan(table.tables_ + offset)),
      end_(function.end),
      value_{-1, function.start, function.start} {}

/// A table is a list of steps: by how much the value changes, and for how many bytes of code it
/// holds then.
const GoTable::Value* GoTable::Values::next() {
  const uint64_t change = reader_.uleb();
  if (change == 0 && !std::exchange(is_first_, false)) return nullptr;
  is_first_ = false;
  const auto signed_change =
      static_cast<int32_t>(static_cast<uint32_t>(change >> 1) ^ (change & 1 ? ~0u : 0u));
  value_.value = static_cast<int32_t>(static_cast<uint32_t>(value_.value) +
                                      static_cast<uint32_t>(signed_change));
  const uint64_t length = reader_.uleb();
  if (reader_.failed() || length > end_ - value_.end) return nullptr;
  value_.start = value_.end;
  value_.end += length;
  return &value_;
}

std::optional<GoTable::Value> GoTable::value_at(const Function& function, uint32_t table,
                                                uint64_t address) const {
  Values values(*this, function, table);
  while (const Value* const value = values.next()) {
    if (address < value->end) return *value;
  }
  return std::nullopt;
}

std::vector<GoTable::Row> GoTable::rows(const Function& function) const {
  std::vector<Row> rows;
  const auto fixed = record(function);
  if (!fixed) return rows;
  Values lines(*this, function, fixed->line_table);
  Values files(*this, function, fixed->file_table);
  const Value* line = lines.next();
  const Value* in_file = files.next();
  while (line != nullptr && in_file != nullptr) {
    const Row row{std::max(line->start, in_file->start), std::min(line->end, in_file->end),
                  file(*fixed, in_file->value), static_cast<unsigned>(std::max(line->value, 0))};
    if (row.start < row.end) rows.push_back(row);
    const bool line_ends = line->end <= in_file->end;
    const bool file_ends = in_file->end <= line->end;
    if (line_ends) line = lines.next();
    if (file_ends) in_file = files.next();
  }
  return rows;
}

uint64_t GoTable::behind_stack_check(const Function& function) const {
  const auto fixed = record(function);
  if (!fixed) return function.start;
  Values sizes(*this, function, fixed->frame_table);
  const Value* const first = sizes.next();
  if (first == nullptr || first->value != 0) return function.start;
  const uint64_t behind = first->end;
  const Value* const second = sizes.next();
  return second != nullptr && second->value > 0 ? behind : function.start;
}

std::string_view GoTable::file(const Record& record, int32_t number_in_unit) const {
  if (number_in_unit < 0) return {};
  const uint64_t at =
      units_ + (uint64_t{record.unit} + static_cast<uint32_t>(number_in_unit)) * sizeof(uint32_t);
  if (at >= files_) return {};
  const uint32_t offset = number(at);
  return offset == no_offset ? std::string_view() : text(files_ + offset);
}

std::optional<GoTable::Row> GoTable::row(uint64_t address) const {
  const Function* const function = find(address);
  const auto fixed = function == nullptr ? std::nullopt : record(*function);
  if (!fixed) return std::nullopt;
  const auto line = value_at(*function, fixed->line_table, address);
  const auto in_file = value_at(*function, fixed->file_table, address);
  if (!line || !in_file || line->value < 0) return std::nullopt;
  Row row;
  row.start = std::max(line->start, in_file->start);
  row.end = std::min(line->end, in_file->end);
  row.line = static_cast<unsigned>(line->value);
  row.file = file(*fixed, in_file->value);
  return row;
}

Bytes GoTable::function_data(const Function& function, uint32_t index) const {
  const auto fixed = record(function);
  if (!fixed || fixed->function_data_count <= index) return {};
  const uint64_t at = fixed->tables + (uint64_t{fixed->data_count} + index) * sizeof(uint32_t);
  const uint32_t offset = number(at);
  if (offset == no_offset || offset >= function_data_.size()) return {};
  return function_data_.subspan(offset);
}

std::optional<GoTable::Copy> GoTable::copy_at(const Function& function, const Record& record,
                                              uint64_t address) const {
  if (record.data_count <= inlined_index_table) return std::nullopt;
  const auto index =
      value_at(function, number(record.tables + inlined_index_table * sizeof(uint32_t)), address);
  if (!index || index->value < 0) return std::nullopt;
  const Bytes tree = function_data(function, inlined_tree_data);
  const size_t size = has_start_lines_ ? 16 : 20;
  const uint64_t at = static_cast<uint64_t>(index->value) * size;
  if (at + size > tree.size()) return std::nullopt;
  ByteReader reader(tree.subspan(at, size));
  reader.skip(has_start_lines_ ? 4 : 12);
  Copy copy;
  copy.name = text(names_ + reader.u32());
  copy.parent = function.start + reader.u32();
  if (copy.name.empty() || copy.parent >= function.end) return std::nullopt;
  return copy;
}

std::vector<GoTable::Place> GoTable::places(uint64_t address) const {
  std::vector<Place> places;
  const Function* const function = find(address);
  const auto fixed = function == nullptr ? std::nullopt : record(*function);
  if (!fixed) return places;
  for (int i = 0; i < deepest_inlining; ++i) {
    const auto copy = copy_at(*function, *fixed, address);
    Place& place = places.emplace_back();
    place.function = copy ? copy->name : function->name;
    place.is_inlined = copy.has_value();
    if (const auto at = row(address)) {
      place.file = at->file;
      place.line = at->line;
    }
    if (!copy) break;
    address = copy->parent;
  }
  // A tree that has no end is broken.
  if (places.back().is_inlined) return {{function->name, {}, 0, false}};
  return places;
}

std::optional<int64_t> GoTable::frame_size(uint64_t address) const {
  const Function* const function = find(address);
  const auto fixed = function == nullptr ? std::nullopt : record(*function);
  if (!fixed) return std::nullopt;
  const auto size = value_at(*function, fixed->frame_table, address);
  if (!size || size->value < 0) return std::nullopt;
  return size->value;
}

std::optional<UnwindRow> GoTable::unwind_row(uint64_t address) const {
  const auto size = frame_size(address);
  if (!size) return std::nullopt;
  UnwindRow row;
  row.start = address;
  row.end = address + 1;
  row.cfa.kind = RegisterRule::Kind::in_register;
  row.cfa.reg = stack_pointer;
  row.cfa.offset = *size + static_cast<int64_t>(word_size);
  row.return_address = return_address;
  RegisterRule saved;
  saved.kind = RegisterRule::Kind::at_offset;
  saved.offset = -static_cast<int64_t>(word_size);
  row.rules.emplace_back(return_address, saved);
  return row;
}

const GoTable* go_table(const Module& module) {
  const auto lock = module.lock();
  return module.code_tables().go_table();
}

}  // namespace clew::sym
