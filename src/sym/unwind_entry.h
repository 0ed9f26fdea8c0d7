#pragma once

#include <cstdint>
#include <optional>

#include "base/bytes.h"
#include "base/result.h"
#include "sym/byte_reader.h"
#include "sym/unwind_row.h"

namespace clew::sym {

/// One section of unwind information: .eh_frame, as the LSB has it (Linux Standard Base, "Exception
/// Frames"), or .debug_frame (DWARF 5, 6.4.1), which differ in details.
struct UnwindSection {
  Bytes bytes;
  uint64_t address = 0;  ///< of the first byte, in the module's own address space
  bool is_eh = true;
};

/// A pointer as .eh_frame and .eh_frame_hdr encode it (DW_EH_PE_…), read from `reader`.
/// @param place address of the pointer itself. @param data base of DW_EH_PE_datarel.
/// @return nullopt for what cannot be decoded: the reader has then failed, or is behind it.
std::optional<uint64_t> read_encoded(ByteReader& reader, uint8_t encoding, uint64_t place,
                                     uint64_t data);

/// Common information entry: what many functions share.
struct UnwindCommon {
  Bytes instructions;
  uint64_t code_alignment = 1;
  int64_t data_alignment = 1;
  uint16_t return_address = 0;
  uint8_t pointer_encoding = 0;  ///< of addresses in the FDE, as in .eh_frame
  uint8_t address_size = 8;
  bool has_augmentation_size = false;
  bool is_signal_frame = false;
};

/// Frame description entry: the addresses from `start` to before `end`.
struct UnwindFunction {
  UnwindCommon common;
  uint64_t start = 0, end = 0;
  Bytes instructions;
};

/// The shape of an entry before its content is looked at.
struct UnwindEntry {
  bool is_common = false;
  uint64_t common_offset = 0;  ///< of an FDE: where its CIE is
  uint64_t next = 0;           ///< offset of the entry behind it
  uint64_t body_offset = 0;
  Bytes body;
};

/// @return nullopt at the end of the section, and where it is broken.
std::optional<UnwindEntry> entry_at(const UnwindSection& section, uint64_t offset);

/// @return bad_data, also when the entry is no CIE.
Result<UnwindCommon> common_at(const UnwindSection& section, uint64_t offset);

/// Reads an FDE, with the CIE that it names.
Result<UnwindFunction> function_of(const UnwindSection& section, const UnwindEntry& entry,
                                   const UnwindCommon& common);

/// Executes the instructions of a function up to `address`, which it must cover.
/// @return bad_data.
Result<UnwindRow> row_at(const UnwindSection& section, const UnwindFunction& function,
                         uint64_t address);

}  // namespace clew::sym
