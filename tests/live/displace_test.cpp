// Every instruction form that compilers emit, run in a slot and by a plain single step: registers,
// flags, vector registers and memory must be the same.
#include "arch/displace.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <gelf.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>

#include "arch/x86_64/decode.h"
#include "base/unique_fd.h"
#include "instruction_lab.h"
#include "support.h"

namespace clew::test {
namespace {

using arch::Decoded;
using testing::ElementsAre;
using testing::IsSubsetOf;
using Code = std::vector<std::byte>;

std::string to_hex(Bytes code) {
  std::string out;
  for (const std::byte b : code) out += fmt::format("{:02x}", static_cast<unsigned>(b));
  return out;
}

Code from_hex(std::string_view hex) {
  Code out;
  for (size_t i = 0; i + 1 < hex.size(); i += 2) {
    out.push_back(std::byte(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16)));
  }
  return out;
}

/// Calls `look` with the code and address of every function of an ELF file that a symbol table
/// names.
void for_each_function(const std::string& path,
                       const std::function<void(Bytes code, Addr address)>& look) {
  elf_version(EV_CURRENT);
  const UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  const std::unique_ptr<Elf, int (*)(Elf*)> elf(elf_begin(fd.value(), ELF_C_READ_MMAP, nullptr),
                                                elf_end);
  if (!elf || elf_kind(elf.get()) != ELF_K_ELF) return;
  std::set<uint64_t> seen;
  for (Elf_Scn* section = nullptr; (section = elf_nextscn(elf.get(), section)) != nullptr;) {
    GElf_Shdr header;
    if (gelf_getshdr(section, &header) == nullptr) continue;
    if (header.sh_type != SHT_SYMTAB && header.sh_type != SHT_DYNSYM) continue;
    Elf_Data* symbols = elf_getdata(section, nullptr);
    for (int i = 0; symbols != nullptr && i < int(header.sh_size / header.sh_entsize); ++i) {
      GElf_Sym symbol;
      if (gelf_getsym(symbols, i, &symbol) == nullptr || symbol.st_size == 0) continue;
      const auto type = GELF_ST_TYPE(symbol.st_info);
      if (type != STT_FUNC && type != STT_GNU_IFUNC) continue;
      Elf_Scn* text = elf_getscn(elf.get(), symbol.st_shndx);
      GElf_Shdr place;
      if (text == nullptr || gelf_getshdr(text, &place) == nullptr) continue;
      if (place.sh_type != SHT_PROGBITS || !seen.insert(symbol.st_value).second) continue;
      const Elf_Data* bytes = elf_getdata(text, nullptr);
      const uint64_t offset = symbol.st_value - place.sh_addr;
      if (bytes == nullptr || offset + symbol.st_size > bytes->d_size) continue;
      look(Bytes(static_cast<const std::byte*>(bytes->d_buf) + offset, symbol.st_size),
           Addr{symbol.st_value});
    }
  }
}

/// The instruction without its numbers: what is left of two equal ones is the same form with the
/// same registers.
std::string without_numbers(const Decoded& decoded, Bytes instruction) {
  Code out(instruction.begin(), instruction.end());
  const auto& raw = decoded.instruction.raw;
  const auto blank = [&](size_t offset, size_t bits) {
    for (size_t i = 0; i < bits / 8 && offset != 0; ++i) out[offset + i] = {};
  };
  blank(raw.disp.offset, raw.disp.size);
  blank(raw.imm[0].offset, raw.imm[0].size);
  blank(raw.imm[1].offset, raw.imm[1].size);
  return to_hex(out);
}

std::string name_of(const Code& instruction) {
  const auto decoded = arch::decode(instruction, InstructionLab::text);
  return ZydisMnemonicGetString(decoded->instruction.mnemonic);
}

/// The form alone: which instruction, how encoded, with what kinds of operands. A key, not a text.
std::string form(const Decoded& decoded) {
  const auto& found = decoded.instruction;
  std::string out;
  const auto add = [&](auto value) {
    out.append(reinterpret_cast<const char*>(&value), sizeof value);
  };
  add(found.mnemonic);
  add(found.encoding);
  add(found.attributes);
  add(found.operand_width);
  for (const auto& operand : decoded.operands()) {
    add(operand.type);
    add(operand.encoding);
    add(operand.size);
    if (operand.type != ZYDIS_OPERAND_TYPE_MEMORY) continue;
    const auto base = operand.mem.base;
    const bool is_special = base == ZYDIS_REGISTER_RSP || base == ZYDIS_REGISTER_RIP ||
                            base == ZYDIS_REGISTER_RBP || base == ZYDIS_REGISTER_R12 ||
                            base == ZYDIS_REGISTER_R13 || base == ZYDIS_REGISTER_NONE;
    add(is_special ? base : ZYDIS_REGISTER_RAX);
    add(operand.mem.index != ZYDIS_REGISTER_NONE);
    add(found.raw.disp.size);
  }
  return out;
}

/// The files that this process has mapped code of (libc, libstdc++, libm, libelf, this test …),
/// clew itself, and the sample programs.
std::set<std::string> files_to_harvest() {
  std::set<std::string> out{CLEW_BINARY};
  for (const auto& fixture : std::filesystem::directory_iterator(CLEW_FIXTURES)) {
    if (fixture.is_regular_file()) out.insert(fixture.path());
  }
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);) {
    const auto path = line.find('/');
    if (path != std::string::npos && line.find("r-xp") != std::string::npos) {
      out.insert(line.substr(path));
    }
  }
  return out;
}

