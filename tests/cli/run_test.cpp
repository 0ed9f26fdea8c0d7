// `clew run` and the commands of the prompt that start, restart and end programs; the terminal that
// a program has while it runs.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <pty.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "support.h"

namespace clew::test {
namespace {

const std::string launched = CLEW_FIXTURES "/launched";
constexpr auto terminal = ClewProcess::Mode::terminal;

/// The pid behind "started process " in what clew has written, the last one.
pid_t started_pid(const std::string& out) {
  constexpr std::string_view words = "started process ";
  const size_t at = out.rfind(words);
  return at == std::string::npos ? 0 : std::atoi(out.c_str() + at + words.size());
}

bool is_gone(pid_t pid) {
  return await(10s, [&] { return state_of(pid, pid) == '?' || state_of(pid, pid) == 'Z'; });
}

Strings run_with(const Strings& options, const Strings& program) {
  Strings arguments = {"run"};
  arguments.insert(arguments.end(), options.begin(), options.end());
  arguments.emplace_back("--");
  arguments.insert(arguments.end(), program.begin(), program.end());
  return arguments;
}

// ---- from a script ----

TEST(Run, TheExitStatusIsShown) {
  const Ran ran = run_clew(run_with({"--batch", "-x", "continue"}, {"/bin/sh", "-c", "exit 42"}));
  EXPECT_EQ(ran.status, 0) << ran.err;
  EXPECT_TRUE(has(ran.out, "exited with status 42")) << ran.out;
}

TEST(Run, TheExitStatusStaysInAVariable) {
  const Ran ran = run_clew(
      run_with({"--batch", "-x", "print $_exitcode", "-x", "continue", "-x", "print $_exitcode",
                "-x", "print/x $_exitcode + 1", "-x", R"(printf "%d\n", $_exitcode)", "-x",
                "print $", "-x", "print nothing", "-x", "print $_exitcode = 1"},
               {"/bin/sh", "-c", "exit 42"}));
  EXPECT_EQ(ran.status, 1);
  EXPECT_TRUE(has(ran.out, "$1 = void\n")) << ran.out;
  EXPECT_TRUE(has(ran.out, "$1 = 42\n$2 = 0x2b\n42\n$3 = 43\n")) << ran.out;
  EXPECT_TRUE(has(ran.err, "no process is attached: `attach PID` takes one")) << ran.err;
  EXPECT_TRUE(has(ran.err, "$_exitcode cannot be set")) << ran.err;
}

TEST(Run, TheSignalThatKilledItIsShown) {
  const Ran ran =
      run_clew(run_with({"--batch", "-x", "continue", "-x", "continue", "-x", "info program"},
                        {launched, "kill", "6"}));
  EXPECT_EQ(ran.status, 0) << ran.err;
  EXPECT_TRUE(has(ran.out, "killed by SIGABRT")) << ran.out;
  EXPECT_TRUE(has(ran.out, "last run   the process was killed by SIGABRT")) << ran.out;
}

TEST(Run, WhatIsBehindTheProgramsNameIsItsOwn) {
  for (const Strings& separator : {Strings{"--"}, Strings{}}) {
    Strings arguments = {"run", "--batch", "-x", "continue"};
    arguments.insert(arguments.end(), separator.begin(), separator.end());
    for (const char* word : {"/bin/echo", "--batch", "-x", "--", "--env"})
      arguments.emplace_back(word);
    const Ran ran = run_clew(arguments);
    EXPECT_EQ(ran.status, 0) << ran.err;
    EXPECT_TRUE(has(ran.out, "\n--batch -x -- --env\n")) << ran.out;
  }
}

TEST(Run, OptionsReachTheProgram) {
  const std::string output = scratch_folder() + "/run-output";
  const Ran ran = run_clew(
      run_with({"--batch", "-x", "continue", "--env", "CLEW_TEST_A=b c", "--unset-env", "HOME",
                "--cwd", "/", "--stdin", "/etc/hostname", "--stdout", output, "--no-aslr"},
               {"/bin/sh", "-c",
                "pwd; echo \"$CLEW_TEST_A\" \"${HOME-none}\"; cat /proc/self/personality"}));
  EXPECT_EQ(ran.status, 0) << ran.err;
  std::ifstream file(output);
  const std::string text(std::istreambuf_iterator<char>(file), {});
  EXPECT_TRUE(text.starts_with("/\nb c none\n")) << text;
  EXPECT_TRUE(has(text, "00040000")) << text;
}

TEST(Run, WrongUseIsToldInOneLine) {
  const std::vector<std::pair<Strings, int>> uses = {
      {{"run", "--env", "NOTHING", "--", "/bin/true"}, 2},
      {{"run", "--env", "=x", "--", "/bin/true"}, 2},
      {{"run", "--aslr", "--no-aslr", "--", "/bin/true"}, 2},
      {{"run", "--cwd", "/no/such", "--", "/bin/true"}, 1},
      {{"run", "--", "/no/such"}, 1},
      {{"run", "--no-such-option", "--", "/bin/true"}, 2},
  };
  for (const auto& [arguments, status] : uses) {
    const Ran ran = run_clew(arguments);
    EXPECT_EQ(ran.status, status) << arguments[1] << ran.out << ran.err;
    EXPECT_EQ(std::count(ran.err.begin(), ran.err.end(), '\n'), 1) << ran.err;
    EXPECT_FALSE(has(ran.out, "started")) << ran.out;
  }
}

TEST(Run, ThePromptsCommandsCheckWhatTheyAreGiven) {
  ClewProcess clew({"run"});
  for (const char* line : {"run", "restart", "continue", "set args a", "set env X", "set env =y",
                           "unset env", "unset args", "unset", "show nothing", "run \"open",
                           "run \\", "continue now", "signal SIGNOTHING", "kill"}) {
    clew.write(line);
  }
  clew.write("info program");
  clew.close_input();
  EXPECT_EQ(clew.wait(), 1);
  EXPECT_EQ(std::count(clew.err().begin(), clew.err().end(), '\n'), 15) << clew.err();
  EXPECT_TRUE(has(clew.out(), "process    none")) << clew.out();
}

TEST(Run, SettingsAreUsedByTheNextRun) {
  ClewProcess clew({"run"});
  clew.write("run /bin/sh -c 'echo \"<$1> <$CLEW_TEST_A> <$PWD>\"' x first");
  ASSERT_TRUE(clew.read_until("<first> <>")) << clew.out() << clew.err();
  clew.write("set args -c 'echo \"<$1> <$CLEW_TEST_A> <$PWD>\"' x \"a  b\"");
  clew.write("set env CLEW_TEST_A=value");
  clew.write("set cwd /");
  clew.write("show args");
  ASSERT_TRUE(clew.read_until("x 'a  b'")) << clew.out() << clew.err();
  clew.write("run");
  ASSERT_TRUE(clew.read_until("<a  b> <value> </>")) << clew.out() << clew.err();
  clew.write("unset env CLEW_TEST_A");
  clew.write("unset cwd");
  clew.write("run");
  ASSERT_TRUE(clew.read_until("<a  b> <> <" + std::filesystem::current_path().string()))
      << clew.out() << clew.err();
  clew.close_input();
  EXPECT_EQ(clew.wait(), 0) << clew.err();
}

TEST(Run, AProgramDoesNotReadTheCommandsOfAScript) {
  ClewProcess clew({"run", "--", "/bin/cat"});
  clew.write("continue");
  clew.write("info program");
  clew.close_input();
  EXPECT_EQ(clew.wait(), 0) << clew.err();
  EXPECT_TRUE(has(clew.out(), "exited with status 0")) << clew.out();
  EXPECT_TRUE(has(clew.out(), "process    none")) << clew.out();
}

TEST(Run, MaxPauseLetsItRun) {
  ClewProcess clew(run_with({"--max-pause", "50ms"}, {launched, "epoll"}));
  EXPECT_TRUE(clew.read_until("--max-pause")) << clew.out() << clew.err();
  const pid_t pid = started_pid(clew.out());
  EXPECT_TRUE(await(5s, [&] { return state_of(pid, pid) == 'S'; })) << state_of(pid, pid);
}

// ---- the end of clew, and of what it has started ----

TEST(Run, ALaunchedProgramEndsWithClewInEveryWay) {
  const std::vector<std::pair<const char*, std::function<void(ClewProcess&)>>> ways = {
      {"quit", [](ClewProcess& clew) { clew.write("quit"); }},
      {"end of input", [](ClewProcess& clew) { clew.close_input(); }},
      {"SIGTERM", [](ClewProcess& clew) { clew.signal(SIGTERM); }},
      {"SIGHUP", [](ClewProcess& clew) { clew.signal(SIGHUP); }},
      {"SIGKILL", [](ClewProcess& clew) { clew.signal(SIGKILL); }},
      {"SIGSEGV", [](ClewProcess& clew) { clew.signal(SIGSEGV); }},
  };
  for (const bool running : {false, true}) {
    for (const auto& [name, leave] : ways) {
      SCOPED_TRACE(std::string(name) + (running ? ", running" : ", held"));
      ClewProcess clew({"run", "--", launched, "epoll"});
      ASSERT_TRUE(clew.read_until("thread 1")) << clew.out() << clew.err();
      if (running) {
        clew.write("continue &");
        ASSERT_TRUE(clew.read_until("ready")) << clew.out() << clew.err();
      }
      const pid_t pid = started_pid(clew.out());
      ASSERT_GT(pid, 0);
      leave(clew);
      ASSERT_TRUE(clew.wait().has_value());
      EXPECT_TRUE(is_gone(pid)) << state_of(pid, pid);
    }
  }
}

TEST(Run, OneThatIsDetachedOutlivesClew) {
  for (const int number : {0, SIGKILL}) {
    ClewProcess clew({"run", "--stdout", "/dev/null", "--", launched, "epoll"});
    ASSERT_TRUE(clew.read_until("thread 1")) << clew.out() << clew.err();
    const pid_t pid = started_pid(clew.out());
    clew.write("detach");
    ASSERT_TRUE(clew.read_until("let go (verified)")) << clew.out() << clew.err();
    if (number != 0) {
      clew.signal(number);
    } else {
      clew.close_input();
    }
    ASSERT_TRUE(clew.wait().has_value());
    EXPECT_TRUE(is_untraced(pid));
    EXPECT_TRUE(await(5s, [&] { return state_of(pid, pid) == 'S'; })) << state_of(pid, pid);
    ::kill(pid, SIGKILL);
    EXPECT_TRUE(is_gone(pid));
  }
}

TEST(Run, ARestartIsAnotherProcessAndTheOldOneIsGone) {
  ClewProcess clew({"run", "--", launched, "epoll"});
  ASSERT_TRUE(clew.read_until("thread 1")) << clew.out() << clew.err();
  const pid_t first = started_pid(clew.out());
  clew.write("continue &");
  ASSERT_TRUE(clew.read_until("ready"));
  clew.write("restart");
  ASSERT_TRUE(clew.read_until("held before its first instruction")) << clew.out() << clew.err();
  ASSERT_TRUE(clew.read_until("thread 1"));
  const pid_t second = started_pid(clew.out());
  EXPECT_NE(first, second);
  EXPECT_EQ(state_of(first, first), '?') << "it has been reaped";
  EXPECT_TRUE(is_held(second));
  clew.close_input();
  EXPECT_EQ(clew.wait(), 0) << clew.err();
}

TEST(Run, StartStopsAtMain) {
  ClewProcess clew({"run", "--stdout", "/dev/null", "--", launched, "epoll"});
  clew.write("start");
  ASSERT_TRUE(clew.read_until("hit temporary breakpoint")) << clew.out() << clew.err();
  ASSERT_TRUE(clew.read_until("main")) << clew.out();
  const pid_t first = started_pid(clew.out());
  EXPECT_TRUE(is_held(first));
  clew.write("start kill 9");
  ASSERT_TRUE(clew.read_until("hit temporary breakpoint")) << clew.out() << clew.err();
  EXPECT_NE(started_pid(clew.out()), first);
  clew.write("continue");
  EXPECT_TRUE(clew.read_until("killed by SIGKILL")) << clew.out() << clew.err();
  clew.close_input();
  EXPECT_EQ(clew.wait(), 0) << clew.err();
}

TEST(Run, StartOfAProgramWithoutNamesStopsAtItsEntry) {
  const std::string stripped = scratch_folder() + "/stripped";
  ASSERT_EQ(std::system(("strip -o " + stripped + " " + launched).c_str()), 0);
  ClewProcess clew({"run", "--", stripped, "kill", "9"});
  clew.write("start");
  ASSERT_TRUE(clew.read_until("no main is known")) << clew.out() << clew.err();
  ASSERT_TRUE(clew.read_until("hit temporary breakpoint")) << clew.out() << clew.err();
  ASSERT_TRUE(clew.read_until("stripped+")) << clew.out();
  clew.write("continue");
  EXPECT_TRUE(clew.read_until("killed by SIGKILL")) << clew.out() << clew.err();
}

TEST(Run, BreakpointsAreKeptOverARestart) {
  ClewProcess clew({"run", "--", launched, "kill", "9"});
  clew.write("break nothing_of_that_name");
  clew.write("break main if $rdi == 3");
  clew.write("break report");
  clew.write("disable 3");
  clew.write("delete 1");
  for (int i = 0; i < 2; ++i) {
    clew.write("continue");
    ASSERT_TRUE(clew.read_until("hit breakpoint 2")) << clew.out() << clew.err();
    clew.write("info breakpoints");
    ASSERT_TRUE(clew.read_until("$rdi == 3")) << clew.out() << clew.err();
    clew.write("restart");
    ASSERT_TRUE(clew.read_until("held before its first")) << clew.out() << clew.err();
  }
  clew.write("condition 2 $rdi == 4");
  clew.write("continue");
  ASSERT_TRUE(clew.read_until("killed by SIGKILL")) << clew.out() << clew.err();
}

// ---- a process that clew has only attached to ----

TEST(Run, AScriptDoesNotKillWhatItHasAttachedToByARestart) {
  Fixture target("sleepers", {"2"});
  ClewProcess clew({"attach", std::to_string(target.pid())});
  ASSERT_TRUE(clew.read_until("thread 1")) << clew.out() << clew.err();
  clew.write("restart");
  clew.write("run");
  clew.write("info program");
  ASSERT_TRUE(clew.read_until("attached, held")) << clew.out() << clew.err();
  EXPECT_EQ(target.tids().size(), tasks_of(target.pid()).size());
  EXPECT_TRUE(is_held(target.pid()));
  // Let go by the user's own word, it lives, and another of its kind is started.
  clew.write("detach");
  clew.write("restart");
  ASSERT_TRUE(clew.read_until("held before its first instruction")) << clew.out() << clew.err();
  const pid_t second = started_pid(clew.out());
  EXPECT_NE(second, target.pid());
  EXPECT_TRUE(is_untraced(target.pid()));
  std::ifstream file("/proc/" + std::to_string(second) + "/cmdline");
  const std::string command(std::istreambuf_iterator<char>(file), {});
  EXPECT_EQ(command, std::string(CLEW_FIXTURES "/sleepers") + '\0' + "2" + '\0');
  clew.close_input();
  EXPECT_EQ(clew.wait(), 1) << "two commands were refused";
  EXPECT_TRUE(is_gone(second));
  EXPECT_EQ(std::count(clew.err().begin(), clew.err().end(), '\n'), 2) << clew.err();
}

TEST(Run, AtATerminalARestartOfAnAttachedProcessAsksFirst) {
  Fixture target("sleepers", {"2"});
  ClewProcess clew({"attach", std::to_string(target.pid())}, {.mode = terminal});
  ASSERT_TRUE(clew.read_until("held) ")) << clew.out();
  clew.write("restart");
  ASSERT_TRUE(clew.read_until("was not started by clew")) << clew.out();
  clew.write("n");
  ASSERT_TRUE(clew.read_until("held) ")) << clew.out();
  EXPECT_TRUE(is_held(target.pid()));
  clew.write("restart");
  ASSERT_TRUE(clew.read_until("(y or n)")) << clew.out();
  clew.write("y");
  ASSERT_TRUE(clew.read_until("held before its first instruction")) << clew.out();
  ASSERT_TRUE(clew.read_until("held) ")) << clew.out();
  const auto status = target.wait_status();
  ASSERT_TRUE(status);
  EXPECT_EQ(WTERMSIG(*status), SIGKILL);
  const pid_t second = started_pid(clew.out());
  clew.write("quit");
  ASSERT_TRUE(clew.read_until("(y or n)")) << clew.out();
  clew.write("y");
  EXPECT_EQ(clew.wait(), 0);
  EXPECT_TRUE(is_gone(second));
}

// ---- the terminal ----

/// clew at a terminal with a program that is about to run.
struct RunAtTerminal : testing::Test {
  std::optional<ClewProcess> clew_;

