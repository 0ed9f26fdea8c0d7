#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <charconv>

#include "base/printable.h"
#include "cli/commands.h"
#include "cli/exit_status.h"
#include "cli/version.h"

namespace clew::cli {
namespace {

constexpr const char* max_pause_help = "let the target go after that time, whatever clew is doing";

/// CLI11 reports by exceptions; they end here.
struct Parser {
  CLI::App app{"clew: a debugger for live, many-threaded programs"};
  FreezeOptions freeze;
  ThreadsOptions threads;
  StacksOptions stacks;
  GoroutinesOptions goroutines;
  TraceOptions trace;
  AttachOptions attach;
  RunOptions run;
  DoctorOptions doctor;
  CLI::App* freeze_command = nullptr;
  CLI::App* threads_command = nullptr;
  CLI::App* stacks_command = nullptr;
  CLI::App* goroutines_command = nullptr;
  CLI::App* trace_command = nullptr;
  CLI::App* attach_command = nullptr;
  CLI::App* run_command = nullptr;
  CLI::App* doctor_command = nullptr;

  Parser();

 private:
  void add_run();
  void add_stacks();
  void add_goroutines();
  void add_trace();
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
  static void add_debugger(CLI::App* command, DebugOptions& options) {
    command
        ->add_option("--exec,-x", options.commands,
                     "a command to run at the start; may be given again")
        ->type_name("COMMAND")
        ->allow_extra_args(false);
    command->add_flag("--batch", options.batch, "run the commands, then leave");
    add_duration(command, "--max-pause", options.max_pause, max_pause_help);
    add_detach_after(command, options.detach_after);
  }
  static void add_detach_after(CLI::App* command, DetachAfter& into) {
    command
        ->add_option_function<std::string>(
            "--detach-after",
            [&into](const std::string& text) {
              uint64_t hits = 0;
              const auto [end, error] =
                  std::from_chars(text.data(), text.data() + text.size(), hits);
              if (error == std::errc() && end == text.data() + text.size() && hits > 0) {
                into.hits = hits;
                return;
              }
              auto duration = parse_duration(text);
              if (!duration) throw CLI::ValidationError("--detach-after", duration.error().text);
              into.time = *duration;
            },
            "let the process go by itself after that many hits, or that time")
        ->type_name("HITS|DURATION");
  }
};

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

  add_stacks();
  add_goroutines();
  add_trace();

  attach_command = app.add_subcommand("attach", "debug a running process");
  add_target(attach_command, attach.target);
  add_debugger(attach_command, attach);
  add_run();

