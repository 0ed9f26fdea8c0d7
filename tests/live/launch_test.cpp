// Programs that clew starts: what they are given, where they stand, and what keeps them from
// starting.

#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <pty.h>
#include <sys/personality.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "os/command_line.h"
#include "session/relaunch.h"
#include "support.h"

namespace clew::test {
namespace {

const std::string launched = CLEW_FIXTURES "/launched";

/// Waits for the end, or anything else, of a program that the backend has started.
class Launched {
 public:
  Launched() : loop_(os::EventLoop::create().value()), backend_(loop_) {}
  ~Launched() {
    if (!attached_ || !inferior().is_alive()) return;
    (void)control().kill();
    (void)pump_until([&] { return !inferior().is_alive(); });
  }

  Status start(const LaunchOptions& options) {
    auto attached = backend_.launch(options);
    if (!attached) return tl::unexpected(attached.error());
    attached_.emplace(std::move(*attached));
    return {};
  }

  Inferior& inferior() { return *attached_->inferior; }
  RunControl& control() { return *inferior().run_control(); }
  const Backend::Attached& attached() const { return *attached_; }
  live::LiveBackend& backend() { return backend_; }
  os::EventLoop& loop() { return loop_; }
  const std::vector<Event>& events() const { return events_; }

  bool pump_until(const std::function<bool()>& condition) {
    const Deadline deadline = Deadline::after(10s);
    for (;;) {
      control().pump({});
      for (Event& event : control().take_events()) events_.push_back(std::move(event));
      if (condition()) return true;
      if (deadline.passed()) return false;
      os::EventLoop::WaitFor what;
      what.until = deadline.sooner(Deadline::after(5ms));
      (void)loop_.wait(what);
    }
  }

  /// Lets it run. @return how it ended.
  std::optional<Event> run_to_end() {
    control().apply(RunRequest::all(Wanted::run));
    if (!pump_until([&] { return !inferior().is_alive(); })) return std::nullopt;
    return events_.empty() ? std::nullopt : std::optional(events_.back());
  }

