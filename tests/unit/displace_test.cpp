// Slots as bytes, what is refused, where a thread in a slot stands. That slots do what their
// originals do is tried on real threads in tests/live/displace_test.cpp.
#include "arch/displace.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/user.h>

#include <random>
#include <string>

#include "arch/x86_64/decode.h"

namespace clew::arch {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::UnorderedElementsAre;

constexpr Addr text{0x555555554000};
constexpr Addr near_slot{0x555555000000};
constexpr Addr far_slot{0x7fff00000000};

std::vector<std::byte> bytes(std::string_view hex) {
  std::vector<std::byte> out;
  for (size_t i = 0; i + 1 < hex.size(); i += 2) {
    while (hex[i] == ' ') ++i;
    out.push_back(std::byte(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16)));
  }
  return out;
}

std::string hex(Bytes code) {
  std::string out;
  for (const std::byte b : code) {
    constexpr char digits[] = "0123456789abcdef";
    out += digits[static_cast<int>(b) >> 4];
    out += digits[static_cast<int>(b) & 15];
  }
  return out;
}

std::string slot_of(std::string_view instruction, Addr slot = near_slot) {
  const auto displaced = displace(bytes(instruction), text, slot);
  return displaced ? hex(displaced->code) : displaced.error().text;
}

GeneralRegisters registers(uint64_t pc, uint64_t sp = 0x7000, uint64_t rcx = 0) {
  GeneralRegisters out;
  out.set_word(offsetof(user_regs_struct, rip), pc);
  out.set_word(offsetof(user_regs_struct, rsp), sp);
  out.set_word(offsetof(user_regs_struct, rcx), rcx);
  return out;
}

TEST(Slot, IsACopyAndAJumpToTheNext) {
  // push rbp; jmp 0x555555554001
  EXPECT_EQ(slot_of("55"), "55e9fb3f5500");
  // endbr64; jmp [rip]; .quad 0x555555554004
  EXPECT_EQ(slot_of("f30f1efa", far_slot), "f30f1efaff25000000000440555555550000");
}

TEST(Slot, CallPushesTheOriginalsReturnAddress) {
  // call +0x100: push [rip+5]; jmp 0x555555554105; .quad 0x555555554005
  EXPECT_EQ(slot_of("e800010000"), "ff3505000000e9fa4055000540555555550000");
  // notrack call rax: push [rip+3]; notrack jmp rax
  EXPECT_EQ(slot_of("3effd0"), "ff35030000003effe00340555555550000");
  // call r12, call [rbx+8], call fs:[r11+0x10]
  EXPECT_EQ(slot_of("41ffd4"), "ff350300000041ffe40340555555550000");
  EXPECT_EQ(slot_of("ff5308"), "ff3503000000ff63080340555555550000");
  EXPECT_EQ(slot_of("6441ff5310"), "ff35050000006441ff63100540555555550000");
}

TEST(Slot, CallThroughTheStackSeesTheMovedStackPointer) {
  // call [rsp+8] → jmp [rsp+0x10]; call [rsp] → jmp [rsp+8]; call [rsp+rax*8-0x10]
  EXPECT_EQ(slot_of("ff542408"), "ff3507000000ffa424100000000440555555550000");
  EXPECT_EQ(slot_of("ff1424"), "ff3507000000ffa424080000000340555555550000");
  EXPECT_EQ(slot_of("ff54c4f0"), "ff3507000000ffa4c4f8ffffff0440555555550000");
  // [r12] has the same ModRM and is no stack operand.
  EXPECT_EQ(slot_of("41ff1424"), "ff350400000041ff24240440555555550000");
}