struct Harvest {
  std::map<std::string, Code> first;  ///< by without_numbers(): at the start of functions
  std::map<std::string, Code> all;    ///< by form(): anywhere in functions
  size_t functions = 0;
  size_t instructions = 0;

  void add_file(const std::string& path) {
    for_each_function(path, [&](Bytes code, Addr address) {
      ++functions;
      for (bool is_first = true; !code.empty(); is_first = false) {
        const auto decoded = arch::decode(code, address);
        if (!decoded) return;  // data in the text
        const auto length = decoded->instruction.length;
        const Code instruction(code.begin(), code.begin() + length);
        if (is_first) first.emplace(without_numbers(*decoded, instruction), instruction);
        all.emplace(form(*decoded), instruction);
        ++instructions;
        code = code.subspan(length);
        address = address + length;
      }
    });
  }
};

class Displaced : public testing::Test {
 protected:
  void try_out(const Code& instruction, uint64_t seeds) {
    for (uint64_t seed = 0; seed < seeds; ++seed) {
      for (const Addr slot : {InstructionLab::near_slot, InstructionLab::far_slot}) {
        const auto verdict = lab.try_out(instruction, slot, seed);
        EXPECT_EQ(verdict.trouble, "")
            << to_hex(instruction) << " seed " << seed << " slot " << std::hex << slot.value;
        if (verdict.refused) {
          EXPECT_EQ(verdict.refused->code, ErrorCode::unsupported);
          const bool is_far = verdict.refused->text.find("2 GiB") != std::string::npos;
          if (!is_far) refused.insert(name_of(instruction));
          continue;
        }
        ++tried;
        faulted += verdict.signal != 0;
        jumped += verdict.has_jumped;
        settled += verdict.settled;
      }
    }
  }

  InstructionLab lab;
  std::set<std::string> refused;
  size_t tried = 0, faulted = 0, jumped = 0, settled = 0;
};

