#include <fmt/format.h>

#include "cli/debug/command_list.h"
#include "cli/debug/settings.h"
#include "session/register_access.h"
#include "view/register_table.h"

namespace clew::cli {
namespace {

/// nullptr for the innermost one of a thread, whose registers are the thread's own.
Result<const stack::RawFrame*> selected_frame(Debugger& debugger, const Session& session) {
  const auto& goroutine = session.selected_goroutine();
  if (session.selected_frame() == 0 && !(goroutine && goroutine->is_parked)) return nullptr;
  const auto chosen = debugger.stacks().selected();
  if (!chosen) return tl::unexpected(chosen.error());
  return chosen->is_innermost() ? nullptr : chosen->raw;
}

Status show_registers(Debugger& debugger, const Arguments& arguments) {
  const auto session = debugger.held_session();
  if (!session) return tl::unexpected(session.error());
  const auto frame = selected_frame(debugger, **session);
  if (!frame) return tl::unexpected(frame.error());
  const auto id = (*session)->selected();
  // Of a goroutine that is on no thread there is the frame alone.
  if (!id && *frame == nullptr) return tl::unexpected(id.error());
  const ThreadId thread = id.value_or(ThreadId{});
  Inferior& inferior = (*session)->inferior();
  std::vector<RegisterValue> values;
  std::vector<std::string> names = arguments.words;
  const bool all = !names.empty() && names.front() == "-a";
  if (all) names.erase(names.begin());
  if (!names.empty()) {
    for (const std::string& name : names) {
      const arch::RegisterInfo* const info = inferior.arch().find(name);
      auto value = info == nullptr ? read_register(inferior, thread, name)
                                   : read_register(inferior, thread, *frame, *info);
      if (!value) return tl::unexpected(value.error());
      values.push_back(std::move(*value));
    }
  } else {
    for (const arch::RegisterInfo& info : inferior.arch().registers) {
      if (!all && info.block != arch::RegisterBlock::general) continue;
      auto value = read_register(inferior, thread, *frame, info);
      if (value) {
        values.push_back(std::move(*value));
      } else if (*frame != nullptr) {
        values.push_back({&info, {}, false});
      } else if (value.error().code != ErrorCode::unavailable) {
        return tl::unexpected(value.error());
      }
    }
  }
  debugger.console().out_paged(render_registers(values, debugger.console().style()));
  return {};
}

Status set_register(Debugger& debugger, const Arguments& arguments) {
  const auto [first, rest] = split_first_word(arguments.text);
  if (const Setting* setting = find_setting(first)) return setting->set(debugger, rest);
  const size_t equals = arguments.text.find('=');
  const size_t name_start = arguments.text.find('$');
  constexpr std::string_view usage =
      "usage: set $REG = VALUE, as in `set $rax = 0x10`; or set NAME VALUE: `show` lists them";
  if (equals == std::string::npos || name_start == std::string::npos || name_start > equals) {
    return fail(ErrorCode::bad_request, std::string(usage));
  }
  const std::string before = arguments.text.substr(0, name_start);
  if (!before.empty() && before != "var " && before != "variable ")
    return fail(ErrorCode::bad_request, std::string(usage));
  std::string name = arguments.text.substr(name_start, equals - name_start);
  name.erase(name.find_last_not_of(" \t") + 1);
  const auto session = debugger.held_session();
  if (!session) return tl::unexpected(session.error());
  const auto id = (*session)->selected();
  if (!id) return tl::unexpected(id.error());
  const auto frame = selected_frame(debugger, **session);
  if (!frame) return tl::unexpected(frame.error());
  if (*frame != nullptr) {
    return fail(ErrorCode::unsupported,
                "only registers of the innermost frame can be changed: `frame 0` selects it");
  }
  Inferior& inferior = (*session)->inferior();
  if (auto done = assign_register(inferior, *id, name, arguments.text.substr(equals + 1)); !done)
    return done;
  const auto value = read_register(inferior, *id, name);
  if (!value) return tl::unexpected(value.error());
  debugger.console().out(fmt::format("{} = {}\n", value->info->name, hex_bytes(value->bytes)));
  return {};
}

const DebugCommand commands[] = {
    {"regs",
     {"registers", "reg"},
     "[-a] [NAME...]",
     "registers of the selected frame",
     "Without names the general ones, with -a the floating-point, vector and debug registers too.\n"
     "In an outer frame they are what its function had in them when it called the next one; what "
     "was not saved is not known.",
     show_registers,
     true},
    {"set",
     {},
     "$REG = VALUE | NAME VALUE",
     "change a register of the selected thread, or a setting",
     "VALUE is a number, a register, or a sum of such. Registers wider than 8 bytes take 0x and "
     "their digits.\n`show` lists the settings.",
     set_register,
     true},
};

}  // namespace

std::span<const DebugCommand> register_commands() { return commands; }

}  // namespace clew::cli
