// What the compiler has made of the safety net: it must be able to run in another process.
#include <gtest/gtest.h>

#include <csignal>

#include "arch/x86_64/decode.h"
#include "live/x86_64/net.h"

namespace clew::live::net {
namespace {

constexpr Addr base{0x10000};
constexpr uint64_t sa_restorer = 0x04000000;

bool is_general(ZydisRegister name) {
  switch (ZydisRegisterGetClass(name)) {
    case ZYDIS_REGCLASS_GPR8:
    case ZYDIS_REGCLASS_GPR16:
    case ZYDIS_REGCLASS_GPR32:
    case ZYDIS_REGCLASS_GPR64:
    case ZYDIS_REGCLASS_FLAGS:
    case ZYDIS_REGCLASS_IP:
    case ZYDIS_REGCLASS_SEGMENT:  // hidden operands of syscall
      return true;
    default:
      return false;
  }
}

TEST(NetCode, FitsIntoItsPageAndRefersToNothingOutside) {
  ASSERT_LE(code().size(), page_size);
  ASSERT_GT(code().size(), 100U);
  const Addr end = base + code().size();
  unsigned branches = 0;
  for (Addr at = base; at < end;) {
    SCOPED_TRACE(at - base);
    const auto decoded = arch::decode(code().subspan(at - base), at);
    ASSERT_TRUE(decoded) << decoded.error().text;
    if (const auto target = decoded->branch_target(at)) {
      ++branches;
      EXPECT_TRUE(*target >= base && *target < end);
    }
    for (const auto& operand : decoded->operands()) {
      if (operand.type == ZYDIS_OPERAND_TYPE_REGISTER) {
        EXPECT_TRUE(is_general(operand.reg.value)) << ZydisRegisterGetString(operand.reg.value);
      }
      if (operand.type != ZYDIS_OPERAND_TYPE_MEMORY) continue;
      // No stack protector, no thread-local data.
      EXPECT_NE(operand.mem.segment, ZYDIS_REGISTER_FS);
      if (operand.mem.base != ZYDIS_REGISTER_RIP) continue;
      uint64_t where = 0;
      ZydisCalcAbsoluteAddress(&decoded->instruction, &operand, at.value, &where);
      EXPECT_TRUE(Addr{where} >= base && Addr{where} < end);
    }
    at = at + decoded->instruction.length;
  }
  EXPECT_GT(branches, 10U);
}

TEST(NetAction, KeepsWhatTheProgramAskedFor) {
  const uint64_t usr1 = 1ULL << (SIGUSR1 - 1);
  const uint64_t trap = 1ULL << (SIGTRAP - 1);
  const SignalAction former{0x5000, SA_RESTART | SA_RESETHAND | sa_restorer, 0x6000, usr1 | trap};
  const auto action = action_over(former, base);
  EXPECT_EQ(action.flags, SA_RESTART | SA_SIGINFO | SA_ONSTACK | SA_NODEFER | sa_restorer);
  EXPECT_EQ(action.mask, usr1);
  EXPECT_EQ(action.restorer, 0x6000U);
  EXPECT_TRUE(action.handler >= base.value && action.handler < base.value + code().size());
  EXPECT_TRUE(is_action_of_net(action, base));
  EXPECT_FALSE(is_action_of_net(former, base));
}

TEST(NetAction, OverNoHandler) {
  for (const uint64_t handler : {0, 1}) {
    const auto action = action_over({handler, 0, 0, ~0ULL}, base);
    EXPECT_EQ(action.mask, 0U);
    EXPECT_EQ(action.flags, SA_RESTART | SA_SIGINFO | SA_ONSTACK | SA_NODEFER | sa_restorer);
    EXPECT_TRUE(action.restorer > base.value && action.restorer < base.value + code().size());
  }
}

}  // namespace
}  // namespace clew::live::net