TEST(Slot, BranchesLeaveByBothWays) {
  // je +2: je 1f; jmp next; 1: jmp target
  EXPECT_EQ(slot_of("7402"), "7405e9fb3f5500e9f83f5500");
  EXPECT_EQ(slot_of("0f8402000000"), "7405e9ff3f5500e9fc3f5500");
  EXPECT_EQ(slot_of("7402", far_slot),
            "740eff25000000000240555555550000ff25000000000440555555550000");
  // jrcxz, loop with a 32-bit counter
  EXPECT_EQ(slot_of("e310"), "e305e9fb3f5500e906405500");
  EXPECT_EQ(slot_of("67e2fe"), "67e205e9fb3f5500e9f43f5500");
  EXPECT_EQ(slot_of("eb10"), "e90d405500");
  EXPECT_EQ(slot_of("c3"), "c3");
  EXPECT_EQ(slot_of("f2c3"), "f2c3");
  EXPECT_EQ(slot_of("c20800"), "c20800");
  EXPECT_EQ(slot_of("ffe0"), "ffe0");
}

TEST(Slot, SyscallHasItsReturnAddressInRcx) {
  EXPECT_EQ(slot_of("0f05"), "0f0548b90240555555550000e9f13f5500");
}

// The same operand, wherever the displacement lies in the instruction.
TEST(Slot, KeepsWhatIsRelativeToThePc) {
  const char* const instructions[] = {
      "488d0510000000",          // lea rax,[rip+0x10]
      "488b05f0ffffff",          // mov rax,[rip-0x10]
      "803d1000000001",          // cmp byte [rip+0x10],1
      "48813d1000000078563412",  // cmp qword [rip+0x10],imm32
      "66c705100000003412",      // mov word [rip+0x10],imm16
      "f0ff0510000000",          // lock inc dword [rip+0x10]
      "660f6f0510000000",        // movdqa xmm0,[rip+0x10]
      "660f3a0f051000000008",    // palignr xmm0,[rip+0x10],8
      "c5fd6f0510000000",        // vmovdqa ymm0,[rip+0x10]
      "c4e37d46051000000031",    // vperm2i128 ymm0,ymm0,[rip+0x10],0x31
      "62f17c48100510000000",    // vmovups zmm0,[rip+0x10]: not scaled
      "62f3fd4825051000000003",  // vpternlogq zmm0,zmm0,[rip+0x10],3
      "ff3510000000",            // push [rip+0x10]
      "8f0510000000",            // pop [rip+0x10]
      "ff2510000000",            // jmp [rip+0x10]
      "f2ff2510000000",          // bnd jmp [rip+0x10]
      "d90510000000",            // fld dword [rip+0x10]
      "67488d0510000000",        // lea rax,[eip+0x10]
      "0fae0510000000",          // fxsave [rip+0x10]
  };
  for (const auto* instruction : instructions) {
    SCOPED_TRACE(instruction);
    auto original = bytes(instruction);
    const auto before = decode(original, text);
    ASSERT_TRUE(before);
    const auto displaced = displace(original, text, near_slot);
    ASSERT_TRUE(displaced) << displaced.error().text;
    const auto after = decode(displaced->code, near_slot);
    ASSERT_TRUE(after);
    uint64_t wanted = 0;
    uint64_t found = 0;
    ZydisCalcAbsoluteAddress(&before->instruction, before->memory_operand(), text.value, &wanted);
    ZydisCalcAbsoluteAddress(&after->instruction, after->memory_operand(), near_slot.value, &found);
    EXPECT_EQ(found, wanted);
    const size_t at = before->instruction.raw.disp.offset;
    auto copy = std::vector(displaced->code.begin(), displaced->code.begin() + original.size());
    std::fill_n(copy.begin() + at, 4, std::byte{});
    std::fill_n(original.begin() + at, 4, std::byte{});
    EXPECT_EQ(hex(copy), hex(original)) << "only the displacement differs";
  }
}

TEST(Slot, CallThroughThePcKeepsItsOperand) {
  // call [rip+0x10]: push [rip+6]; jmp [rip+…]
  EXPECT_EQ(slot_of("ff1510000000"), "ff3506000000ff250a4055000640555555550000");
}

