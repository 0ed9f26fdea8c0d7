#include <fmt/format.h>

#include "cli/debug/command_list.h"
#include "cli/debug/settings.h"
#include "cli/debug/typed_line.h"
#include "lang/expression.h"
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

/// What an expression with an assignment in it changes.
Status assign(Debugger& debugger, const std::string& text) {
  if (const auto session = debugger.session(); !session) return tl::unexpected(session.error());
  ValueScope scope = debugger.value_scope();
  const auto value = lang::evaluate(text, scope);
  return value ? Status{} : tl::unexpected(value.error());
}

/// Registers of more than eight bytes take 0x and their digits; the others what an expression is.
Status write_value(Debugger& debugger, ThreadId id, const arch::RegisterInfo& info,
                   const std::string& text) {
  Inferior& inferior = (*debugger.session())->inferior();
  if (info.size > sizeof(uint64_t)) return assign_wide_register(inferior, id, info, text);
  const auto number = debugger.evaluate(text);
  if (!number) return tl::unexpected(number.error());
  // A negative one is as wide as it must be.
  const uint64_t limit = info.size == 8 ? UINT64_MAX : (uint64_t{1} << (8 * info.size)) - 1;
  const uint64_t sign = *number | limit >> 1;
  if (*number > limit && sign != UINT64_MAX) {
    return fail(ErrorCode::bad_request, fmt::format("{:#x} does not fit in {}, which has {} bytes",
                                                    *number, info.name, info.size));
  }
  return write_register(inferior, id, info, Bytes(bytes_of(*number)).first(info.size));
}

Status set_register(Debugger& debugger, const arch::RegisterInfo& info, const std::string& text) {
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
  if (auto done = write_value(debugger, *id, info, text); !done) return done;
  (*session)->note_change();
  const auto value = read_register((*session)->inferior(), *id, info);
  if (!value) return tl::unexpected(value.error());
  debugger.console().out(fmt::format("{} = {}\n", value->info->name, hex_bytes(value->bytes)));
  return {};
}

Status set(Debugger& debugger, const Arguments& arguments) {
  std::string text = arguments.text;
  const auto [setting, value] = split_setting(text);
  if (setting != nullptr) return setting->set(debugger, value);
  const auto [first, rest] = split_first_word(text);
  if (first == "var" || first == "variable") text = rest;
  const size_t equals = text.find('=');
  if (equals == std::string::npos) {
    return fail(ErrorCode::bad_request,
                "usage: set $REG = VALUE, as in `set $rax = 0x10`; set var NAME = VALUE; or set "
                "NAME VALUE: `show` lists them");
  }
  const std::string name(trimmed(text.substr(0, equals)));
  const arch::RegisterInfo* const info =
      name.starts_with('$') && !text.substr(equals).starts_with("==") ? arch::native().find(name)
                                                                      : nullptr;
  return info == nullptr ? assign(debugger, text)
                         : set_register(debugger, *info, text.substr(equals + 1));
}

const DebugCommand register_list[] = {
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
     "$REG = VALUE | [var] NAME = VALUE | NAME VALUE",
     "change a register of the selected thread, a variable of the program, or a setting",
     "VALUE is an expression: see `help print`. Registers wider than 8 bytes take 0x and "
     "their digits.\n`show` lists the settings.",
     set,
     true},
};

}  // namespace

std::span<const DebugCommand> register_commands() { return register_list; }

}  // namespace clew::cli