TEST_F(Displaced, HandMadeList) {
  const char* const instructions[] = {
      "e800000000",
      "6648e800000000",
      "f2e800000000",  // call
      "ffd0",
      "41ffd4",
      "3effd0",
      "ffd5",  // call register
      "ff10",
      "ff5008",
      "ff1500000000",
      "ff1425ff000000",  // call [rax], [rip+…], [abs]
      "ff1424",
      "ff542408",
      "ff9424000100",
      "ff54c408",  // call [rsp+…]
      "ff5424f0",
      "41ff1424",
      "64ff1425ff000000",
      "67ff5408",  // call [r12], fs:[…], [eax+ecx]
      "e900000000",
      "eb00",
      "ffe0",
      "ff20",
      "ff2500000000",
      "f2ff2500000000",
      "ff642408",
      "7000",
      "7100",
      "7200",
      "7300",
      "7400",
      "7500",
      "7600",
      "7700",
      "7800",
      "7900",
      "7a00",
      "7b00",
      "7c00",
      "7d00",
      "7e00",
      "7f00",  // jcc short and near
      "0f8000000000",
      "0f8100000000",
      "0f8200000000",
      "0f8300000000",
      "0f8400000000",
      "0f8500000000",
      "0f8600000000",
      "0f8700000000",
      "0f8800000000",
      "0f8900000000",
      "0f8a00000000",
      "0f8b00000000",
      "0f8c00000000",
      "0f8d00000000",
      "0f8e00000000",
      "0f8f00000000",
      "3e7400",
      "2e7500",
      "f27400",  // with hints
      "e000",
      "e100",
      "e200",
      "e300",
      "67e000",
      "67e200",
      "67e300",  // loop, jrcxz
      "c3",
      "c20800",
      "f3c3",
      "f2c3",  // ret
      "55",
      "54",
      "5c",
      "5d",
      "68ff000000",
      "6aff",
      "ff3500000000",
      "8f0500000000",
      "ff3424",
      "8f442408",
      "ff742408",
      "9c",
      "9d",
      "c9",
      "c8200000",
      "c8200001",
      "0fa0",
      "6655",
      "f30f1efa",
      "90",
      "f390",
      "0f1f00",
      "66662e0f1f840000000000",
      "660f1f440000",
      "a4",
      "48a5",
      "f3a4",
      "f348a5",
      "aa",
      "f3aa",
      "f348ab",
      "f3a6",
      "f2ae",
      "f3ae",
      "f248a7",
      "ac",
      "f3ac",
      "67f3a4",
      "66f3a5",
      "d7",  // strings
      "f0ff00",
      "f00fb108",
      "f0480fc7082f",
      "f0480fc108",
      "f00fc708",
      "4887 08",
      "0f05",
      "0f31",
      "0f01f9",
      "0fa2",
      "0fc7f0",
      "f30fc7f8",
      "0f01d0",
      "488d0500000000",
      "678d0500000000",
      "488b0500000000",
      "803d0000000001",
      "48813d0000000078563412",
      "66c70500000000ffff",
      "c605000000007f",
      "833d0000000000",
      "f70500000000ff000000",
      "48a1ff00000000000000",
      "64488b042528000000",
      "6564488b042528000000",
      "0f0b",
      "0fb900",
      "cc00",
      "fa",
      "f4",
      "e410",
      "0f3000",  // traps, and what faults
      "d900",
      "d93500000000",
      "dd05000000 00",
      "9bd97d00",
      "d9eb",
      "dec1",
      "dbe3",
      "0f77",
      "0fae0500000000",
      "480fae0500000000",
      "0fae1500000000",
      "0fae1d00000000",
      "0fae2500000000",
      "f7f1",
      "48f7f9",
      "48f7f1",
      "0fa3c8",
      "0fbc0500000000",
      "0fc8",
      "9e",
      "9f",
      "fc",
      "fd",
      "f5",
      "c5fd6f0500000000",
      "c5f877",
      "c4e2796000",
      "c4e2f9900408",
      "c4e37d460500000000 31",
      "c4e2fb f6 0d00000000",
      "f30f2a0500000000",
      "660f3a0f050000000008",
      "f30fb80500000000",
      "660fe70500000000",
      "0fc30d00000000",
      "660ff7c1",
      "0fae38",
      "0f18 00",
      "0f0d0d00000000",
      "62f17c48100500000000",
      "62f3fd48250500000000 03",
      "0f01fa",
      "f30fae00",
      "f3480faec0",
      "f3480faed0",
      "8ed8",
      "8ec0",
      "8cc8",
      "48cf",
  };
  for (std::string hex : instructions) {
    hex.erase(std::remove(hex.begin(), hex.end(), ' '), hex.end());
    auto code = from_hex(hex);
    if (!arch::decode(code, InstructionLab::text)) code.resize(16);
    if (arch::decode(code, InstructionLab::text)) try_out(code, rounds(8, 200));
  }
  EXPECT_GT(jumped, tried / 5);
  EXPECT_GT(settled, tried / 2);
  EXPECT_LT(faulted, tried / 5);
  EXPECT_THAT(refused, ElementsAre("hlt", "int3", "iretq", "wrmsr"));
}

TEST_F(Displaced, DoesWhatTheInstructionDoesInItsPlace) {
  Harvest harvest;
  for (const auto& path : files_to_harvest()) harvest.add_file(path);
  for (const auto& [key, instruction] : harvest.first) try_out(instruction, rounds(1, 20));
  for (const auto& [key, instruction] : harvest.all) try_out(instruction, rounds(2, 40));
  EXPECT_GT(harvest.functions, 5000U);
  EXPECT_GT(harvest.all.size(), 1000U);
  EXPECT_LT(faulted, tried / 50);
  EXPECT_GT(settled, tried * 9 / 10);
  // What compilers emit for "never comes here", and the traps of these tests; nothing else.
  EXPECT_THAT(refused, IsSubsetOf({"hlt", "int", "int1", "int3"}));
}

}  // namespace
}  // namespace clew::test