TEST(Slot, OutOfReachIsSaid) {
  const auto displaced = displace(bytes("488d0510000000"), text, far_slot);
  ASSERT_FALSE(displaced);
  EXPECT_EQ(displaced.error().code, ErrorCode::unsupported);
  EXPECT_THAT(displaced.error().text, HasSubstr("0x555555554017 is more than 2 GiB from"));
  // A 32-bit address wraps, and so is always in reach.
  EXPECT_TRUE(displace(bytes("67488d0510000000"), text, far_slot));
}

TEST(Slot, WhatCannotMoveIsRefusedWithTheReason) {
  const std::pair<const char*, const char*> refused[] = {
      {"cc", "trap of the program's own"},
      {"cd80", "code segment"},
      {"f1", "code segment"},
      {"48cf", "code segment"},
      {"ff6b10", "code segment"},
      {"48ff5b10", "code segment"},
      {"cb", "code segment"},
      {"0f34", "code segment"},
      {"f4", "only the kernel"},
      {"0f30", "only the kernel"},
      {"0f01f8", "only the kernel"},
      {"c7f800000000", "transaction"},
      {"66ffe0", "16-bit"},
      {"66c3", "16-bit"},
      {"ffd4", "calls the stack"},
      {"ff5424f8", "writes its return address"},
      {"ff5424f1", "writes its return address"},
      {"ff9424fcffff7f", "too far from rsp"},
  };
  for (const auto& [instruction, why] : refused) {
    SCOPED_TRACE(instruction);
    const auto displaced = displace(bytes(instruction), text, near_slot);
    ASSERT_FALSE(displaced);
    EXPECT_EQ(displaced.error().code, ErrorCode::unsupported);
    EXPECT_THAT(displaced.error().text, HasSubstr(why));
    EXPECT_THAT(displaced.error().text, HasSubstr("0x555555554000"));
  }
  EXPECT_TRUE(displace(bytes("ff5424f0"), text, near_slot)) << "just below what it writes";
  EXPECT_TRUE(displace(bytes("6648e800010000"), text, near_slot)) << "rex.w makes it 64 bits wide";
}

TEST(Slot, BadBytes) {
  EXPECT_EQ(displace(bytes("06"), text, near_slot).error().code, ErrorCode::bad_data);
  EXPECT_EQ(displace({}, text, near_slot).error().code, ErrorCode::bad_data);
  const auto cut = displace(bytes("488d05"), text, near_slot);
  EXPECT_THAT(cut.error().text, HasSubstr("only the beginning of an instruction"));
}

// Whatever the bytes: no crash, and every instruction of the slot has its place.
TEST(Slot, EveryInstructionOfItHasAPlace) {
  std::mt19937_64 random(1);
  size_t made = 0;
  for (int round = 0; round < 200000; ++round) {
    std::byte instruction[16];
    for (auto& b : instruction) b = std::byte(random());
    const Addr slot = round % 2 == 0 ? near_slot : far_slot;
    const auto displaced = displace(instruction, text, slot);
    if (!displaced) continue;
    ++made;
    ASSERT_LE(displaced->code.size(), Displaced::max_size);
    ASSERT_EQ(displaced->stops.front().offset, 0);
    for (const auto& stop : displaced->stops) {
      const auto there = Bytes(displaced->code).subspan(stop.offset);
      ASSERT_TRUE(decode(there, slot + stop.offset)) << hex(displaced->code);
    }
    const auto start = displaced->place_of(0, {});
    ASSERT_TRUE(start);
    ASSERT_FALSE(start->executed);
    ASSERT_EQ(start->pc, text);
    // What follows an instruction that does not jump must be the next stop.
    for (size_t i = 0; i < displaced->stops.size(); ++i) {
      const auto at = displaced->stops[i].offset;
      const auto info = inspect(Bytes(displaced->code).subspan(at), slot + at);
      if (!info->falls_through()) continue;
      ASSERT_LT(i + 1, displaced->stops.size()) << hex(displaced->code);
      ASSERT_EQ(displaced->stops[i + 1].offset, at + info->length) << hex(displaced->code);
    }
  }
  EXPECT_GT(made, 50000U);
}

