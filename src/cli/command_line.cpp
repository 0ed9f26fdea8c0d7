#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "cli/commands.h"
#include "cli/exit_status.h"
#include "cli/version.h"

namespace clew::cli {
namespace {

/// CLI11 reports by exceptions; they end here.
struct Parser {
  CLI::App app{"clew: a debugger for live, many-threaded programs"};
  FreezeOptions freeze;
  ThreadsOptions threads;
  AttachOptions attach;
  DoctorOptions doctor;
  CLI::App* freeze_command = nullptr;
  CLI::App* threads_command = nullptr;
  CLI::App* attach_command = nullptr;
  CLI::App* doctor_command = nullptr;

  Parser();

 private:
  static void add_target(CLI::App* command, TargetChoice& target) {
    command->add_option("PID", target.pid, "process id, or the tid of one of its threads");
    command
        ->add_option("--name", target.name, "the process of that name (the whole name; one match)")
        ->type_name("NAME");
    command->add_option("--wait-for", target.wait_for, "wait until a process of that name is there")
        ->type_name("NAME");
  }
  static void add_duration(CLI::App* command, const std::string& flag,
                           std::optional<Duration>& into, const std::string& help) {
    command
        ->add_option_function<std::string>(
            flag,
            [&into, flag](const std::string& text) {
              auto duration = parse_duration(text);
              if (!duration) throw CLI::ValidationError(flag, duration.error().text);
              into = *duration;
            },
            help)
        ->type_name("DURATION");
  }
};

constexpr const char* max_pause_help = "let the target go after that time, whatever clew is doing";

Parser::Parser() {
  app.set_version_flag("--version,-V", std::string("clew ") + version);
  app.require_subcommand(1);
  app.set_help_flag("--help,-h", "show this help");
  app.get_formatter()->column_width(34);
  app.failure_message(
      [](const CLI::App*, const CLI::Error& error) { return std::string(error.what()); });

  freeze_command =
      app.add_subcommand("freeze", "hold every thread of a process, show them, and let go");
  add_target(freeze_command, freeze.target);
  add_duration(freeze_command, "--for", freeze.hold_for, "hold that long (default: until Ctrl-C)");
  add_duration(freeze_command, "--max-pause", freeze.max_pause, max_pause_help);
  freeze_command->add_flag("--json", freeze.json, "one JSON document on standard output");

  threads_command = app.add_subcommand("threads", "show what every thread of a process is doing");
  add_target(threads_command, threads.target);
  add_duration(threads_command, "--max-pause", threads.max_pause, max_pause_help);
  auto* no_stop = threads_command->add_flag("--no-stop", threads.no_stop,
                                            "use /proc alone: nothing is stopped");
  auto* rolling =
      threads_command->add_flag("--rolling", threads.rolling, "stop one thread at a time");
  rolling->excludes(no_stop);
  threads_command->add_flag("--watch", threads.watch, "show it again every second, until Ctrl-C");
  threads_command->add_flag("--json", threads.json,
                            "one JSON document on standard output (a line each with --watch)");

  attach_command = app.add_subcommand("attach", "debug a running process");
  add_target(attach_command, attach.target);
  attach_command
      ->add_option("--exec,-x", attach.commands,
                   "a command to run after attaching; may be given again")
      ->type_name("COMMAND")
      ->allow_extra_args(false);
  attach_command->add_flag("--batch", attach.batch, "run the commands, then detach and end");
  add_duration(attach_command, "--max-pause", attach.max_pause, max_pause_help);

  doctor_command =
      app.add_subcommand("doctor", "say whether an attach would work, and if not, why");
  doctor_command->add_option("PID", doctor.pid, "process id")->required();
  doctor_command->add_flag("--json", doctor.json, "one JSON document on standard output");
}

int complain(Console& console, const CLI::App& app, const CLI::ParseError& error) {
  const auto chosen = app.get_subcommands();
  console.error(fmt::format("{}; see clew {}--help", error.what(),
                            chosen.empty() ? "" : chosen.front()->get_name() + " "));
  return exit_usage;
}

}  // namespace

int run_command_line(Context context, int argc, char** argv) {
  Parser parser;
  try {
    parser.app.parse(argc, argv);
  } catch (const CLI::CallForVersion&) {
    context.console.out(fmt::format("clew {}\n", version));
    return exit_done;
  } catch (const CLI::CallForHelp&) {
    const auto chosen = parser.app.get_subcommands();
    context.console.out(chosen.empty() ? parser.app.help() : chosen.front()->help("clew"));
    return exit_done;
  } catch (const CLI::ParseError& error) {
    return complain(context.console, parser.app, error);
  }
  if (parser.freeze_command->parsed()) return run_freeze(context, parser.freeze);
  if (parser.threads_command->parsed()) return run_threads(context, parser.threads);
  if (parser.attach_command->parsed()) return run_attach(context, parser.attach);
  return run_doctor(context, parser.doctor);
}

}  // namespace clew::cli
