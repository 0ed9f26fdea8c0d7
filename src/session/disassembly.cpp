#include "session/disassembly.h"

#include <fmt/format.h>

#include <algorithm>

#include "arch/displace.h"
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

Status check_instruction_start(const Symbols& symbols, MemoryReader& memory, Addr address) {
  const sym::LoadedModule* const loaded = symbols.modules().find(address);
  if (loaded == nullptr) return {};
  // The nearest beginning that is known: a row of the line table, or the function's.
  std::optional<Addr> from;
  if (const auto row = sym::line_range_at(*loaded->module, loaded->to_file(address)))
    from = loaded->to_runtime(row->start);
  if (!from) {
    const auto range = function_range(symbols, address);
    if (!range) return {};
    from = range->start;
  }
  const uint64_t distance = address - *from;
  if (distance > largest_read) return {};
  std::vector<std::byte> code(distance + arch::longest_instruction);
  const auto read = memory.read_memory(*from, code);
  if (!read || *read <= distance) return {};
  const auto starts = arch::instruction_starts(Bytes(code).first(*read), *from, address);
  // Bytes that are no instruction, and data among the code, say nothing.
  if (!starts || starts->empty() || starts->back() == address) return {};
  const Addr start = starts->back();
  const Bytes here = Bytes(code).subspan(start - *from);
  const auto info =
      arch::inspect(here.first(std::min(here.size(), *read - (start - *from))), start);
  if (!info) return {};
  return fail(ErrorCode::bad_request,
              fmt::format("{:#x} is in the middle of an instruction: one begins at {:#x}, the next "
                          "at {:#x}",
                          address.value, start.value, (start + info->length).value));
}

}  // namespace clew