TEST(Place, OfACall) {
  const auto call = displace(bytes("e800010000"), text, near_slot);
  const auto before = call->settle(registers(near_slot.value));
  EXPECT_EQ(before->word(offsetof(user_regs_struct, rip)), text.value);
  EXPECT_EQ(before->word(offsetof(user_regs_struct, rsp)), 0x7000U);
  const auto pushed = call->place_of(6, registers(near_slot.value + 6));
  ASSERT_TRUE(pushed);
  EXPECT_TRUE(pushed->executed);
  EXPECT_EQ(pushed->pc, text + 0x105);
  EXPECT_EQ(pushed->registers.word(offsetof(user_regs_struct, rsp)), 0x7000U);
  EXPECT_FALSE(call->place_of(7, {}));
  EXPECT_FALSE(call->place_of(11, {})) << "the return address is no instruction";
}

TEST(Place, OfAnIndirectCallIsTakenBack) {
  const auto call = displace(bytes("ffd0"), text, near_slot);
  const auto place = call->place_of(6, registers(near_slot.value + 6));
  ASSERT_TRUE(place);
  EXPECT_FALSE(place->executed);
  EXPECT_EQ(place->pc, text);
  EXPECT_EQ(place->registers.word(offsetof(user_regs_struct, rsp)), 0x7008U);
}

TEST(Place, OfABranch) {
  const auto branch = displace(bytes("7402"), text, near_slot);
  EXPECT_EQ(branch->place_of(2, {})->pc, text + 2);
  EXPECT_EQ(branch->place_of(7, {})->pc, text + 4);
  EXPECT_TRUE(branch->place_of(7, {})->executed);
}

TEST(Place, OfASyscall) {
  const auto call = displace(bytes("0f05"), text, near_slot);
  const auto place = call->place_of(2, registers(near_slot.value + 2, 0, near_slot.value + 2));
  EXPECT_TRUE(place->executed);
  EXPECT_EQ(place->registers.word(offsetof(user_regs_struct, rcx)), text.value + 2);
  EXPECT_EQ(place->registers.word(offsetof(user_regs_struct, rip)), text.value + 2);
}

TEST(Place, ElsewhereIsRefused) {
  const auto push = displace(bytes("55"), text, near_slot);
  EXPECT_EQ(push->settle(registers(text.value)).error().code, ErrorCode::bad_request);
  EXPECT_TRUE(push->contains(near_slot + 1));
  EXPECT_FALSE(push->contains(near_slot + push->code.size()));
  EXPECT_FALSE(push->contains(near_slot - 1));
}

TEST(Inspect, Branches) {
  const auto call = inspect(bytes("e800010000"), text);
  EXPECT_TRUE(call->is_call && !call->is_indirect && call->falls_through());
  EXPECT_TRUE(call->writes_memory && call->writes_stack_pointer);
  EXPECT_EQ(call->target, text + 0x105);
  const auto indirect = inspect(bytes("ff1510000000"), text);
  EXPECT_TRUE(indirect->is_call && indirect->is_indirect && indirect->reads_memory);
  EXPECT_FALSE(indirect->target);
  const auto jump = inspect(bytes("ebfe"), text);
  EXPECT_TRUE(jump->is_jump && !jump->is_conditional && !jump->falls_through());
  EXPECT_EQ(jump->target, text);
  const auto branch = inspect(bytes("75fe"), text);
  EXPECT_TRUE(branch->is_jump && branch->is_conditional && branch->falls_through());
  EXPECT_TRUE(inspect(bytes("e2fe"), text)->is_conditional);
  const auto back = inspect(bytes("f3c3"), text);
  EXPECT_TRUE(back->is_return && !back->falls_through() && !back->is_repeated);
  const auto far_jump = inspect(bytes("ff6b10"), text);
  EXPECT_TRUE(far_jump->is_far && !far_jump->is_jump && !far_jump->falls_through());
}