  ClewProcess& clew() { return *clew_; }
  pid_t program() { return started_pid(clew().out()); }

  void start(const Strings& program, const std::string& command = "continue") {
    clew_.emplace(run_with({}, program), ClewProcess::Options{.mode = terminal});
    ASSERT_TRUE(clew().read_until("held) ")) << clew().out();
    EXPECT_EQ(clew().front_group(), clew().pid());
    clew().write(command);
  }
  void expect(std::string_view text) {
    ASSERT_TRUE(clew().read_until(text)) << "no \"" << text << "\" in:\n" << clew().out();
  }
  /// At the prompt, with the terminal in clew's hands.
  void expect_prompt(std::string_view state) {
    expect(std::string(state) + ") ");
    EXPECT_EQ(clew().front_group(), clew().pid());
    EXPECT_TRUE(await(5s, [&] { return clew().takes_keys(); }));
  }
  /// As keys do: Enter is \r, whatever the terminal makes of it.
  void type(const std::string& keys) { clew().write_raw(keys); }
};

TEST_F(RunAtTerminal, AProgramReadsTheTerminalWhileItRunsAndClewHasItBackAtTheEnd) {
  start({launched, "echo"});
  expect("ready");
  EXPECT_EQ(clew().front_group(), program());
  type("hello\r");
  expect("with echo: <hello>");
  type("stop\r");
  expect("exited with status 3");
  expect("(clew) ");
  EXPECT_EQ(clew().front_group(), clew().pid());
  clew().write("quit");
  EXPECT_EQ(clew().wait(), 0) << "with nothing to be killed it does not ask";
}

TEST_F(RunAtTerminal, WhatIsTypedAheadIsThePrograms) {
  start({launched, "echo"}, "continue\rtyped ahead\r");
  expect("<typed ahead>");
}

TEST_F(RunAtTerminal, CtrlCStopsItAndIsNotDelivered) {
  start({launched, "interrupt"});
  expect("ready");
  type("\x03");
  expect("stopped: 1 thread held");
  expect_prompt("held");
  EXPECT_TRUE(is_held(program()));
  clew().write("continue");
  expect("with the terminal");
  type("after\r");
  expect("<after>");
  EXPECT_FALSE(has(clew().out(), "SIGINT\n") || has(clew().out(), "SIGINT\r"));
  // Again and again.
  for (int i = 0; i < 20; ++i) {
    type("\x03");
    expect("stopped:");
    expect_prompt("held");
    clew().write("continue");
    expect("with the terminal");
    ASSERT_TRUE(await(5s, [&] { return clew().front_group() == program(); })) << clew().out();
  }
  type("\x03");
  expect_prompt("held");
  clew().write("signal SIGINT");
  expect("with the terminal");
  expect("SIGINT\r");
  type("still there\r");
  expect("<still there>");
}

TEST_F(RunAtTerminal, AnInterruptThatAProcessSendsIsDelivered) {
  start({launched, "interrupt"});
  expect("ready");
  ::kill(program(), SIGINT);
  expect("SIGINT\r");
  type("on it goes\r");
  expect("<on it goes>");
  EXPECT_FALSE(has(clew().out(), "stopped:"));
}

TEST_F(RunAtTerminal, CtrlCIsNotSeenByABlockingCall) {
  start({launched, "epoll"});
  expect("ready");
  for (int i = 0; i < 10; ++i) {
    type("\x03");
    expect_prompt("held");
    clew().write("continue");
    expect("with the terminal");
    ASSERT_TRUE(await(5s, [&] { return clew().front_group() == program(); })) << clew().out();
  }
  type("\x03");
  expect_prompt("held");
  EXPECT_FALSE(has(clew().out(), "EINTR"));
}

TEST_F(RunAtTerminal, EachOfTheTwoHasSettingsOfItsOwn) {
  start({launched, "echo"});
  expect("ready");
  type("raw\r");
  expect("echo is off");
  type("\x03");
  expect_prompt("held");
  // The line editor has the terminal as it likes it: typed keys are shown.
  clew().write("info program");
  expect("info program");
  expect("started by clew, held");
  expect_prompt("held");
  clew().write("continue");
  expect("with the terminal");
  ASSERT_TRUE(await(5s, [&] { return clew().front_group() == program(); })) << clew().out();
  type("x\r");
  expect("without echo: <x>");
}

TEST_F(RunAtTerminal, InTheBackgroundItRunsAndIsBroughtToTheFrontWhenItWantsTheTerminal) {
  start({launched, "echo"}, "continue &");
  expect("ready");
  expect("stopped by SIGTTIN");
  expect("`continue`");
  EXPECT_EQ(clew().front_group(), clew().pid());
  clew().write("info program");
  expect("started by clew, running");
  clew().write("continue");
  expect("continued by SIGCONT");
  type("now\r");
  expect("<now>");
  EXPECT_EQ(clew().front_group(), program());
}

TEST_F(RunAtTerminal, CtrlZGivesThePromptAndContinueGoesOn) {
  start({launched, "echo"});
  expect("ready");
  type("\x1a");
  expect("stopped by SIGTSTP");
  expect_prompt("held");
  clew().write("continue");
  expect("continued by SIGCONT");
  type("again\r");
  expect("<again>");
}

TEST_F(RunAtTerminal, QuitAndTheEndOfInputAskBeforeTheyKill) {
  start({launched, "epoll"}, "continue &");
  expect("ready");
  const pid_t pid = program();
  clew().write("quit");
  expect("will be killed");
  clew().write("n");
  expect_prompt("running");
  type("\x04");
  expect("will be killed");
  clew().write("n");
  expect_prompt("running");
  EXPECT_TRUE(await(10s, [&] { return state_of(pid, pid) == 'S'; }));
  type("\x04");
  expect("(y or n)");
  type("\x04");
  EXPECT_EQ(clew().wait(), 0);
  EXPECT_TRUE(is_gone(pid));
}

TEST_F(RunAtTerminal, KillAndRestartAskWhenItHasRun) {
  start({launched, "epoll"});
  expect("ready");
  type("\x03");
  expect_prompt("held");
  const pid_t first = program();
  clew().write("restart");
  expect("(y or n)");
  clew().write("no");
  expect_prompt("held");
  EXPECT_TRUE(is_held(first));
  clew().write("run");
  expect("(y or n)");
  clew().write("yes");
  expect("ready");
  EXPECT_NE(program(), first);
  EXPECT_TRUE(is_gone(first));
  type("\x03");
  expect_prompt("held");
  clew().write("kill");
  expect("(y or n)");
  clew().write("y");
  expect("killed by SIGKILL");
  expect("(clew) ");
}

TEST_F(RunAtTerminal, RunLetsANewOneGoWithoutAQuestion) {
  start({launched, "echo"}, "run");
  expect("ready");
  EXPECT_EQ(clew().out().find("started process"), clew().out().rfind("started process"));
  type("quit\r");
  expect("exited with status 0");
}

/// A shell with a script, at a terminal of its own.
class Shell {
 public:
  explicit Shell(const std::string& script) {
    int master = -1;
    pid_ = forkpty(&master, nullptr, nullptr, nullptr);
    if (pid_ == 0) {
      setenv("XDG_STATE_HOME", scratch_folder().c_str(), 1);
      setenv("XDG_CONFIG_HOME", scratch_folder().c_str(), 1);
      execl("/bin/sh", "sh", "-c", script.c_str(), nullptr);
      _exit(127);
    }
    fcntl(master, F_SETFD, FD_CLOEXEC);
    terminal_ = UniqueFd(master);
    lines_.emplace(UniqueFd(fcntl(master, F_DUPFD_CLOEXEC, 3)));
  }
  ~Shell() {
    ::kill(-pid_, SIGKILL);
    ::kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }
  Shell(const Shell&) = delete;
  Shell& operator=(const Shell&) = delete;

