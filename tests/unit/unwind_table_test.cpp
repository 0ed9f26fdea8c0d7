// Unwind tables: against libdw's reading of real files, and hand-made ones, sound and broken.

#include "sym/unwind_table.h"

#include <dlfcn.h>
#include <dwarf.h>
#include <elfutils/libdw.h>
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <random>

namespace clew::sym {
namespace {

using Kind = RegisterRule::Kind;

std::vector<std::byte> bytes(std::initializer_list<int> list) {
  std::vector<std::byte> made;
  for (const int b : list) made.push_back(static_cast<std::byte>(b));
  return made;
}

void append(std::vector<std::byte>& to, const std::vector<std::byte>& more) {
  to.insert(to.end(), more.begin(), more.end());
}

void append_number(std::vector<std::byte>& to, uint64_t number, size_t size) {
  for (size_t i = 0; i < size; ++i) to.push_back(static_cast<std::byte>(number >> 8 * i));
}

// ---- against libdw ----

std::string text_of(const RegisterRule& rule) {
  switch (rule.kind) {
    case Kind::undefined:
      return "undefined";
    case Kind::same_value:
      return "same";
    case Kind::at_offset:
      return fmt::format("[cfa{:+}]", rule.offset);
    case Kind::is_offset:
      return fmt::format("cfa{:+}", rule.offset);
    case Kind::in_register:
      return fmt::format("r{}{:+}", rule.reg, rule.offset);
    case Kind::at_expression:
      return "[expression]";
    case Kind::is_expression:
      return "expression";
  }
  return "?";
}

std::string text_of_libdw_rule(Dwarf_Frame* frame, int reg) {
  Dwarf_Op room[3];
  Dwarf_Op* ops = nullptr;
  size_t count = 0;
  if (dwarf_frame_register(frame, reg, room, &ops, &count) != 0) return "error";
  if (count == 0) return ops == nullptr ? "same" : "undefined";
  if (ops[0].atom == DW_OP_regx) return fmt::format("r{}+0", ops[0].number);
  const bool is_value = ops[count - 1].atom == DW_OP_stack_value;
  if (ops == room && ops[0].atom == DW_OP_call_frame_cfa) {
    const int64_t offset =
        count > 1 && ops[1].atom == DW_OP_plus_uconst ? static_cast<int64_t>(ops[1].number) : 0;
    return is_value ? fmt::format("cfa{:+}", offset) : fmt::format("[cfa{:+}]", offset);
  }
  return is_value ? "expression" : "[expression]";
}

std::string text_of_libdw_cfa(Dwarf_Frame* frame) {
  Dwarf_Op* ops = nullptr;
  size_t count = 0;
  if (dwarf_frame_cfa(frame, &ops, &count) != 0) return "error";
  if (count == 1 && ops[0].atom == DW_OP_bregx)
    return fmt::format("r{}{:+}", ops[0].number, static_cast<int64_t>(ops[0].number2));
  if (count == 1 && ops[0].atom >= DW_OP_breg0 && ops[0].atom <= DW_OP_breg31) {
    return fmt::format("r{}{:+}", ops[0].atom - DW_OP_breg0, static_cast<int64_t>(ops[0].number));
  }
  return "expression";
}

/// @return how many rows were compared.
size_t compare(const ElfImage& image, const UnwindTable& table, Dwarf_CFI* libdw, uint64_t start,
               uint64_t end) {
  size_t compared = 0;
  for (uint64_t address = start; address < end;) {
    Dwarf_Frame* frame = nullptr;
    const bool has_frame = dwarf_cfi_addrframe(libdw, address, &frame) == 0;
    const auto row = table.find(address);
    EXPECT_EQ(row.has_value(), has_frame) << image.label() << " " << std::hex << address;
    if (!row || !has_frame) {
      std::free(frame);
      address += 16;
      continue;
    }
    Dwarf_Addr row_start = 0;
    Dwarf_Addr row_end = 0;
    bool is_signal = false;
    dwarf_frame_info(frame, &row_start, &row_end, &is_signal);
    const auto where = fmt::format("{} {:#x}", image.label(), address);
    // DW_CFA_restore_state sets libdw's start back to that of the remembered row.
    EXPECT_GE(row->start, row_start) << where;
    EXPECT_LE(row->start, address) << where;
    EXPECT_EQ(row->end, row_end) << where;
    EXPECT_EQ(row->is_signal_frame, is_signal) << where;
    EXPECT_EQ(text_of(row->cfa), text_of_libdw_cfa(frame)) << where;
    for (const auto& [reg, rule] : row->rules)
      EXPECT_EQ(text_of(rule), text_of_libdw_rule(frame, reg)) << where << " register " << reg;
    std::free(frame);
    ++compared;
    address = std::max(row->end, address + 1);
    if (testing::Test::HasFailure()) break;
  }
  return compared;
}

class AgainstLibdw : public testing::TestWithParam<const char*> {};

TEST_P(AgainstLibdw, SaysTheSame) {
  std::string path = GetParam();
  if (path.find('/') == std::string::npos) {
    // By the name that the loader knows it by.
    void* const library = dlopen(path.c_str(), RTLD_LAZY);
    ASSERT_NE(library, nullptr) << dlerror();
    char folder[4096];
    ASSERT_EQ(dlinfo(library, RTLD_DI_ORIGIN, folder), 0);
    path = std::string(folder) + "/" + path;
  }
  const auto image = ElfImage::open_path(path);
  ASSERT_TRUE(image) << image.error().text;
  const auto table = UnwindTable::eh_frame(**image);
  Dwarf_CFI* const libdw = dwarf_getcfi_elf((*image)->elf());
  ASSERT_NE(libdw, nullptr);
  const auto* const text = (*image)->find_section(".text");
  ASSERT_NE(text, nullptr);
  const uint64_t end = text->address + std::min<uint64_t>(text->size, 400'000);
  EXPECT_GT(compare(**image, *table, libdw, text->address, end), 1000U);
  const auto* const plt = (*image)->find_section(".plt");
  if (plt != nullptr) compare(**image, *table, libdw, plt->address, plt->address + plt->size);
  dwarf_cfi_end(libdw);
}

INSTANTIATE_TEST_SUITE_P(UnwindTable, AgainstLibdw,
                         testing::Values("libc.so.6", "libstdc++.so.6", "/proc/self/exe"),
                         [](const auto& file) { return fmt::format("{}", file.index); });

TEST(UnwindTable, IsTheSameWithAndWithoutTheHeader) {
  const auto image = ElfImage::open_path("/proc/self/exe");
  ASSERT_TRUE(image);
  const auto with = UnwindTable::eh_frame(**image);
  // The same file that has forgotten its header's type.
  size_t size = 0;
  const char* const raw = elf_rawfile((*image)->elf(), &size);
  const auto* const start = reinterpret_cast<const std::byte*>(raw);
  std::vector<std::byte> copy(start, start + size);
  Elf64_Ehdr header;
  std::memcpy(&header, copy.data(), sizeof header);
  for (size_t i = 0; i < header.e_phnum; ++i) {
    Elf64_Phdr segment;
    std::byte* const at = copy.data() + header.e_phoff + i * sizeof segment;
    std::memcpy(&segment, at, sizeof segment);
    if (segment.p_type == PT_GNU_EH_FRAME) segment.p_type = PT_NULL;
    std::memcpy(at, &segment, sizeof segment);
  }
  const auto changed = ElfImage::from_memory(std::move(copy), "changed");
  ASSERT_TRUE(changed);
  const auto without = UnwindTable::eh_frame(**changed);
  const auto* const text = (*image)->find_section(".text");
  size_t found = 0;
  for (uint64_t a = text->address; a < text->address + text->size; a += 997) {
    const auto one = with->find(a);
    const auto other = without->find(a);
    ASSERT_EQ(one.has_value(), other.has_value()) << std::hex << a;
    if (!one) continue;
    ++found;
    EXPECT_EQ(one->start, other->start);
    EXPECT_EQ(text_of(one->cfa), text_of(other->cfa));
  }
  EXPECT_GT(found, 100U);
}

// ---- hand-made ----

/// A .debug_frame with one CIE and one FDE for addresses 0x1000 to 0x1100.
class HandMade : public testing::Test {
 protected:
  static constexpr uint64_t start = 0x1000;

  void SetUp() override { build({}, {}); }

  void build(const std::vector<std::byte>& common, const std::vector<std::byte>& function) {
    section_.clear();
    auto cie = bytes({0xff, 0xff, 0xff, 0xff, 4, 0, 8, 0, 1, 0x78, 16});
    append(cie, bytes({DW_CFA_def_cfa, 7, 8, DW_CFA_offset + 16, 1}));
    append(cie, common);
    append_number(section_, cie.size(), 4);
    append(section_, cie);
    function_offset_ = section_.size();
    std::vector<std::byte> fde;
    append_number(fde, 0, 4);
    append_number(fde, start, 8);
    append_number(fde, 0x100, 8);
    append(fde, function);
    append_number(section_, fde.size(), 4);
    append(section_, fde);
  }

  Result<UnwindRow> row(uint64_t address) const {
    const UnwindSection section{section_, 0, false};
    const auto entry = entry_at(section, function_offset_);
    if (!entry) return fail(ErrorCode::bad_data, "no entry");
    const auto common = common_at(section, entry->common_offset);
    if (!common) return tl::unexpected(common.error());
    const auto function = function_of(section, *entry, *common);
    if (!function) return tl::unexpected(function.error());
    return row_at(section, *function, address);
  }
  std::string cfa(uint64_t address) const {
    const auto found = row(address);
    return found ? text_of(found->cfa) : found.error().text;
  }
  std::string rule(uint64_t address, unsigned reg) const {
    const auto found = row(address);
    if (!found) return found.error().text;
    const RegisterRule* const how = found->find(reg);
    return how == nullptr ? "none" : text_of(*how);
  }

  std::vector<std::byte> section_;
  uint64_t function_offset_ = 0;
};

TEST_F(HandMade, FollowsTheRowsOfAFunction) {
  build({}, bytes({DW_CFA_advance_loc + 1, DW_CFA_def_cfa_offset, 16, DW_CFA_offset + 6, 2,
                   DW_CFA_advance_loc1, 3, DW_CFA_def_cfa_register, 6, DW_CFA_advance_loc2, 4, 0,
                   DW_CFA_def_cfa, 7, 8, DW_CFA_restore + 6}));
  EXPECT_EQ(cfa(start), "r7+8");
  EXPECT_EQ(rule(start, 6), "none");
  EXPECT_EQ(cfa(start + 1), "r7+16");
  EXPECT_EQ(rule(start + 1, 6), "[cfa-16]");
  EXPECT_EQ(cfa(start + 3), "r7+16");
  EXPECT_EQ(cfa(start + 4), "r6+16");
  EXPECT_EQ(cfa(start + 8), "r7+8");
  EXPECT_EQ(rule(start + 8, 6), "none");
  EXPECT_EQ(rule(start + 8, 16), "[cfa-8]");
  const auto middle = row(start + 5);
  ASSERT_TRUE(middle);
  EXPECT_EQ(middle->start, start + 4);
  EXPECT_EQ(middle->end, start + 8);
}

TEST_F(HandMade, KnowsEveryKindOfRule) {
  build({}, bytes({DW_CFA_undefined,
                   3,
                   DW_CFA_same_value,
                   12,
                   DW_CFA_register,
                   13,
                   2,
                   DW_CFA_offset_extended,
                   14,
                   3,
                   DW_CFA_offset_extended_sf,
                   15,
                   0x7c,
                   DW_CFA_val_offset,
                   0,
                   2,
                   DW_CFA_val_offset_sf,
                   1,
                   0x7e,
                   DW_CFA_expression,
                   2,
                   1,
                   DW_OP_lit0,
                   DW_CFA_val_expression,
                   4,
                   1,
                   DW_OP_lit0,
                   DW_CFA_GNU_args_size,
                   8,
                   DW_CFA_GNU_negative_offset_extended,
                   5,
                   2,
                   DW_CFA_def_cfa_sf,
                   7,
                   0x7e}));
  EXPECT_EQ(rule(start, 3), "undefined");
  EXPECT_EQ(rule(start, 12), "same");
  EXPECT_EQ(rule(start, 13), "r2+0");
  EXPECT_EQ(rule(start, 14), "[cfa-24]");
  EXPECT_EQ(rule(start, 15), "[cfa+32]");
  EXPECT_EQ(rule(start, 0), "cfa-16");
  EXPECT_EQ(rule(start, 1), "cfa+16");
  EXPECT_EQ(rule(start, 2), "[expression]");
  EXPECT_EQ(rule(start, 4), "expression");
  EXPECT_EQ(rule(start, 5), "[cfa+16]");
  EXPECT_EQ(cfa(start), "r7+16");
  build({}, bytes({DW_CFA_def_cfa_expression, 1, DW_OP_lit5}));
  EXPECT_EQ(cfa(start), "expression");
}

TEST_F(HandMade, RemembersAndRestoresStates) {
  build(bytes({DW_CFA_offset + 3, 5}),
        bytes({DW_CFA_remember_state, DW_CFA_undefined, 3, DW_CFA_def_cfa_offset, 64,
               DW_CFA_advance_loc + 4, DW_CFA_restore_state, DW_CFA_advance_loc + 4,
               DW_CFA_undefined, 3, DW_CFA_restore_extended, 3}));
  EXPECT_EQ(rule(start, 3), "undefined");
  EXPECT_EQ(cfa(start), "r7+64");
  EXPECT_EQ(rule(start + 4, 3), "[cfa-40]");
  EXPECT_EQ(cfa(start + 4), "r7+8");
  EXPECT_EQ(rule(start + 8, 3), "[cfa-40]");
}

TEST_F(HandMade, RefusesWhatMakesNoSense) {
  const std::vector<std::vector<std::byte>> broken = {
      bytes({DW_CFA_restore_state}),
      bytes({DW_CFA_def_cfa_expression, 1, DW_OP_lit0, DW_CFA_def_cfa_offset, 8}),
      bytes({DW_CFA_def_cfa_expression, 1, DW_OP_lit0, DW_CFA_def_cfa_register, 7}),
      bytes({0x3e, 1, 1}),
      bytes({DW_CFA_expression, 3, 0x7f, 1}),
      bytes({DW_CFA_register, 3, 0xff, 0xff, 0xff, 0x7f}),
      bytes({DW_CFA_advance_loc4, 1, 2}),
      bytes({DW_CFA_MIPS_advance_loc8, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}),
      std::vector<std::byte>(100, std::byte{DW_CFA_remember_state}),
  };
  for (size_t i = 0; i < broken.size(); ++i) {
    build({}, broken[i]);
    EXPECT_FALSE(row(start + 0x50)) << i;
  }
}

TEST_F(HandMade, LeavesRegistersThatItDoesNotKeep) {
  // 2^28: libdw would make room for as many.
  build({}, bytes({DW_CFA_offset_extended, 0x80, 0x80, 0x80, 0x80, 1, 1, DW_CFA_undefined, 40}));
  EXPECT_EQ(cfa(start), "r7+8");
  EXPECT_EQ(row(start)->rules.size(), 1U);
}

TEST_F(HandMade, SurvivesEveryDamage) {
  build(bytes({DW_CFA_offset + 3, 5}),
        bytes({DW_CFA_remember_state, DW_CFA_def_cfa_offset, 64, DW_CFA_advance_loc + 4,
               DW_CFA_expression, 6, 2, DW_OP_breg7, 8, DW_CFA_restore_state}));
  const auto sound = section_;
  std::mt19937 random(1);  // NOLINT(cert-msc51-cpp): the same damage in every run
  size_t readable = 0;
  for (int round = 0; round < 20'000; ++round) {
    section_ = sound;
    for (int flips = 0; flips < 3; ++flips)
      section_[random() % section_.size()] = static_cast<std::byte>(random());
    section_.resize(section_.size() - random() % 4);
    const UnwindSection as_eh{section_, 0x4000, (random() & 1) != 0};
    uint64_t offset = 0;
    while (const auto entry = entry_at(as_eh, offset)) {
      offset = entry->next;
      const auto common = common_at(as_eh, entry->is_common ? 0 : entry->common_offset);
      if (!common) continue;
      const auto function = function_of(as_eh, *entry, *common);
      if (function && row_at(as_eh, *function, function->start)) ++readable;
    }
  }
  EXPECT_GT(readable, 100U);
}

}  // namespace
}  // namespace clew::sym
