#include "arch/x86_64/decode.h"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>
#include <unordered_set>

#include "arch/displace.h"

namespace clew::arch {
namespace {

ZydisDecoder make_decoder() {
  ZydisDecoder decoder;
  ZydisDecoderInit(&decoder, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
  return decoder;
}

bool is_far(const ZydisDecodedInstruction& instruction) {
  switch (instruction.mnemonic) {
    case ZYDIS_MNEMONIC_INT:
    case ZYDIS_MNEMONIC_INT1:
    case ZYDIS_MNEMONIC_INT3:
    case ZYDIS_MNEMONIC_IRET:
    case ZYDIS_MNEMONIC_IRETD:
    case ZYDIS_MNEMONIC_IRETQ:
    case ZYDIS_MNEMONIC_SYSENTER:
    case ZYDIS_MNEMONIC_SYSEXIT:
    case ZYDIS_MNEMONIC_SYSRET:
    case ZYDIS_MNEMONIC_UIRET:
      return true;
    default:
      return instruction.meta.branch_type == ZYDIS_BRANCH_TYPE_FAR;
  }
}

void note_branch(InstructionInfo& info, const Decoded& decoded, Addr address) {
  const auto category = decoded.instruction.meta.category;
  info.is_call = category == ZYDIS_CATEGORY_CALL;
  info.is_return = category == ZYDIS_CATEGORY_RET;
  info.is_conditional = category == ZYDIS_CATEGORY_COND_BR;
  info.is_jump = info.is_conditional || category == ZYDIS_CATEGORY_UNCOND_BR;
  if (!info.is_call && !info.is_jump) return;
  info.target = decoded.branch_target(address);
  info.is_indirect = !info.target;
}

}  // namespace

bool Decoded::is_narrow_branch() const {
  const std::span prefixes(instruction.raw.prefixes, instruction.raw.prefix_count);
  const bool has_66 = std::any_of(prefixes.begin(), prefixes.end(),
                                  [](const auto& prefix) { return prefix.value == 0x66; });
  return has_66 && !(has(ZYDIS_ATTRIB_HAS_REX) && instruction.raw.rex.W != 0);
}

const ZydisDecodedOperand* Decoded::memory_operand() const {
  for (const auto& operand : operands()) {
    if (operand.type == ZYDIS_OPERAND_TYPE_MEMORY &&
        operand.visibility == ZYDIS_OPERAND_VISIBILITY_EXPLICIT) {
      return &operand;
    }
  }
  return nullptr;
}

bool Decoded::is_pc_relative() const {
  const auto* memory = memory_operand();
  return memory != nullptr &&
         (memory->mem.base == ZYDIS_REGISTER_RIP || memory->mem.base == ZYDIS_REGISTER_EIP);
}

std::optional<Addr> Decoded::branch_target(Addr address) const {
  for (const auto& operand : operands()) {
    if (operand.type == ZYDIS_OPERAND_TYPE_IMMEDIATE && operand.imm.is_relative) {
      return address + instruction.length + operand.imm.value.u;
    }
  }
  return std::nullopt;
}

Result<Decoded> decode(Bytes instruction, Addr address) {
  static const ZydisDecoder decoder = make_decoder();
  Decoded decoded;
  const auto status = ZydisDecoderDecodeFull(&decoder, instruction.data(), instruction.size(),
                                             &decoded.instruction, decoded.all_operands.data());
  if (!ZYAN_SUCCESS(status)) {
    const bool is_cut = status == ZYDIS_STATUS_NO_MORE_DATA;
    return fail(ErrorCode::bad_data, fmt::format("{:#x} holds {}", address.value,
                                                 is_cut ? "only the beginning of an instruction"
                                                        : "bytes that are no instruction"));
  }
  return decoded;
}

Result<InstructionInfo> inspect(Bytes instruction, Addr address) {
  const auto decoded = decode(instruction, address);
  if (!decoded) return tl::unexpected(decoded.error());
  const auto& found = decoded->instruction;
  InstructionInfo info;
  info.length = found.length;
  info.is_far = is_far(found);
  if (!info.is_far) note_branch(info, *decoded, address);
  info.is_syscall = found.mnemonic == ZYDIS_MNEMONIC_SYSCALL;
  info.is_int3 = found.mnemonic == ZYDIS_MNEMONIC_INT3;
  info.is_entry_mark = found.mnemonic == ZYDIS_MNEMONIC_ENDBR64;
  info.is_nop = found.mnemonic == ZYDIS_MNEMONIC_NOP;
  info.is_repeated =
      decoded->has(ZYDIS_ATTRIB_HAS_REP | ZYDIS_ATTRIB_HAS_REPE | ZYDIS_ATTRIB_HAS_REPNE);
  for (const auto& operand : decoded->operands()) {
    if (operand.type == ZYDIS_OPERAND_TYPE_MEMORY && operand.mem.type != ZYDIS_MEMOP_TYPE_AGEN) {
      info.reads_memory |= (operand.actions & ZYDIS_OPERAND_ACTION_MASK_READ) != 0;
      info.writes_memory |= (operand.actions & ZYDIS_OPERAND_ACTION_MASK_WRITE) != 0;
    }
    if (operand.type == ZYDIS_OPERAND_TYPE_REGISTER &&
        (operand.actions & ZYDIS_OPERAND_ACTION_MASK_WRITE) != 0) {
      const auto whole =
          ZydisRegisterGetLargestEnclosing(ZYDIS_MACHINE_MODE_LONG_64, operand.reg.value);
      info.writes_stack_pointer |= whole == ZYDIS_REGISTER_RSP;
    }
  }
  return info;
}

Result<std::vector<Addr>> instruction_starts(Bytes code, Addr from, Addr to) {
  if (to < from || to - from > code.size()) {
    return fail(ErrorCode::bad_request,
                fmt::format("{:#x} is not within the code from {:#x} on", to.value, from.value));
  }
  std::vector<Addr> starts;
  Addr at = from;
  while (at < to) {
    starts.push_back(at);
    const auto decoded = decode(code.subspan(at - from), at);
    if (!decoded) return tl::unexpected(decoded.error());
    at = at + decoded->instruction.length;
  }
  if (at == to) starts.push_back(at);
  return starts;
}

std::vector<Addr> addresses_held_at(Bytes code, Addr from, Addr to) {
  if (to < from || to - from > code.size()) return {};
  std::unordered_set<uint64_t> led_to;
  for (Addr at = from; at < to;) {
    const auto info = inspect(code.subspan(at - from), at);
    if (!info) return {};
    if (info->is_jump && info->target) led_to.insert(info->target->value);
    at = at + info->length;
  }
  std::unordered_map<int, Addr> held;
  Addr at = from;
  while (at < to) {
    const auto decoded = decode(code.subspan(at - from), at);
    if (!decoded) return {};
    if (led_to.contains(at.value) || decoded->instruction.meta.category == ZYDIS_CATEGORY_CALL)
      held.clear();
    const ZydisDecodedOperand* const memory = decoded->memory_operand();
    for (const auto& operand : decoded->operands()) {
      if (operand.type != ZYDIS_OPERAND_TYPE_REGISTER ||
          (operand.actions & ZYDIS_OPERAND_ACTION_MASK_WRITE) == 0) {
        continue;
      }
      const auto whole =
          ZydisRegisterGetLargestEnclosing(ZYDIS_MACHINE_MODE_LONG_64, operand.reg.value);
      held.erase(whole);
      const bool is_address = decoded->instruction.mnemonic == ZYDIS_MNEMONIC_LEA &&
                              memory != nullptr && memory->mem.base == ZYDIS_REGISTER_RIP &&
                              operand.reg.value == whole;
      if (is_address) {
        held[whole] =
            at + decoded->instruction.length + static_cast<uint64_t>(memory->mem.disp.value);
      }
    }
    at = at + decoded->instruction.length;
  }
  if (at != to || led_to.contains(to.value)) return {};
  std::vector<Addr> addresses;
  addresses.reserve(held.size());
  for (const auto& [reg, address] : held) addresses.push_back(address);
  return addresses;
}

}  // namespace clew::arch