  pid_t pid() const { return pid_; }
  pid_t front_group() const { return tcgetpgrp(terminal_.value()); }
  void write(std::string_view text) {
    EXPECT_EQ(::write(terminal_.value(), text.data(), text.size()),
              static_cast<ssize_t>(text.size()));
  }
  bool read_until(std::string_view text) {
    const Deadline deadline = Deadline::after(10s);
    while (!deadline.passed()) {
      const auto line = lines_->next(10s);
      if (!line) return false;
      seen_ += *line + "\n";
      if (line->find(text) != line->npos) return true;
    }
    return false;
  }
  const std::string& seen() const { return seen_; }

 private:
  pid_t pid_ = 0;
  UniqueFd terminal_;
  std::optional<LineReader> lines_;
  std::string seen_;
};

TEST(RunUnderAShell, WhenClewIsKilledTheTerminalIsBackWithWhoHadItBefore) {
  // A shell that runs a script has no job control and takes no terminal back by itself.
  // Until the small process that sees to it has done so the settings are the program's.
  Shell shell(CLEW_BINARY " run --batch -x continue -- " + launched +
              " echo; while stty -a | grep -q -e '-echo '; do :; done; echo restored; read line; "
              "echo \"got $line\"");
  ASSERT_TRUE(shell.read_until("started process")) << shell.seen();
  const pid_t program = started_pid(shell.seen());
  ASSERT_TRUE(shell.read_until("ready")) << shell.seen();
  ASSERT_EQ(shell.front_group(), program);
  shell.write("raw\r");
  ASSERT_TRUE(shell.read_until("echo is off")) << shell.seen();
  const auto tasks = tasks_of(program);
  ASSERT_EQ(tasks.size(), 1U);
  ::kill(tasks[0].tracer, SIGKILL);
  EXPECT_TRUE(is_gone(program));
  ASSERT_TRUE(shell.read_until("restored")) << shell.seen();
  shell.write("hello\r");
  EXPECT_TRUE(shell.read_until("got hello")) << shell.seen();
}

TEST(RunUnderAShell, FromTheBackgroundClewTakesNoTerminal) {
  Shell shell("set -m; " CLEW_BINARY " run --batch -x continue -- " + launched +
              " kill 9 & wait; echo \"done $?\"; read line");
  ASSERT_TRUE(shell.read_until("killed by SIGKILL")) << shell.seen();
  EXPECT_EQ(shell.front_group(), shell.pid());
  ASSERT_TRUE(shell.read_until("done 0")) << shell.seen();
}

TEST(RunUnderAShell, CtrlCEndsAScriptOfClewsAndItsProgram) {
  Shell shell("trap : INT; " CLEW_BINARY " run --batch -x continue -- " + launched +
              " interrupt; echo \"done $?\"");
  ASSERT_TRUE(shell.read_until("started process")) << shell.seen();
  const pid_t program = started_pid(shell.seen());
  ASSERT_TRUE(shell.read_until("ready")) << shell.seen();
  shell.write("\x03");
  ASSERT_TRUE(shell.read_until("killed process")) << shell.seen();
  ASSERT_TRUE(shell.read_until("done 0")) << shell.seen();
  EXPECT_TRUE(is_gone(program));
  EXPECT_FALSE(has(shell.seen(), "SIGINT")) << shell.seen();
}

}  // namespace
}  // namespace clew::test
