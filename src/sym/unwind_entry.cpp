// Entries of .eh_frame and .debug_frame. libdw can read them too, but it makes room for as many
// registers as a file claims (2 GiB for one instruction of a broken one), keeps what it has read
// for ever, and needs a lock for it.

#include "sym/unwind_entry.h"

#include <dwarf.h>

#include <string_view>

namespace clew::sym {
namespace {

/// Real ones have up to five letters.
constexpr size_t longest_augmentation = 16;

tl::unexpected<Error> broken() { return fail(ErrorCode::bad_data, "the unwind table is broken"); }

std::optional<uint64_t> read_format(ByteReader& reader, uint8_t encoding) {
  const auto widened = [](auto number) { return static_cast<uint64_t>(int64_t{number}); };
  switch (encoding & 0x0f) {
    case DW_EH_PE_absptr:
    case DW_EH_PE_udata8:
    case DW_EH_PE_sdata8:
      return reader.u64();
    case DW_EH_PE_uleb128:
      return reader.uleb();
    case DW_EH_PE_udata2:
      return reader.u16();
    case DW_EH_PE_udata4:
      return reader.u32();
    case DW_EH_PE_sleb128:
      return widened(reader.sleb());
    case DW_EH_PE_sdata2:
      return widened(reader.number<int16_t>());
    case DW_EH_PE_sdata4:
      return widened(reader.number<int32_t>());
    default:
      reader.fail();
      return std::nullopt;
  }
}

/// What the letters of the augmentation say (LSB, "The Augmentation String Format").
bool read_augmentation(ByteReader& reader, std::string_view letters, UnwindCommon& common) {
  if (letters.empty()) return true;
  if (letters.front() != 'z') return false;
  common.has_augmentation_size = true;
  ByteReader inside(reader.bytes(reader.uleb()));
  for (const char letter : letters.substr(1)) {
    if (letter == 'S') {
      common.is_signal_frame = true;
    } else if (letter == 'R') {
      common.pointer_encoding = inside.u8();
    } else if (letter == 'L') {
      inside.skip(1);
    } else if (letter == 'P') {
      const uint8_t encoding = inside.u8();
      (void)read_encoded(inside, encoding, 0, 0);
    } else {
      // Unknown ones come with their data inside the block that was skipped.
      break;
    }
  }
  return !inside.failed();
}

}  // namespace

std::optional<uint64_t> read_encoded(ByteReader& reader, uint8_t encoding, uint64_t place,
                                     uint64_t data) {
  if (encoding == DW_EH_PE_omit) return std::nullopt;
  auto value = read_format(reader, encoding);
  if (!value || reader.failed()) return std::nullopt;
  switch (encoding & 0x70) {
    case 0:
      break;
    case DW_EH_PE_pcrel:
      *value += place;
      break;
    case DW_EH_PE_datarel:
      *value += data;
      break;
    default:
      return std::nullopt;
  }
  // What an indirect pointer (of a personality routine) points to is of no use to an unwinder.
  return (encoding & DW_EH_PE_indirect) != 0 ? std::nullopt : value;
}

std::optional<UnwindEntry> entry_at(const UnwindSection& section, uint64_t offset) {
  if (offset >= section.bytes.size()) return std::nullopt;
  ByteReader reader(section.bytes.subspan(offset));
  const auto position = [&] { return section.bytes.size() - reader.left(); };
  unsigned offset_size = 4;
  const uint64_t length = reader.initial_length(offset_size);
  // .eh_frame ends with a length of zero.
  if (reader.failed() || length == 0 || length > reader.left()) return std::nullopt;
  UnwindEntry entry;
  entry.next = position() + length;
  const uint64_t id_offset = position();
  const uint64_t id = reader.sized(offset_size);
  if (reader.failed()) return std::nullopt;
  if (section.is_eh) {
    entry.is_common = id == 0;
    entry.common_offset = id_offset - id;
  } else {
    entry.is_common = id == (offset_size == 4 ? 0xffffffff : ~uint64_t{0});
    entry.common_offset = id;
  }
  entry.body_offset = position();
  if (entry.body_offset > entry.next) return std::nullopt;
  entry.body = section.bytes.subspan(entry.body_offset, entry.next - entry.body_offset);
  return entry;
}

Result<UnwindCommon> common_at(const UnwindSection& section, uint64_t offset) {
  const auto entry = entry_at(section, offset);
  if (!entry || !entry->is_common) return broken();
  ByteReader reader(entry->body);
  UnwindCommon common;
  const uint8_t version = reader.u8();
  if (version != 1 && version != 3 && version != 4) return broken();
  std::string_view letters = reader.string();
  if (letters.size() > longest_augmentation) return broken();
  if (version == 4) {
    common.address_size = reader.u8();
    const uint8_t segment_size = reader.u8();
    if (common.address_size != 8 || segment_size != 0) return broken();
  }
  if (letters.starts_with("eh")) {  // of gcc before 3.0
    reader.skip(8);
    letters.remove_prefix(2);
  }
  common.code_alignment = reader.uleb();
  common.data_alignment = reader.sleb();
  const uint64_t column = version == 1 ? reader.u8() : reader.uleb();
  if (column > UINT16_MAX) return broken();
  common.return_address = static_cast<uint16_t>(column);
  if (!read_augmentation(reader, letters, common)) return broken();
  if (reader.failed()) return broken();
  common.instructions = reader.bytes(reader.left());
  return common;
}

Result<UnwindFunction> function_of(const UnwindSection& section, const UnwindEntry& entry,
                                   const UnwindCommon& common) {
  ByteReader reader(entry.body);
  UnwindFunction function;
  function.common = common;
  const uint64_t place = section.address + entry.body_offset;
  const auto start = read_encoded(reader, common.pointer_encoding, place, 0);
  const auto size = read_format(reader, common.pointer_encoding & 0x0f);
  if (!start || !size || reader.failed()) return broken();
  function.start = *start;
  function.end = *start + *size;
  if (function.end < function.start) return broken();
  if (common.has_augmentation_size) reader.skip(reader.uleb());
  if (reader.failed()) return broken();
  function.instructions = reader.bytes(reader.left());
  return function;
}

}  // namespace clew::sym
