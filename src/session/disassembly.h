#pragma once

#include <vector>

#include "arch/disassemble.h"
#include "base/memory_reader.h"
#include "session/symbols.h"

namespace clew {

/// A stretch of code: [start, end).
struct CodeRange {
  Addr start, end;
};

/// One instruction with what is known of its place.
struct DisassembledLine {
  Addr address;
  std::vector<std::byte> bytes;
  std::string text;
  NamedPlace place;
  std::string target;  ///< name of what it calls, jumps to or refers to: "f+4"; empty when unknown
};

/// The piece of a function that an address lies in: functions can be in several (hot and cold).
/// @return not_found when no function is known there.
Result<CodeRange> function_range(const Symbols& symbols, Addr address);

/// Every instruction that begins in a range, at most `limit`.
/// @return fault when not even the first can be read; the rest is cut off where memory ends.
Result<std::vector<DisassembledLine>> disassemble_range(Symbols& symbols, MemoryReader& memory,
                                                        const CodeRange& range, size_t limit,
                                                        arch::AssemblyFlavor flavor);

/// "f+4" for an address of code or data; empty when nothing is known there. Not yet fit for a
/// terminal.
std::string symbolic_address(Symbols& symbols, Addr address);

/// Whether an instruction begins at an address, as far as the functions and lines that are known
/// tell. @return bad_request, which names the instruction that the address is in the middle of.
Status check_instruction_start(const Symbols& symbols, MemoryReader& memory, Addr address);

}  // namespace clew
