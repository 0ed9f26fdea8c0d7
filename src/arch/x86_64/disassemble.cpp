#include "arch/disassemble.h"

#include <Zydis/Zydis.h>

#include "arch/x86_64/decode.h"

namespace clew::arch {
namespace {

ZydisFormatter make_formatter(AssemblyFlavor flavor) {
  ZydisFormatter formatter;
  ZydisFormatterInit(&formatter, flavor == AssemblyFlavor::intel ? ZYDIS_FORMATTER_STYLE_INTEL
                                                                 : ZYDIS_FORMATTER_STYLE_ATT);
  // As gdb, objdump and people write it.
  ZydisFormatterSetProperty(&formatter, ZYDIS_FORMATTER_PROP_HEX_UPPERCASE, ZYAN_FALSE);
  ZydisFormatterSetProperty(&formatter, ZYDIS_FORMATTER_PROP_ADDR_PADDING_ABSOLUTE,
                            ZYDIS_PADDING_DISABLED);
  ZydisFormatterSetProperty(&formatter, ZYDIS_FORMATTER_PROP_DISP_PADDING, ZYDIS_PADDING_DISABLED);
  ZydisFormatterSetProperty(&formatter, ZYDIS_FORMATTER_PROP_IMM_PADDING, ZYDIS_PADDING_DISABLED);
  return formatter;
}

std::optional<Addr> target_of(const Decoded& decoded, Addr address) {
  if (const auto branch = decoded.branch_target(address)) return branch;
  if (!decoded.is_pc_relative()) return std::nullopt;
  ZyanU64 absolute = 0;
  if (!ZYAN_SUCCESS(ZydisCalcAbsoluteAddress(&decoded.instruction, decoded.memory_operand(),
                                             address.value, &absolute)))
    return std::nullopt;
  return Addr{absolute};
}

}  // namespace

InstructionText disassemble(Bytes code, Addr address, AssemblyFlavor flavor) {
  InstructionText result;
  const auto decoded = decode(code, address);
  if (!decoded) {
    result.text = "(bad)";
    return result;
  }
  result.length = decoded->instruction.length;
  result.target = target_of(*decoded, address);
  const ZydisFormatter formatter = make_formatter(flavor);
  char text[256] = {};
  const auto status = ZydisFormatterFormatInstruction(
      &formatter, &decoded->instruction, decoded->all_operands.data(),
      decoded->instruction.operand_count_visible, text, sizeof text, address.value, nullptr);
  result.text = ZYAN_SUCCESS(status) ? text : "(bad)";
  return result;
}

}  // namespace clew::arch
