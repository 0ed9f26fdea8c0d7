#include "sym/line_header.h"

#include <dwarf.h>

#include <algorithm>

namespace clew::sym {
namespace {

/// A program of a large unit names a thousand files. In well-formed data each takes bytes of the
/// header; only an entry format without a field could claim more of them than there are bytes.
constexpr uint64_t most_entries = 1 << 20;

std::string_view string_at(Bytes section, uint64_t offset) {
  if (offset >= section.size()) return {};
  return DwarfCursor(section.subspan(offset)).string();
}

/// One field of an entry of the tables of DWARF 5.
struct Field {
  uint64_t content = 0;  // DW_LNCT_…
  uint64_t form = 0;
};

struct FieldValue {
  std::string_view text;
  uint64_t number = 0;
};

FieldValue read_field(uint64_t form, DwarfCursor& reader, const LineSections& sections,
                      unsigned offset_size) {
  FieldValue value;
  switch (form) {
    case DW_FORM_string:
      value.text = reader.string();
      break;
    case DW_FORM_line_strp:
      value.text = string_at(sections.line_str, reader.offset(offset_size));
      break;
    case DW_FORM_strp:
      value.text = string_at(sections.str, reader.offset(offset_size));
      break;
    case DW_FORM_strp_sup:
    case DW_FORM_sec_offset:
      reader.skip(offset_size);
      break;
    case DW_FORM_udata:
    case DW_FORM_strx:
      value.number = reader.uleb();
      break;
    case DW_FORM_sdata:
      value.number = static_cast<uint64_t>(reader.sleb());
      break;
    case DW_FORM_data1:
    case DW_FORM_strx1:
    case DW_FORM_flag:
      value.number = reader.u8();
      break;
    case DW_FORM_data2:
    case DW_FORM_strx2:
      value.number = reader.u16();
      break;
    case DW_FORM_strx3:
      reader.skip(3);
      break;
    case DW_FORM_data4:
    case DW_FORM_strx4:
      value.number = reader.u32();
      break;
    case DW_FORM_data8:
      value.number = reader.u64();
      break;
    case DW_FORM_data16:
      reader.skip(16);
      break;
    case DW_FORM_block:
      reader.skip(reader.uleb());
      break;
    case DW_FORM_block1:
      reader.skip(reader.u8());
      break;
    case DW_FORM_block2:
      reader.skip(reader.u16());
      break;
    case DW_FORM_block4:
      reader.skip(reader.u32());
      break;
    default:
      reader.fail();
  }
  return value;
}

}  // namespace

LineHeader::LineHeader(const LineSections& sections, uint64_t offset) {
  if (offset >= sections.line.size()) return;
  DwarfCursor unit(sections.line.subspan(offset));
  unsigned offset_size = 4;
  const uint64_t length = unit.initial_length(offset_size);
  DwarfCursor reader(unit.bytes(std::min<uint64_t>(length, unit.left())));
  version_ = reader.u16();
  if (version_ < 2 || version_ > 5) return;
  if (version_ >= 5) {
    address_size_ = reader.u8();
    reader.skip(1);  // segment selector size
  }
  const uint64_t header_length = reader.offset(offset_size);
  DwarfCursor header(reader.bytes(std::min<uint64_t>(header_length, reader.left())));
  program_ = reader;
  minimum_instruction_length_ = header.u8();
  if (version_ >= 4) header.skip(1);  // operations in an instruction: for VLIW machines
  default_is_statement_ = header.u8() != 0;
  line_base_ = header.i8();
  line_range_ = header.u8();
  opcode_base_ = header.u8();
  for (unsigned i = 1; i < opcode_base_ && header.ok(); ++i) {
    operand_counts_.push_back(header.u8());
  }
  if (!header.ok() || line_range_ == 0 || opcode_base_ == 0) return;
  valid_ = true;
  if (version_ >= 5) {
    read_tables(header, sections, offset_size);
  } else {
    read_old_tables(header);
  }
}

void LineHeader::read_old_tables(DwarfCursor& reader) {
  directories_.emplace_back();  // 0 is the compilation directory
  while (!reader.at_end()) {
    const std::string_view directory = reader.string();
    if (directory.empty()) break;
    directories_.push_back(directory);
  }
  files_.emplace_back();
  while (!reader.at_end()) {
    File file{reader.string(), 0};
    if (file.name.empty()) break;
    file.directory = reader.uleb();
    reader.uleb();  // time
    reader.uleb();  // size
    if (reader.ok()) files_.push_back(file);
  }
}

void LineHeader::read_tables(DwarfCursor& reader, const LineSections& sections,
                             unsigned offset_size) {
  const auto read_table = [&](auto&& add) {
    std::vector<Field> format(reader.u8());
    for (Field& field : format) {
      field.content = reader.uleb();
      field.form = reader.uleb();
    }
    const uint64_t count = format.empty() ? 0 : std::min(reader.uleb(), most_entries);
    if (format.empty()) reader.uleb();
    for (uint64_t i = 0; i < count && !reader.at_end(); ++i) {
      File entry;
      for (const Field& field : format) {
        const FieldValue value = read_field(field.form, reader, sections, offset_size);
        if (field.content == DW_LNCT_path) entry.name = value.text;
        if (field.content == DW_LNCT_directory_index) entry.directory = value.number;
      }
      if (reader.ok()) add(entry);
    }
  };
  read_table([&](const File& entry) { directories_.push_back(entry.name); });
  read_table([&](const File& entry) { files_.push_back(entry); });
}

std::string_view LineHeader::file_name(uint64_t index) const {
  return index < files_.size() ? files_[index].name : std::string_view();
}

bool LineHeader::names_file(std::string_view name) const {
  return std::any_of(files_.begin(), files_.end(), [&](const File& file) {
    if (!file.name.ends_with(name)) return false;
    return file.name.size() == name.size() || file.name[file.name.size() - name.size() - 1] == '/';
  });
}

std::string LineHeader::path(uint64_t index, std::string_view compilation_directory) const {
  if (index >= files_.size() || files_[index].name.empty()) return {};
  const File& file = files_[index];
  std::string result;
  const auto append = [&](std::string_view part) {
    if (part.empty()) return;
    if (part.front() == '/') result.clear();
    if (!result.empty() && result.back() != '/') result += '/';
    result += part;
  };
  append(compilation_directory);
  if (file.directory < directories_.size()) append(directories_[file.directory]);
  append(file.name);
  return result;
}

}  // namespace clew::sym
