#include <fmt/format.h>

#include <algorithm>

#include "base/printable.h"
#include "cli/debug/code_position.h"
#include "cli/debug/command_list.h"
#include "cli/debug/memory_view.h"
#include "lang/arithmetic.h"
#include "os/mappings.h"
#include "session/register_access.h"
#include "view/disassembly_view.h"
#include "view/table.h"
#include "view/thread_table.h"

namespace clew::cli {
namespace {

/// Where a string that never ends is cut.
constexpr size_t longest_string = 4096;

Result<std::string> read_string(Inferior& inferior, Addr address, uint64_t& length) {
  std::string text;
  std::byte chunk[256];
  while (text.size() < longest_string) {
    const auto n = inferior.read_memory(address + text.size(), chunk);
    if (!n) {
      if (text.empty()) return tl::unexpected(n.error());
      break;
    }
    const auto* const begin = reinterpret_cast<const char*>(chunk);
    const auto* const end = std::find(begin, begin + *n, '\0');
    text.append(begin, end);
    if (end != begin + *n) {
      length = text.size() + 1;
      return "\"" + printable(text) + "\"";
    }
  }
  length = text.size();
  return "\"" + printable(text) + "\"…";
}

/// As in gdb: $_ is the last address that x has shown, $__ what lies there.
void note_examined(Debugger& debugger, Addr last, uint64_t size, bool is_text) {
  value::Types& types = debugger.values().types();
  const lang::Arithmetic basic(debugger.values(), lang::Language::c);
  const value::Type* const type = is_text ? basic.character() : basic.signed_type(size);
  const auto there = value::Value::in_memory(debugger.values(), type, last);
  debugger.history().set_variable(
      "$_", value::Value::of_number(debugger.values(), types.pointer_to(type), last.value));
  debugger.history().set_variable("$__", there);
}

/// What x shows, and what it remembers of that.
struct Examined {
  std::string text;
  Addr last;          ///< the last that was shown; nothing was when `next` is where it began
  Addr next;          ///< where it goes on
  uint64_t unit = 1;  ///< bytes at `last`
  bool is_text = false;
  Status end;  ///< why not all of it is there
};

Status no_memory_at(Addr address) {
  return fail(ErrorCode::fault, fmt::format("there is no readable memory at {:#x}", address.value));
}

void examine_strings(Debugger& debugger, Inferior& inferior, uint64_t count, Examined& found) {
  found.is_text = true;
  for (uint64_t i = 0; i < count && found.end; ++i) {
    if (debugger.console().must_leave() || debugger.console().is_interrupted()) {
      found.end = fail(ErrorCode::cancelled, "interrupted");
      return;
    }
    uint64_t length = 0;
    const auto text = read_string(inferior, found.next, length);
    if (!text) {
      found.end = tl::unexpected(text.error());
      return;
    }
    found.text +=
        debugger.console().style().address(hex_address(found.next.value)) + ":  " + *text + "\n";
    found.last = found.next;
    found.next = found.next + length;
  }
}

void examine_instructions(Debugger& debugger, Inferior& inferior, uint64_t count, Examined& found) {
  DisassemblyOptions options;
  options.function_names = true;
  if (const auto position = current_position(debugger)) options.current = position->pc;
  const auto lines = disassemble_range(debugger.symbols(), inferior,
                                       {found.next, found.next + count * arch::longest_instruction},
                                       count, debugger.source.flavor);
  found.is_text = true;
  if (!lines) {
    found.end = tl::unexpected(lines.error());
    return;
  }
  found.text =
      render_disassembly(*lines, options, debugger.source.files, debugger.console().style());
  if (lines->empty()) return;
  found.last = lines->back().address;
  found.next = found.last + lines->back().bytes.size();
  if (lines->size() < count) found.end = no_memory_at(found.next);
}

Examined examine(Debugger& debugger, Inferior& inferior, const MemoryFormat& format, Addr address) {
  Examined found;
  found.next = address;
  if (format.letter == 'i') {
    examine_instructions(debugger, inferior, format.count, found);
    return found;
  }
  if (format.letter == 's') {
    examine_strings(debugger, inferior, format.count, found);
    return found;
  }
  std::vector<std::byte> bytes(dump_size(format));
  const auto n = inferior.read_memory(address, bytes);
  if (!n) {
    found.end = tl::unexpected(n.error());
    return found;
  }
  const size_t whole = *n - *n % format.size;
  found.text =
      render_memory(address, Bytes(bytes).first(whole), format, debugger.console().style());
  found.next = address + whole;
  found.unit = format.size;
  if (whole != 0) found.last = found.next - format.size;
  if (whole < bytes.size()) found.end = no_memory_at(address + *n);
  return found;
}

Status examine_memory(Debugger& debugger, const Arguments& arguments) {
  const auto session = debugger.session();
  if (!session) return tl::unexpected(session.error());
  const auto format = parse_memory_format(arguments.suffix, debugger.memory_format);
  if (!format) return tl::unexpected(format.error());
  Addr address;
  if (arguments.text.empty()) {
    if (!debugger.now().next_address)
      return fail(ErrorCode::bad_request, "usage: x/FMT ADDRESS, as in `x/4xg $rsp`");
    address = *debugger.now().next_address;
  } else {
    const auto value = debugger.evaluate(arguments.text);
    if (!value) return tl::unexpected(value.error());
    address = {*value};
  }
  debugger.memory_format = *format;
  const Examined found = examine(debugger, (*session)->inferior(), *format, address);
  debugger.console().out_paged(found.text);
  if (found.next != address) {
    debugger.now().next_address = found.next;
    note_examined(debugger, found.last, found.unit, found.is_text);
  }
  return found.end;
}

Status show_maps(Debugger& debugger, const Arguments& arguments) {
  const auto session = debugger.session();
  if (!session) return tl::unexpected(session.error());
  const auto proc = os::ProcDir::open((*session)->pid());
  if (!proc) return tl::unexpected(proc.error());
  const auto mappings = os::read_mappings(*proc);
  if (!mappings) return tl::unexpected(mappings.error());
  const Style& style = debugger.console().style();
  Table table({{"START", Table::Align::left, [&](std::string_view t) { return style.address(t); }},
               {"END", Table::Align::left, [&](std::string_view t) { return style.address(t); }},
               {"SIZE", Table::Align::right, {}},
               {"RIGHTS", Table::Align::left, {}},
               {"OFFSET", Table::Align::right, {}},
               {"FILE", Table::Align::left, {}}});
  size_t shown = 0;
  for (const os::Mapping& mapping : *mappings) {
    if (!arguments.text.empty() && mapping.path.find(arguments.text) == std::string::npos) continue;
    ++shown;
    table.add({hex_address(mapping.start.value), hex_address(mapping.end.value),
               fmt::format("{} KiB", (mapping.end - mapping.start) / 1024),
               fmt::format("{}{}{}{}", mapping.readable ? 'r' : '-', mapping.writable ? 'w' : '-',
                           mapping.executable ? 'x' : '-', mapping.shared ? 's' : 'p'),
               fmt::format("{:#x}", mapping.file_offset), printable(mapping.path)});
  }
  if (shown == 0)
    return fail(ErrorCode::not_found,
                fmt::format("no mapping's file has \"{}\" in its name", printable(arguments.text)));
  debugger.console().out_paged(table.render(0, [&](std::string_view t) { return style.faint(t); }));
  return {};
}

const DebugCommand memory_list[] = {
    {"x",
     {"examinemem"},
     "/FMT ADDRESS",
     "show memory",
     "FMT is a count, a letter (x hex, d signed, u unsigned, o octal, t binary, a address, c "
     "character, f floating\n"
     "point, s string, i instruction) and a size (b 1, h 2, w 4, g 8 bytes). ADDRESS is a number, "
     "a register, or a sum of such: x/4xg "
     "$rsp+16.\n"
     "Without an address it goes on behind the last. Memory can be read while the process runs.",
     examine_memory,
     true},
    {"maps",
     {"vmmap"},
     "[TEXT]",
     "the mappings of the process, or those whose file has TEXT in its name",
     "",
     show_maps},
};

}  // namespace

std::span<const DebugCommand> memory_commands() { return memory_list; }

bool is_memory_format(std::string_view suffix) {
  return suffix.find_first_of("0123456789ibhwg") != suffix.npos;
}

Result<std::string> memory_text(Debugger& debugger, std::string_view suffix,
                                const std::string& address) {
  const auto session = debugger.session();
  if (!session) return tl::unexpected(session.error());
  const auto format = parse_memory_format(suffix, {});
  if (!format) return tl::unexpected(format.error());
  const auto value = debugger.evaluate(address);
  if (!value) return tl::unexpected(value.error());
  Examined found = examine(debugger, (*session)->inferior(), *format, {*value});
  if (!found.end && found.text.empty()) return tl::unexpected(found.end.error());
  return std::move(found.text);
}

}  // namespace clew::cli
