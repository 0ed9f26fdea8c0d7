#include "session/disassembly.h"

#include <fmt/format.h>

#include <algorithm>

#include "sym/code_tables.h"

namespace clew {
namespace {

/// Code of a function that is larger is not read at once.
constexpr uint64_t largest_read = 1 << 20;

std::string with_offset(std::string_view name, uint64_t offset) {
  return offset == 0 ? std::string(name) : fmt::format("{}+{}", name, offset);
}

}  // namespace

Result<CodeRange> function_range(const Symbols& symbols, Addr address) {
  const sym::LoadedModule* const loaded = symbols.modules().find(address);
  if (loaded == nullptr) {
    return fail(ErrorCode::not_found,
                fmt::format("{:#x} is in no file's code: say START,END", address.value));
  }
  const sym::Module& module = *loaded->module;
  const uint64_t at = loaded->to_file(address);
  {
    const auto lock = module.lock();
    const uint64_t bias = module.debug_bias();
    sym::UnitCode::Piece piece;
    sym::UnitCode* const unit = module.code_tables().unit_at(at - bias);
    if (unit != nullptr && unit->find_piece(at - bias, piece)) {
      return CodeRange{loaded->to_runtime(piece.start + bias),
                       loaded->to_runtime(piece.end + bias)};
    }
  }
  if (const sym::Symbol* const symbol = module.symbols().find_code(at);
      symbol != nullptr && symbol->size > 0) {
    return CodeRange{loaded->to_runtime(symbol->address),
                     loaded->to_runtime(symbol->address + symbol->size)};
  }
  return fail(ErrorCode::not_found,
              fmt::format("no function is known at {:#x}: say START,END", address.value));
}

std::string symbolic_address(Symbols& symbols, Addr address) {
  const NamedPlace& place = symbols.place(address);
  if (!place.function.empty()) return with_offset(place.function, place.offset);
  return symbols.data_name(address);
}

Result<std::vector<DisassembledLine>> disassemble_range(Symbols& symbols, MemoryReader& memory,
                                                        const CodeRange& range, size_t limit,
                                                        arch::AssemblyFlavor flavor) {
  std::vector<DisassembledLine> lines;
  std::vector<std::byte> code(
      std::min(range.end - range.start + arch::longest_instruction, largest_read));
  const auto read = memory.read_memory(range.start, code);
  if (!read) return tl::unexpected(read.error());
  const Bytes known = Bytes(code).first(*read);
  for (size_t at = 0; at < known.size() && range.start + at < range.end && lines.size() < limit;) {
    const Addr address = range.start + at;
    const Bytes here = known.subspan(at, std::min(arch::longest_instruction, known.size() - at));
    arch::InstructionText instruction = arch::disassemble(here, address, flavor);
    DisassembledLine& line = lines.emplace_back();
    line.address = address;
    line.bytes.assign(here.begin(), here.begin() + instruction.length);
    line.text = std::move(instruction.text);
    line.place = symbols.place(address);
    if (instruction.target) line.target = symbolic_address(symbols, *instruction.target);
    at += instruction.length;
  }
  return lines;
}

}  // namespace clew