  doctor_command =
      app.add_subcommand("doctor", "say whether an attach would work, and if not, why");
  doctor_command->add_option("PID", doctor.pid, "process id")->required();
  doctor_command->add_flag("--json", doctor.json, "one JSON document on standard output");
}

void Parser::add_run() {
  run_command = app.add_subcommand("run", "start a program and debug it");
  // Everything from the program's name on is the program's.
  run_command->prefix_command();
  run_command->footer(
      "Behind the options: -- PROGRAM [ARGS...]. Without a program the prompt has none yet.");
  LaunchOptions& program = run.program;
  run_command
      ->add_option_function<std::vector<std::string>>(
          "--env",
          [&program](const std::vector<std::string>& texts) {
            for (const std::string& text : texts) {
              const size_t equals = text.find('=');
              if (equals == 0 || equals == text.npos)
                throw CLI::ValidationError("--env", "give NAME=VALUE");
              program.changes.push_back({text.substr(0, equals), text.substr(equals + 1)});
            }
          },
          "a variable for the program; may be given again")
      ->type_name("NAME=VALUE")
      ->allow_extra_args(false);
  run_command
      ->add_option_function<std::vector<std::string>>(
          "--unset-env",
          [&program](const std::vector<std::string>& names) {
            for (const std::string& name : names) program.changes.push_back({name, std::nullopt});
          },
          "a variable that the program does not get; may be given again")
      ->type_name("NAME")
      ->allow_extra_args(false);
  run_command->add_option("--cwd", program.directory, "the folder to start it in")
      ->type_name("FOLDER");
  run_command->add_option("--stdin", program.input, "its standard input")->type_name("FILE");
  run_command->add_option("--stdout", program.output, "its standard output")->type_name("FILE");
  run_command->add_option("--stderr", program.error_output, "its standard error")
      ->type_name("FILE");
  run_command->add_option("--tty", program.terminal, "a terminal of its own")
      ->type_name("TERMINAL");
  auto* fixed = run_command->add_flag_callback(
      "--no-aslr", [&program] { program.randomize = false; }, "the same addresses in every run");
  run_command
      ->add_flag_callback(
          "--aslr", [&program] { program.randomize = true; },
          "randomized addresses, also where clew itself was started without")
      ->excludes(fixed);
  add_debugger(run_command, run);
}

void Parser::add_stacks() {
  stacks_command = app.add_subcommand("stacks", "show the stacks of all threads of a process");
  add_target(stacks_command, stacks.target);
  add_duration(stacks_command, "--max-pause", stacks.max_pause, max_pause_help);
  auto* json =
      stacks_command->add_flag("--json", stacks.json, "one JSON document on standard output");
  auto* folded = stacks_command->add_flag("--folded", stacks.folded,
                                          "a line for each stack, as flame graph tools read them");
  folded->excludes(json);
  stacks_command->add_option("--svg", stacks.svg, "write a flame graph, for a browser")
      ->type_name("FILE")
      ->excludes(json)
      ->excludes(folded);
  auto* svg = stacks_command->get_option("--svg");
  stacks_command
      ->add_flag("--full", stacks.full, "the arguments and local variables of each frame too")
      ->excludes(folded)
      ->excludes(svg);
  stacks_command->add_flag("--no-group", stacks.no_group,
                           "each thread by itself, the same stacks too");
  stacks_command->add_flag("--all", stacks.all, "show idle pools and repeated frames whole");
}

void Parser::add_goroutines() {
  goroutines_command =
      app.add_subcommand("goroutines", "show what every goroutine of a Go program is doing");
  add_target(goroutines_command, goroutines.target);
  add_duration(goroutines_command, "--max-pause", goroutines.max_pause, max_pause_help);
  goroutines_command->add_flag("--json", goroutines.json, "one JSON document on standard output");
  auto* no_group =
      goroutines_command->add_flag("--no-group", goroutines.no_group, "each goroutine by itself");
  const auto add_filter = [&](const std::string& name, std::vector<std::string>& into,
                              const std::string& help) {
    goroutines_command->add_option(name, into, help)
        ->type_name("FIELD=VALUE")
        ->allow_extra_args(false);
  };
  add_filter("--with", goroutines.with,
             "only those: userloc, curloc, goloc, startloc, state, label, running, user");
  add_filter("--without", goroutines.without, "all but those");
  goroutines_command
      ->add_option("--group", goroutines.group, "by that field; label=KEY by the label's value")
      ->type_name("FIELD")
      ->excludes(no_group);
  auto* const location = goroutines_command->add_option_group("location", "LOCATION is");
  location->add_flag("-u,--user-location")
      ->description("the innermost place in the user's code (default)");
  location->add_flag("-r,--current-location", goroutines.current_location,
                     "where it stands itself");
  location->add_flag("-g,--go-location", goroutines.go_location, "the go statement that made it");
  location->add_flag("-s,--start-location", goroutines.start_location,
                     "the function that it began with");
  location->require_option(0, 1);
}

void Parser::add_trace() {
  trace_command = app.add_subcommand(
      "trace", "show every call of some functions, with arguments and return values");
  add_target(trace_command, trace.target);
  trace_command->add_option(
      "REGEX", trace.functions,
      "which functions: an extended regular expression, matched anywhere in a name");
  add_duration(trace_command, "--for", trace.duration, "trace that long (default: until Ctrl-C)");
  trace_command->add_option("--calls", trace.calls, "end after so many calls")
      ->type_name("N")
      ->check(CLI::PositiveNumber);
  trace_command->add_option("--stack", trace.stack, "show so many callers of each call")
      ->type_name("N");
  trace_command
      ->add_option("--rate", trace.rate,
                   "show so many calls a second at the most (default 1000; 0: all)")
      ->type_name("N");
  trace_command->add_flag("--count", trace.count, "no calls, but a table of them at the end");
  add_duration(trace_command, "--max-pause", trace.max_pause, max_pause_help);
  trace_command->add_flag("--json", trace.json,
                          "a JSON object a line, or with --count one document");
}

int complain(Console& console, const CLI::App& app, const CLI::ParseError& error) {
  const auto chosen = app.get_subcommands();
  console.error(fmt::format("{}; see clew {}--help", error.what(),
                            chosen.empty() ? "" : chosen.front()->get_name() + " "));
  return exit_usage;
}

/// Where the "--" of `clew run` stands; argc when there is none. CLI11 takes what is behind it for
/// arguments of clew's own.
int find_separator(int argc, char** argv) {
  if (argc < 2 || std::string_view(argv[1]) != "run") return argc;
  int at = 2;
  while (at < argc && std::string_view(argv[at]) != "--") ++at;
  return at;
}

/// What is to be run: all behind the program's name is its own, a second "--" too.
std::vector<std::string> program_of(std::vector<std::string> before, int at, int argc,
                                    char** argv) {
  const bool is_named = !before.empty();
  for (int i = is_named ? at : at + 1; i < argc; ++i) before.emplace_back(argv[i]);
  return before;
}

}  // namespace

int run_command_line(Context context, int argc, char** argv) {
  Parser parser;
  const int separator = find_separator(argc, argv);
  try {
    parser.app.parse(separator, argv);
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
  if (parser.stacks_command->parsed()) return run_stacks(context, parser.stacks);
  if (parser.goroutines_command->parsed()) return run_goroutines(context, parser.goroutines);
  if (parser.trace_command->parsed()) {
    // With --name and the like there is no PID: the first word is the expression.
    TargetChoice& target = parser.trace.target;
    if (parser.trace.functions.empty() && (!target.name.empty() || !target.wait_for.empty()))
      parser.trace.functions = std::exchange(target.pid, {});
    if (parser.trace.functions.empty()) {
      context.console.error("trace which functions? clew trace PID REGEX; see clew trace --help");
      return exit_usage;
    }
    return run_trace(context, parser.trace);
  }
  if (parser.attach_command->parsed()) return run_attach(context, parser.attach);
  if (parser.run_command->parsed()) {
    // What stands before the program's name is clew's.
    const std::vector<std::string> before = parser.run_command->remaining();
    if (!before.empty() && before.front().starts_with('-')) {
      context.console.error(
          fmt::format("there is no option {}; see clew run --help; a program of "
                      "that name goes behind --",
                      printable(before.front())));
      return exit_usage;
    }
    parser.run.program.arguments = program_of(before, separator, argc, argv);
    return run_run(context, parser.run);
  }
  return run_doctor(context, parser.doctor);
}

}  // namespace clew::cli
