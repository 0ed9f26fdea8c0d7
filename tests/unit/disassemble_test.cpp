#include "arch/disassemble.h"

#include <gtest/gtest.h>

#include <array>

namespace clew::arch {
namespace {

template <typename... Byte>
std::vector<std::byte> code(Byte... bytes) {
  return {static_cast<std::byte>(bytes)...};
}

TEST(Disassemble, HasBothFlavours) {
  const auto bytes = code(0x48, 0x8b, 0x44, 0x24, 0x08);
  const auto intel = disassemble(bytes, {0x1000}, AssemblyFlavor::intel);
  EXPECT_EQ(intel.text, "mov rax, [rsp+0x8]");
  EXPECT_EQ(intel.length, 5);
  EXPECT_FALSE(intel.target);
  EXPECT_EQ(disassemble(bytes, {0x1000}, AssemblyFlavor::att).text, "mov 0x8(%rsp), %rax");
}

TEST(Disassemble, TellsWhereBranchesAndPcRelativeOperandsLead) {
  const auto call = disassemble(code(0xe8, 0x10, 0, 0, 0), {0x1000}, AssemblyFlavor::intel);
  ASSERT_TRUE(call.target);
  EXPECT_EQ(call.target->value, 0x1015U);
  EXPECT_EQ(call.text, "call 0x1015");
  const auto jump = disassemble(code(0x74, 0xfe), {0x1000}, AssemblyFlavor::intel);
  ASSERT_TRUE(jump.target);
  EXPECT_EQ(jump.target->value, 0x1000U);
  const auto lea =
      disassemble(code(0x48, 0x8d, 0x05, 0x01, 0, 0, 0), {0x1000}, AssemblyFlavor::intel);
  ASSERT_TRUE(lea.target);
  EXPECT_EQ(lea.target->value, 0x1008U);
}

TEST(Disassemble, GoesOnBehindWhatIsNoInstruction) {
  for (const auto& bytes : {code(0x06), code(0x48), code(0xe8, 0x10)}) {
    const auto bad = disassemble(bytes, {0x1000}, AssemblyFlavor::intel);
    EXPECT_EQ(bad.text, "(bad)");
    EXPECT_EQ(bad.length, 1);
  }
}

}  // namespace
}  // namespace clew::arch