 private:
  os::EventLoop loop_;
  live::LiveBackend backend_;
  std::optional<Backend::Attached> attached_;
  std::vector<Event> events_;
};

std::string scratch(const std::string& name) { return scratch_folder() + "/" + name; }

void write_file(const std::string& path, const std::string& text, mode_t mode = 0755) {
  std::ofstream(path) << text;
  ASSERT_EQ(chmod(path.c_str(), mode), 0);
}

std::string read_file(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// Ends a process that a failed test has left.
struct Ended {
  pid_t pid;
  ~Ended() {
    if (waitpid(pid, nullptr, WNOHANG) == 0) ::kill(pid, SIGKILL);
    waitpid(pid, nullptr, 0);
  }
};

bool has_no_child() { return waitpid(-1, nullptr, __WALL | WNOHANG) == -1 && errno == ECHILD; }

/// Starts `launched report` with these options and reads what it says of itself.
json report_of(LaunchOptions options, Launched& program) {
  const std::string path = scratch("report");
  std::filesystem::remove(path);
  const std::vector<std::string> more = options.arguments;
  options.arguments = {launched, "report", path};
  options.arguments.insert(options.arguments.end(), more.begin(), more.end());
  const auto started = program.start(options);
  EXPECT_TRUE(started) << started.error().text;
  if (!started) return {};
  EXPECT_FALSE(std::filesystem::exists(path)) << "it has run already";
  const auto end = program.run_to_end();
  EXPECT_TRUE(end && std::holds_alternative<ProcessExited>(*end));
  if (end && std::holds_alternative<ProcessExited>(*end)) {
    EXPECT_EQ(std::get<ProcessExited>(*end).exit_code, 7);
  }
  return json::parse(read_file(path), nullptr, false);
}

json report_of(const LaunchOptions& options) {
  Launched program;
  return report_of(options, program);
}

bool has(const json& texts, const std::string& text) {
  return std::find(texts.begin(), texts.end(), text) != texts.end();
}

TEST(Launch, ArgumentsAreGivenAsTheyAre) {
  LaunchOptions options;
  options.arguments = {"a b", "", "'\"$HOME\\", "--", "-x"};
  const json said = report_of(options);
  EXPECT_EQ(said["args"],
            json({launched, "report", scratch("report"), "a b", "", "'\"$HOME\\", "--", "-x"}));
  EXPECT_EQ(said["ppid"], getpid());
  EXPECT_EQ(said["pgid"], said["pid"]) << "a process group of its own";
  EXPECT_EQ(said["sid"], getsid(0)) << "and clew's session";
  EXPECT_TRUE(has_no_child()) << "its end has been taken";
}

TEST(Launch, AProgramMayHaveAnotherNameForItself) {
  Launched program;
  LaunchOptions options;
  options.program = launched;
  options.arguments = {"another name", "kill", "15"};
  ASSERT_TRUE(program.start(options));
  const auto end = program.run_to_end();
  ASSERT_TRUE(end && std::holds_alternative<ProcessKilled>(*end));
  EXPECT_EQ(std::get<ProcessKilled>(*end).signal, 15);
}

TEST(Launch, TheEnvironmentIsClewsWithTheChanges) {
  ASSERT_EQ(setenv("CLEW_TEST_KEPT", "kept", 1), 0);
  ASSERT_EQ(setenv("CLEW_TEST_GONE", "gone", 1), 0);
  ASSERT_EQ(setenv("CLEW_TEST_CHANGED", "old", 1), 0);
  LaunchOptions options;
  options.changes = {
      {"CLEW_TEST_GONE", std::nullopt}, {"CLEW_TEST_CHANGED", "a=b c"}, {"CLEW_TEST_NEW", ""}};
  const json said = report_of(options)["env"];
  EXPECT_TRUE(has(said, "CLEW_TEST_KEPT=kept"));
  EXPECT_TRUE(has(said, "CLEW_TEST_CHANGED=a=b c"));
  EXPECT_TRUE(has(said, "CLEW_TEST_NEW="));
  for (const std::string entry : said) {
    EXPECT_FALSE(entry.starts_with("CLEW_TEST_GONE")) << entry;
    EXPECT_NE(entry, "CLEW_TEST_CHANGED=old");
  }
  options.environment = {"ONLY=this"};
  options.changes = {{"AND", "that"}};
  EXPECT_EQ(report_of(options)["env"], json({"ONLY=this", "AND=that"}));
}

TEST(Launch, ThePathIsThatOfTheProgram) {
  write_file(scratch("clew-test-program"), "#!/bin/sh\nexit 5\n");
  LaunchOptions options;
  options.arguments = {"clew-test-program"};
  Launched nowhere;
  EXPECT_EQ(nowhere.start(options).error().code, ErrorCode::not_found);
  options.changes = {{"PATH", "/nowhere::" + scratch_folder()}};
  Launched program;
  const auto started = program.start(options);
  ASSERT_TRUE(started) << started.error().text;
  const auto end = program.run_to_end();
  ASSERT_TRUE(end && std::holds_alternative<ProcessExited>(*end));
  EXPECT_EQ(std::get<ProcessExited>(*end).exit_code, 5) << "a script is run by its interpreter";
}

TEST(Launch, FolderAndFilesAreNamedFromWhereClewIs) {
  const std::string before = std::filesystem::current_path();
  std::filesystem::create_directories(scratch("here"));
  std::filesystem::create_directories(scratch("there"));
  std::filesystem::current_path(scratch("here"));
  write_file("input", "text\n");
  write_file("output", "something longer that was there before\n");
  std::filesystem::create_symlink(launched, "program");
  LaunchOptions options;
  options.program = "./program";
  options.directory = "../there";
  options.input = "input";
  options.output = "output";
  options.error_output = "errors";
  const json said = report_of(options);
  std::filesystem::current_path(before);
  const std::string here = std::filesystem::canonical(scratch("here"));
  EXPECT_EQ(said["cwd"], std::filesystem::canonical(scratch("there")).string());
  EXPECT_EQ(said["fds"]["0"], here + "/input");
  EXPECT_EQ(said["fds"]["1"], here + "/output");
  EXPECT_EQ(said["fds"]["2"], here + "/errors");
  EXPECT_EQ(read_file(here + "/output"), "out\n");
  EXPECT_EQ(read_file(here + "/errors"), "err\n");
}

TEST(Launch, OneFileForBothOutputsIsWrittenByBothInTurn) {
  LaunchOptions options;
  options.output = options.error_output = scratch("both");
  report_of(options);
  const std::string text = read_file(scratch("both"));
  EXPECT_EQ(text.size(), 8U) << text;
  EXPECT_NE(text.find("out\n"), std::string::npos) << text;
  EXPECT_NE(text.find("err\n"), std::string::npos) << text;
}

/// What a child of the test inherits, put back at the end.
class Inheritance {
 public:
  Inheritance() {
    sigset_t blocked;
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGUSR1);
    sigaddset(&blocked, SIGRTMIN + 3);
    pthread_sigmask(SIG_BLOCK, &blocked, &mask_);
    for (size_t i = 0; i < signals_.size(); ++i) old_[i] = ::signal(signals_[i], SIG_IGN);
    umask_ = umask(027);
    given_ = UniqueFd(open("/dev/null", O_RDONLY));
  }
  ~Inheritance() {
    pthread_sigmask(SIG_SETMASK, &mask_, nullptr);
    for (size_t i = 0; i < signals_.size(); ++i) ::signal(signals_[i], old_[i]);
    umask(umask_);
  }
  Inheritance(const Inheritance&) = delete;
  Inheritance& operator=(const Inheritance&) = delete;

  int given() const { return given_.value(); }

 private:
  // Those that clew itself needs, and one that it does not.
  static constexpr std::array signals_ = {SIGHUP, SIGCHLD, SIGALRM, SIGUSR2};
  sigset_t mask_{};
  std::array<sighandler_t, 4> old_{};
  mode_t umask_ = 0;
  UniqueFd given_;
};

TEST(Launch, WhatClewWasGivenItPassesOnAndWhatItHasMadeItKeeps) {
  const Inheritance inheritance;
  Launched program;
  // A library of clew's that forgets O_CLOEXEC.
  const UniqueFd forgotten(open("/dev/zero", O_RDONLY));
  const json said = report_of({}, program);
  const auto bit = [](int signal) { return uint64_t{1} << (signal - 1); };
  EXPECT_EQ(said["blocked"].get<uint64_t>(), bit(SIGUSR1) | bit(SIGRTMIN + 3));
  EXPECT_EQ(
      said["ignored"].get<uint64_t>() & (bit(SIGHUP) | bit(SIGCHLD) | bit(SIGALRM) | bit(SIGUSR2) |
                                         bit(SIGINT) | bit(SIGTERM) | bit(SIGTTOU) | bit(SIGQUIT)),
      bit(SIGHUP) | bit(SIGCHLD) | bit(SIGALRM) | bit(SIGUSR2));
  EXPECT_EQ(said["umask"], 027);
  EXPECT_EQ(said["fds"].value(std::to_string(inheritance.given()), ""), "/dev/null");
  for (const auto& [number, target] : said["fds"].items()) {
    EXPECT_TRUE(std::stoi(number) <= 2 || target != "/dev/zero") << number;
    EXPECT_EQ(target.get<std::string>().find("signalfd"), std::string::npos) << number;
  }
  EXPECT_FALSE(said["fds"].contains(std::to_string(forgotten.value())));
}

TEST(Launch, AddressesAreRandomizedAsTheSystemHasItOrAsAsked) {
  const int before = personality(0xffffffff);
  const auto is_fixed = [](const LaunchOptions& options) {
    return (report_of(options)["personality"].get<int>() & ADDR_NO_RANDOMIZE) != 0;
  };
  LaunchOptions as_is, fixed, randomized;
  fixed.randomize = false;
  randomized.randomize = true;
  EXPECT_FALSE(is_fixed(as_is));
  EXPECT_TRUE(is_fixed(fixed));
  EXPECT_FALSE(is_fixed(randomized));
  ASSERT_GE(personality(static_cast<unsigned long>(before) | ADDR_NO_RANDOMIZE), 0);
  EXPECT_TRUE(is_fixed(as_is));
  EXPECT_FALSE(is_fixed(randomized));
  personality(static_cast<unsigned long>(before));
}

TEST(Launch, ItIsHeldBeforeItsFirstInstruction) {
  Launched program;
  LaunchOptions options;
  options.arguments = {launched, "epoll", "x", "y"};
  ASSERT_TRUE(program.start(options));
  EXPECT_TRUE(program.attached().launched);
  const auto threads = program.inferior().threads();
  ASSERT_EQ(threads.size(), 1U);
  EXPECT_EQ(threads[0].activity, ThreadActivity::held);
  const auto registers = program.inferior().general(threads[0].id);
  ASSERT_TRUE(registers);
  // The stack pointer points at the number of arguments, and no instruction has moved it (System V
  // ABI, "Process initialization").
  const arch::Arch& arch = program.inferior().arch();
  uint64_t count = 0;
  ASSERT_TRUE(program.inferior().read_memory({(*registers)->word(arch.find("rsp")->offset)},
                                             bytes_of(count)));
  EXPECT_EQ(count, 4U);
  EXPECT_TRUE(is_traced_by(program.inferior().pid(), gettid()));
}

// ---- what keeps a program from starting ----

struct Refusal {
  std::string name;
  std::function<void(LaunchOptions&)> ask;
  ErrorCode code;
  std::string words;  ///< in the text
};

std::vector<Refusal> refusals() {
  const auto program = [](const std::string& path) {
    return [path](LaunchOptions& options) { options.arguments = {path}; };
  };
  const auto file = [&](const std::string& name, const std::string& content, mode_t mode = 0755) {
    return [=](LaunchOptions& options) {
      write_file(scratch(name), content, mode);
      options.arguments = {scratch(name)};
    };
  };
  std::string foreign = read_file(launched).substr(0, 4096);
  foreign[18] = '\x28';  // e_machine
  foreign[19] = '\0';
  std::string torn = read_file(launched).substr(0, 200);
  return {
      {"no program", [](LaunchOptions& o) { o.arguments.clear(); }, ErrorCode::bad_request,
       "which program"},
      {"empty name", program(""), ErrorCode::bad_request, "empty"},
      {"not in PATH", program("clew-no-such-program"), ErrorCode::not_found, "PATH"},
      {"no such file", program("./clew-no-such-file"), ErrorCode::not_found, "there is no file"},
      {"below a file", program("/etc/passwd/x"), ErrorCode::not_found, "there is no file"},
      {"folder", program("/tmp"), ErrorCode::bad_request, "is a folder"},
      {"not executable", file("plain", "#!/bin/sh\n", 0644), ErrorCode::permission, "chmod +x"},
      {"device", program("/dev/null"), ErrorCode::permission, "may not be executed"},
      {"no format", file("text", "echo hello\n"), ErrorCode::bad_request, "neither an ELF file"},
      {"empty file", file("empty", ""), ErrorCode::bad_request, "neither an ELF file"},
      {"no interpreter named", file("bare", "#!\n"), ErrorCode::bad_request,
       "names no interpreter"},
      {"no such interpreter", file("lost", "#! /no/such/thing -x\n"), ErrorCode::not_found,
       "script for \"/no/such/thing\""},
      {"interpreter is a folder", file("odd", "#!/tmp\n"), ErrorCode::permission,
       "script for \"/tmp\""},
      {"other machine", file("foreign", foreign), ErrorCode::bad_request, "for this machine"},
      {"torn ELF file", file("torn", torn), ErrorCode::bad_request, "for this machine"},
      {"link to itself",
       [](LaunchOptions& o) {
         std::filesystem::remove(scratch("loop"));
         std::filesystem::create_symlink("loop", scratch("loop"));
         o.arguments = {scratch("loop")};
       },
       ErrorCode::os, "symbolic links"},
      {"too many arguments",
       [](LaunchOptions& o) {
         o.arguments = {launched, std::string(size_t{3} << 20, 'x')};
       },
       ErrorCode::os, "Argument list too long"},
      {"no such folder", [](LaunchOptions& o) { o.directory = "/no/such/folder"; },
       ErrorCode::not_found, "change to the folder \"/no/such/folder\""},
      {"no such input", [](LaunchOptions& o) { o.input = "/no/such/input"; }, ErrorCode::not_found,
       "read \"/no/such/input\""},
      {"no place for output", [](LaunchOptions& o) { o.output = "/no/such/output"; },
       ErrorCode::not_found, "write \"/no/such/output\""},
      {"no place for errors", [](LaunchOptions& o) { o.error_output = "/tmp"; }, ErrorCode::os,
       "write \"/tmp\""},
      {"no such terminal", [](LaunchOptions& o) { o.terminal = "/dev/pts/99999"; },
       ErrorCode::not_found, "open the terminal"},
      {"file as a terminal", [](LaunchOptions& o) { o.terminal = launched; },
       ErrorCode::bad_request, "is no terminal"},
      {"terminal escapes", program("/tmp/\x1b[31mred"), ErrorCode::not_found, "there is no file"},
  };
}

TEST(Launch, WhatKeepsAProgramFromStartingIsToldAndNothingIsLeft) {
  for (const Refusal& refusal : refusals()) {
    SCOPED_TRACE(refusal.name);
    Launched program;
    LaunchOptions options;
    options.arguments = {launched, "epoll"};
    refusal.ask(options);
    const auto started = program.start(options);
    ASSERT_FALSE(started);
    EXPECT_EQ(error_code_name(started.error().code), error_code_name(refusal.code));
    EXPECT_NE(started.error().text.find(refusal.words), std::string::npos) << started.error().text;
    EXPECT_EQ(started.error().text.find_first_of("\n\x1b"), std::string::npos);
    EXPECT_TRUE(has_no_child());
  }
}

TEST(Launch, ASignalToClewBreaksOffAStartThatHangs) {
  // To open a pipe that nobody writes to never returns.
  ASSERT_EQ(mkfifo(scratch("pipe").c_str(), 0600), 0);
  Launched program;
  LaunchOptions options;
  options.arguments = {launched, "epoll"};
  options.input = scratch("pipe");
  Meanwhile meanwhile(20000, [] { ::kill(getpid(), SIGINT); });
  meanwhile.start();
  const auto started = program.start(options);
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().code, ErrorCode::cancelled);
  EXPECT_TRUE(has_no_child());
  meanwhile.join();
  EXPECT_EQ(program.loop().wait({}).signals, std::vector<int>{SIGINT}) << "it is clew's to take";
}

// ---- letting go ----

TEST(Launch, OneThatIsLetGoLivesOnAndItsEndIsTaken) {
  Launched program;
  LaunchOptions options;
  options.arguments = {launched, "epoll"};
  options.output = "/dev/null";
  ASSERT_TRUE(program.start(options));
  const pid_t pid = program.inferior().pid();
  const Ended ended{pid};
  const DetachReport report = program.control().detach(Deadline::after(5s));
  EXPECT_EQ(report.released, 1U);
  EXPECT_TRUE(report.verified) << "a child that lives is no tracee";
  EXPECT_TRUE(await(5s, [&] { return is_untraced(pid) && state_of(pid, pid) == 'S'; }));

  // Attached to again it is any process, and its end is the engine's.
  auto again = program.backend().attach(pid, {});
  ASSERT_TRUE(again) << again.error().text;
  EXPECT_FALSE(again->launched);
  EXPECT_TRUE(again->inferior->run_control()->detach(Deadline::after(5s)).verified);
  program.backend().reap();
  ASSERT_TRUE(await(5s, [&] { return state_of(pid, pid) == 'S'; })) << state_of(pid, pid);
  ::kill(pid, SIGKILL);
  ASSERT_TRUE(await(5s, [&] { return state_of(pid, pid) == 'Z' || state_of(pid, pid) == '?'; }));
  program.backend().reap();
  EXPECT_EQ(state_of(pid, pid), '?') << "a zombie is left";
}

TEST(Launch, TheEndOfOneThatIsAttachedToAgainIsTold) {
  Launched program;
  LaunchOptions options;
  options.arguments = {launched, "epoll"};
  options.output = "/dev/null";
  ASSERT_TRUE(program.start(options));
  const pid_t pid = program.inferior().pid();
  const Ended ended{pid};
  ASSERT_TRUE(program.control().detach(Deadline::after(5s)).verified);
  auto again = program.backend().attach(pid, {});
  ASSERT_TRUE(again);
  ::kill(pid, SIGKILL);
  std::vector<Event> events;
  EXPECT_TRUE(await(5s, [&] {
    program.backend().reap();
    again->inferior->run_control()->pump({});
    for (Event& event : again->inferior->run_control()->take_events()) events.push_back(event);
    return !again->inferior->is_alive();
  }));
  ASSERT_FALSE(events.empty());
  EXPECT_TRUE(std::holds_alternative<ProcessKilled>(events.back()));
  EXPECT_TRUE(has_no_child());
}

// ---- a terminal of its own ----

TEST(Launch, ATerminalOfItsOwnIsTheProgramsInEachWay) {
  int master = -1;
  int slave = -1;
  char name[64];
  ASSERT_EQ(openpty(&master, &slave, name, nullptr, nullptr), 0);
  const UniqueFd keyboard(master);
  const UniqueFd kept(slave);
  fcntl(master, F_SETFD, FD_CLOEXEC);
  fcntl(slave, F_SETFD, FD_CLOEXEC);
  LaunchOptions options;
  options.terminal = name;
  options.error_output = scratch("errors");
  const json said = report_of(options);
  EXPECT_EQ(said["sid"], said["pid"]);
  EXPECT_EQ(said["pgid"], said["pid"]);
  EXPECT_EQ(said["fds"]["0"], name);
  EXPECT_EQ(said["fds"]["1"], name);
  EXPECT_EQ(said["fds"]["2"], std::filesystem::canonical(scratch("errors")).string());

  Launched program;
  options.arguments = {launched, "echo"};
  ASSERT_TRUE(program.start(options));
  EXPECT_TRUE(program.attached().warnings.empty());
  program.control().apply(RunRequest::all(Wanted::run));
  LineReader lines{UniqueFd(dup(master))};
  ASSERT_EQ(lines.next(5s), "out\r");
  ASSERT_EQ(lines.next(5s), "ready\r");
  EXPECT_EQ(tcgetpgrp(master), program.inferior().pid());
  ASSERT_EQ(write(master, "\x03", 1), 1);
  ASSERT_TRUE(program.pump_until([&] { return !program.inferior().is_alive(); }));
  ASSERT_TRUE(std::holds_alternative<ProcessKilled>(program.events().back()));
  EXPECT_EQ(std::get<ProcessKilled>(program.events().back()).signal, SIGINT)
      << "Ctrl-C in its own terminal is its own";
}

TEST(Launch, ATerminalOfAnotherSessionIsUsedWithAWarning) {
  int master = -1;
  const pid_t shell = forkpty(&master, nullptr, nullptr, nullptr);
  if (shell == 0) {
    ::pause();
    _exit(0);
  }
  const UniqueFd keyboard(master);
  char name[64];
  ASSERT_EQ(ptsname_r(master, name, sizeof name), 0);
  ASSERT_TRUE(await(5s, [&] { return getsid(shell) == shell && tcgetpgrp(master) == shell; }));
  {
    Launched program;
    LaunchOptions options;
    options.arguments = {launched, "epoll"};
    options.terminal = name;
    const auto started = program.start(options);
    ASSERT_TRUE(started) << started.error().text;
    ASSERT_EQ(program.attached().warnings.size(), 1U);
    EXPECT_NE(program.attached().warnings[0].find("another session"), std::string::npos);
  }
  ::kill(shell, SIGKILL);
  waitpid(shell, nullptr, 0);
}

// ---- what starts a running program again ----

TEST(Relaunch, IsWhatTheProcessWasStartedWith) {
  setenv("CLEW_TEST_MARK", "relaunch", 1);
  const Fixture target("sleepers", {"2", "--busy", "1"});
  const auto proc = os::ProcDir::open(target.pid());
  ASSERT_TRUE(proc);
  const auto options = launch_options_of(*proc);
  ASSERT_TRUE(options) << options.error().text;
  EXPECT_EQ(options->program, std::filesystem::canonical(CLEW_FIXTURES "/sleepers").string());
  EXPECT_EQ(options->arguments, Strings({CLEW_FIXTURES "/sleepers", "2", "--busy", "1"}));
  EXPECT_EQ(options->directory, std::filesystem::current_path().string());
  ASSERT_TRUE(options->environment);
  EXPECT_TRUE(std::find(options->environment->begin(), options->environment->end(),
                        "CLEW_TEST_MARK=relaunch") != options->environment->end());
}

TEST(Relaunch, WhatWouldStartSomethingElseIsRefused) {
  const std::string copy = scratch("replaced");
  std::filesystem::copy_file(CLEW_FIXTURES "/sleepers", copy);
  const Fixture target(copy, {"1"});
  const auto proc = os::ProcDir::open(target.pid());
  ASSERT_TRUE(proc && launch_options_of(*proc));
  std::filesystem::remove(copy);
  const auto options = launch_options_of(*proc);
  ASSERT_FALSE(options);
  EXPECT_EQ(options.error().code, ErrorCode::unsupported);
  EXPECT_NE(options.error().text.find("deleted or replaced"), std::string::npos);
}

}  // namespace
}  // namespace clew::test
