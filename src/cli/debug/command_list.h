#pragma once

#include <span>

#include "cli/debug/debugger.h"

namespace clew::cli {

// The commands of each file here, joined by debug_commands().
std::span<const DebugCommand> process_commands();
std::span<const DebugCommand> thread_commands();
std::span<const DebugCommand> goroutine_commands();
std::span<const DebugCommand> deferred_commands();
std::span<const DebugCommand> stack_commands();
std::span<const DebugCommand> value_commands();
std::span<const DebugCommand> text_commands();
std::span<const DebugCommand> register_commands();
std::span<const DebugCommand> memory_commands();
std::span<const DebugCommand> run_commands();
std::span<const DebugCommand> step_commands();
std::span<const DebugCommand> skip_commands();
std::span<const DebugCommand> frame_commands();
std::span<const DebugCommand> signal_commands();
std::span<const DebugCommand> breakpoint_commands();
std::span<const DebugCommand> catch_commands();
std::span<const DebugCommand> launch_commands();
std::span<const DebugCommand> setting_commands();
std::span<const DebugCommand> source_commands();
std::span<const DebugCommand> disassemble_commands();
std::span<const DebugCommand> info_commands();
std::span<const DebugCommand> help_commands();

/// DebugCommand::prepare of those that look names up: reads them while the target runs.
void prepare_names(Debugger& debugger, const Arguments& arguments);

/// For `info frame`.
Status show_frame(Debugger& debugger, const Arguments& arguments);
/// For `info inferiors`.
Status show_processes(Debugger& debugger, const Arguments& arguments);
/// For `info skip`.
Status show_skips(Debugger& debugger, const Arguments& arguments);
/// For `info breakpoints`.
Status show_breakpoints(Debugger& debugger, const Arguments& arguments);
Status show_watchpoints(Debugger& debugger, const Arguments& arguments);

}  // namespace clew::cli
