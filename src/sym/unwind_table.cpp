#include "sym/unwind_table.h"

#include <dwarf.h>

#include <algorithm>
#include <map>

namespace clew::sym {
std::optional<UnwindTable::Header> UnwindTable::read_header(const ElfImage& image) {
  for (const ElfImage::Segment& segment : image.segments()) {
    if (segment.type != PT_GNU_EH_FRAME) continue;
    // LSB, "The .eh_frame_hdr section".
    const Bytes bytes = image.loaded_from(segment.address);
    ByteReader reader(bytes.first(std::min<uint64_t>(bytes.size(), segment.file_size)));
    const auto place = [&] {
      return segment.address + static_cast<uint64_t>(reader.position() - bytes.data());
    };
    const uint8_t version = reader.u8();
    const uint8_t pointer_encoding = reader.u8();
    const uint8_t count_encoding = reader.u8();
    const uint8_t table_encoding = reader.u8();
    if (reader.failed() || version != 1) return std::nullopt;
    const auto frames = read_encoded(reader, pointer_encoding, place(), segment.address);
    if (!frames) return std::nullopt;
    Header header{{}, segment.address, *frames};
    const auto count = read_encoded(reader, count_encoding, place(), segment.address);
    // The one form that can be searched, and the one that linkers write.
    constexpr uint8_t sorted = DW_EH_PE_datarel | DW_EH_PE_sdata4;
    if (count && table_encoding == sorted && *count <= reader.left() / 8)
      header.pairs = reader.bytes(*count * 8);
    return header;
  }
  return std::nullopt;
}

std::unique_ptr<UnwindTable> UnwindTable::eh_frame(const ElfImage& image) {
  std::unique_ptr<UnwindTable> table(new UnwindTable);
  table->header_ = read_header(image);
  const ElfImage::Section* const section = image.find_section(".eh_frame");
  if (section != nullptr && section->type != SHT_NOBITS) {
    table->section_ = {image.raw(*section), section->address, true};
  } else if (table->header_) {
    table->section_ = {image.loaded_from(table->header_->frames), table->header_->frames, true};
  }
  // A header that speaks of another place is no guide to this section.
  if (table->header_ && table->header_->frames != table->section_.address) table->header_.reset();
  return table;
}

std::unique_ptr<UnwindTable> UnwindTable::debug_frame(const ElfImage& image, uint64_t bias) {
  std::unique_ptr<UnwindTable> table(new UnwindTable);
  table->bias_ = bias;
  const ElfImage::Section* section = image.find_section(".debug_frame");
  if (section == nullptr) section = image.find_section(".zdebug_frame");
  if (section == nullptr) return table;
  if (const auto bytes = image.decompressed(*section, table->storage_))
    table->section_ = {*bytes, 0, false};
  return table;
}

Result<UnwindFunction> UnwindTable::function_at(uint64_t offset) const {
  const auto entry = entry_at(section_, offset);
  if (!entry || entry->is_common) return fail(ErrorCode::bad_data, "the unwind table is broken");
  const auto common = common_at(section_, entry->common_offset);
  if (!common) return tl::unexpected(common.error());
  return function_of(section_, *entry, *common);
}

void UnwindTable::build_index() const {
  std::map<uint64_t, std::optional<UnwindCommon>> commons;
  std::optional<UnwindEntry> entry;
  for (uint64_t offset = 0; (entry = entry_at(section_, offset)); offset = entry->next) {
    if (entry->is_common) continue;
    const auto [found, is_new] = commons.try_emplace(entry->common_offset);
    if (is_new) {
      if (auto common = common_at(section_, entry->common_offset)) found->second = *common;
    }
    if (!found->second) continue;
    const auto function = function_of(section_, *entry, *found->second);
    if (function && function->start < function->end)
      index_.push_back({function->start, function->end, offset});
  }
  std::stable_sort(index_.begin(), index_.end(),
                   [](const Indexed& a, const Indexed& b) { return a.start < b.start; });
}

std::optional<uint64_t> UnwindTable::find_by_header(uint64_t address) const {
  struct Pair {
    int32_t start, entry;
  };
  const size_t count = header_->pairs.size() / sizeof(Pair);
  const auto pair_at = [&](size_t i) {
    Pair pair;
    std::memcpy(&pair, header_->pairs.data() + i * sizeof pair, sizeof pair);
    return pair;
  };
  const auto absolute = [&](int32_t relative) {
    return header_->address + static_cast<uint64_t>(int64_t{relative});
  };
  // The first that begins behind the address.
  size_t low = 0;
  size_t high = count;
  while (low < high) {
    const size_t middle = low + (high - low) / 2;
    if (absolute(pair_at(middle).start) <= address) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  if (low == 0) return std::nullopt;
  return absolute(pair_at(low - 1).entry) - section_.address;
}

std::optional<uint64_t> UnwindTable::find_by_index(uint64_t address) const {
  std::call_once(index_once_, [&] { build_index(); });
  const auto after =
      std::upper_bound(index_.begin(), index_.end(), address,
                       [](uint64_t a, const Indexed& entry) { return a < entry.start; });
  if (after == index_.begin()) return std::nullopt;
  return std::prev(after)->offset;
}

Result<UnwindRow> UnwindTable::find(uint64_t address) const {
  const uint64_t own = address - bias_;
  const bool by_header = header_ && !header_->pairs.empty();
  if (const auto offset = by_header ? find_by_header(own) : find_by_index(own)) {
    const auto function = function_at(*offset);
    if (!function) return tl::unexpected(function.error());
    if (function->start <= own && own < function->end) {
      auto row = row_at(section_, *function, own);
      if (row) {
        row->start += bias_;
        row->end += bias_;
      }
      return row;
    }
  }
  return fail(ErrorCode::not_found, "no unwind information covers this code");
}

}  // namespace clew::sym