TEST(Inspect, OtherKinds) {
  EXPECT_TRUE(inspect(bytes("0f05"), text)->is_syscall);
  EXPECT_TRUE(inspect(bytes("0f05"), text)->falls_through());
  EXPECT_TRUE(inspect(bytes("cc"), text)->is_int3);
  EXPECT_TRUE(inspect(bytes("f30f1efa"), text)->is_entry_mark);
  EXPECT_TRUE(inspect(bytes("90"), text)->is_nop);
  EXPECT_TRUE(inspect(bytes("660f1f440000"), text)->is_nop);
  EXPECT_TRUE(inspect(bytes("f3a4"), text)->is_repeated);
  EXPECT_FALSE(inspect(bytes("a4"), text)->is_repeated);
  EXPECT_FALSE(inspect(bytes("f390"), text)->is_repeated) << "pause";
  const auto lea = inspect(bytes("488d0510000000"), text);
  EXPECT_FALSE(lea->reads_memory || lea->writes_memory);
  EXPECT_EQ(lea->length, 7);
  const auto store = inspect(bytes("488905f0ffffff"), text);
  EXPECT_TRUE(store->writes_memory && !store->reads_memory && !store->writes_stack_pointer);
  EXPECT_TRUE(inspect(bytes("4883ec08"), text)->writes_stack_pointer);
  EXPECT_TRUE(inspect(bytes("c9"), text)->writes_stack_pointer);
}

TEST(InstructionStarts, UpToAnAddress) {
  // push rbp; mov rbp,rsp; ret
  const auto code = bytes("554889e5c3");
  EXPECT_THAT(*instruction_starts(code, text, text + 4), ElementsAre(text, text + 1, text + 4));
  EXPECT_THAT(*instruction_starts(code, text, text + 2), ElementsAre(text, text + 1));
  EXPECT_THAT(*instruction_starts(code, text, text), ElementsAre(text));
  EXPECT_EQ(instruction_starts(code, text, text + 6).error().code, ErrorCode::bad_request);
  EXPECT_EQ(instruction_starts(code, text, text - 1).error().code, ErrorCode::bad_request);
  const auto bad = instruction_starts(bytes("5506"), text, text + 2);
  EXPECT_THAT(bad.error().text, HasSubstr("0x555555554001"));
}

TEST(AddressesHeld, AreThoseThatNothingHasOverwritten) {
  // lea rax,[rip+0x100]; lea rbx,[rip+0x200]; lea ecx,[rip+0x300]; mov ebx,1; nop; call
  const auto code = bytes("488d0500010000488d1d000200008d0d00030000bb0100000090e84b000000");
  EXPECT_THAT(addresses_held_at(code, text, text + 14),
              UnorderedElementsAre(text + 0x107, text + 0x20e));
  EXPECT_THAT(addresses_held_at(code, text, text + 25), ElementsAre(text + 0x107));
  EXPECT_THAT(addresses_held_at(code, text, text + 31), ElementsAre()) << "what is called";
  EXPECT_THAT(addresses_held_at(code, text, text + 15), ElementsAre()) << "in an instruction";
  EXPECT_THAT(addresses_held_at(code, text, text + 99), ElementsAre()) << "beyond the code";
  // lea rax,[rip+0x400]; je x; lea rbx,[rip+0x500]; x: nop
  const auto jump = bytes("488d05000400007407488d1d0005000090");
  EXPECT_THAT(addresses_held_at(jump, text, text + 16), ElementsAre()) << "where a jump leads";
  EXPECT_THAT(addresses_held_at(jump, text, text + 9), ElementsAre(text + 0x407));
}

}  // namespace
}  // namespace clew::arch
