#include "live/launch.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/close_range.h>
#include <sys/ioctl.h>
#include <sys/personality.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <filesystem>

#include "base/printable.h"
#include "base/unique_fd.h"
#include "live/attacher.h"
#include "os/program_file.h"
#include "os/signal_names.h"

namespace clew::live {
namespace {

/// What the child was doing when a call failed.
enum class Stage : int {
  session,
  terminal,
  control,  ///< of the terminal: the program runs without
  input,
  output,
  error_output,
  directory,
  personality,
  exec,
};

struct Report {
  Stage stage;
  int error;
};

/// Everything that the child needs, made before the fork: behind that only calls that are safe in a
/// copy of a process with threads are made (signal-safety(7)).
struct Plan {
  std::string path;
  std::vector<std::string> environment;
  std::vector<char*> argv;
  std::vector<char*> envp;
  /// Ranges of descriptors that do not outlive the exec.
  std::vector<std::pair<unsigned, unsigned>> closed;
  const LaunchOptions& options;
  const os::Inherited& inherited;
};

std::vector<char*> pointers_of(const std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  pointers.reserve(texts.size() + 1);
  // execve(2) takes them without const and leaves them alone.
  for (const std::string& text : texts) pointers.push_back(const_cast<char*>(text.c_str()));
  pointers.push_back(nullptr);
  return pointers;
}

/// All descriptors above 2 but those that clew itself was given.
std::vector<std::pair<unsigned, unsigned>> ranges_between(const std::vector<int>& kept) {
  std::vector<std::pair<unsigned, unsigned>> ranges;
  unsigned next = STDERR_FILENO + 1;
  for (const int fd : kept) {
    if (static_cast<unsigned>(fd) > next) ranges.emplace_back(next, static_cast<unsigned>(fd) - 1);
    next = static_cast<unsigned>(fd) + 1;
  }
  ranges.emplace_back(next, UINT_MAX);
  return ranges;
}

std::string_view value_of(const std::vector<std::string>& environment, std::string_view name) {
  for (const std::string_view entry : environment) {
    if (entry.starts_with(name) && entry.substr(name.size()).starts_with('='))
      return entry.substr(name.size() + 1);
  }
  return {};
}

Result<Plan> plan_for(const LaunchOptions& options, const os::Inherited& inherited) {
  if (options.arguments.empty()) return fail(ErrorCode::bad_request, "which program?");
  Plan plan{
      {},       environment_of(options), {}, {}, ranges_between(inherited.descriptors), options,
      inherited};
  auto path =
      os::find_program(options.program.empty() ? options.arguments.front() : options.program,
                       value_of(plan.environment, "PATH"));
  if (!path) return tl::unexpected(path.error());
  plan.path = std::move(*path);
  if (!options.directory.empty()) {
    std::error_code error;
    const auto whole = std::filesystem::absolute(plan.path, error);
    if (error) return fail_os(error.value(), "cannot find clew's own folder");
    plan.path = whole.string();
  }
  plan.argv = pointers_of(options.arguments);
  plan.envp = pointers_of(plan.environment);
  return plan;
}

// ---- in the child, between fork and exec ----

void tell(int report, Stage stage, int error) {
  const Report told{stage, error};
  (void)!::write(report, &told, sizeof told);
}

[[noreturn]] void give_up(int report, Stage stage) {
  tell(report, stage, errno);
  _exit(127);
}

void redirect(const std::string& path, int flags, int to, int report, Stage stage) {
  if (path.empty()) return;
  constexpr mode_t mode = 0666;  // less the umask
  const int fd = ::open(path.c_str(), flags | O_CLOEXEC | O_NOCTTY, mode);
  if (fd < 0 || dup2(fd, to) < 0) give_up(report, stage);
}

/// A session of its own, whose terminal that is, where the kernel permits.
void take_terminal(const std::string& path, int report) {
  if (setsid() < 0) give_up(report, Stage::session);
  const int fd = ::open(path.c_str(), O_RDWR | O_CLOEXEC | O_NOCTTY);
  if (fd < 0) give_up(report, Stage::terminal);
  if (isatty(fd) == 0) give_up(report, Stage::terminal);
  // It may be the terminal of another session, such as a shell's in another window: then it is read
  // and written, but has no Ctrl-C for this program.
  if (ioctl(fd, TIOCSCTTY, 0) != 0) tell(report, Stage::control, errno);
  for (const int to : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (dup2(fd, to) < 0) give_up(report, Stage::terminal);
  }
}

void restore_signals(const os::Inherited& inherited) {
  for (int signal = 1; signal <= SIGRTMAX; ++signal) {
    struct sigaction action {};
    action.sa_handler = sigismember(&inherited.ignored, signal) == 1 ? SIG_IGN : SIG_DFL;
    // Fails for SIGKILL, SIGSTOP and the two of the C library, which are as they are.
    (void)sigaction(signal, &action, nullptr);
  }
  sigprocmask(SIG_SETMASK, &inherited.mask, nullptr);
}

void set_randomization(bool wanted, int report) {
  constexpr unsigned long query = 0xffffffff;  // personality(2)
  const int now = ::personality(query);
  if (now < 0) give_up(report, Stage::personality);
  const auto flags = static_cast<unsigned long>(now);
  const unsigned long next =
      wanted ? flags & ~static_cast<unsigned long>(ADDR_NO_RANDOMIZE) : flags | ADDR_NO_RANDOMIZE;
  if (next != flags && ::personality(next) < 0) give_up(report, Stage::personality);
}

[[noreturn]] void become_program(const Plan& plan, int go, int report) {
  const LaunchOptions& options = plan.options;
  char byte = 0;
  // The end of the pipe without a byte: clew is no more, or does not want this child.
  if (::read(go, &byte, 1) != 1) _exit(127);
  if (options.terminal.empty()) {
    if (setpgid(0, 0) != 0) give_up(report, Stage::session);
  } else {
    take_terminal(options.terminal, report);
  }
  redirect(options.input, O_RDONLY, STDIN_FILENO, report, Stage::input);
  redirect(options.output, O_WRONLY | O_CREAT | O_TRUNC, STDOUT_FILENO, report, Stage::output);
  if (!options.error_output.empty() && options.error_output == options.output) {
    // One file with one place to write at, or each would write over the other.
    if (dup2(STDOUT_FILENO, STDERR_FILENO) < 0) give_up(report, Stage::error_output);
  } else {
    redirect(options.error_output, O_WRONLY | O_CREAT | O_TRUNC, STDERR_FILENO, report,
             Stage::error_output);
  }
  if (!options.directory.empty() && chdir(options.directory.c_str()) != 0)
    give_up(report, Stage::directory);
  if (options.randomize) set_randomization(*options.randomize, report);
  // A library may have opened something without O_CLOEXEC. Before Linux 5.11 nothing is done.
  for (const auto& [first, last] : plan.closed)
    (void)::syscall(SYS_close_range, first, last, CLOSE_RANGE_CLOEXEC);
  restore_signals(plan.inherited);
  execve(plan.path.c_str(), plan.argv.data(), plan.envp.data());
  give_up(report, Stage::exec);
}

// ---- in clew ----

Error explain(const Report& report, const Plan& plan) {
  const LaunchOptions& options = plan.options;
  const auto file_error = [&](std::string_view what, const std::string& path) {
    return os_error(report.error, fmt::format("cannot {} \"{}\"", what, printable(path)));
  };
  switch (report.stage) {
    case Stage::session:
      return os_error(report.error, "cannot give the program a process group of its own");
    case Stage::terminal:
      if (report.error == ENOTTY) {
        return {ErrorCode::bad_request, report.error,
                fmt::format("\"{}\" is no terminal", printable(options.terminal))};
      }
      return file_error("open the terminal", options.terminal);
    case Stage::control:
      return os_error(report.error,
                      fmt::format("\"{}\" belongs to another session: Ctrl-C typed there does not "
                                  "reach the program",
                                  printable(options.terminal)));
    case Stage::input:
      return file_error("read", options.input);
    case Stage::output:
      return file_error("write", options.output);
    case Stage::error_output:
      return file_error("write", options.error_output);
    case Stage::directory:
      return file_error("change to the folder", options.directory);
    case Stage::personality:
      return os_error(report.error,
                      "cannot change the randomization of addresses (a container may forbid it): "
                      "leave --aslr and --no-aslr out");
    case Stage::exec:
      return os::explain_exec_failure(plan.path, report.error);
  }
  return {ErrorCode::internal, report.error, "the program did not start"};
}

struct Pipe {
  UniqueFd read, write;
};

Result<Pipe> make_pipe() {
  int fds[2];
  if (pipe2(fds, O_CLOEXEC) != 0) return fail_os(errno, "cannot make a pipe");
  return Pipe{UniqueFd(fds[0]), UniqueFd(fds[1])};
}

/// The child until it is a tracee in its exec stop, or no more.
class Birth {
 public:
  Birth(const Plan& plan, PtracePort& ptrace, WaitQueue& queue)
      : plan_(plan), ptrace_(ptrace), queue_(queue) {}
  /// Ends the child, unless release() was called.
  ~Birth() {
    if (pid_ > 0) end();
  }
  Birth(const Birth&) = delete;
  Birth& operator=(const Birth&) = delete;

  Result<Started> run() {
    if (auto forked = fork_child(); !forked) return tl::unexpected(forked.error());
    const PortResult seized = ptrace_.seize(pid_, attach_options() | PTRACE_O_EXITKILL);
    if (!seized.is_ok()) return tl::unexpected(explain_seize(seized.error));
    constexpr char go = 'g';
    (void)!::write(go_.write.value(), &go, sizeof go);
    if (auto executed = await_exec(); !executed) return tl::unexpected(executed.error());
    Started started{std::exchange(pid_, 0), {}};
    // Whatever is in the pipe now was no reason not to start.
    while (const auto report = next_report())
      started.warnings.push_back(explain(*report, plan_).text);
    return started;
  }

 private:
  Status fork_child() {
    auto go = make_pipe();
    auto report = make_pipe();
    if (!go || !report) return tl::unexpected((go ? report : go).error());
    pid_ = ::fork();
    if (pid_ < 0) return fail_os(errno, "cannot start a process");
    if (pid_ == 0) {
      ::close(go->write.value());
      become_program(plan_, go->read.value(), report->write.value());
    }
    go_ = std::move(*go);
    report_ = std::move(*report);
    // The one end that only the child may hold: its closing is the news of the exec.
    report_.write.reset();
    fcntl(report_.read.value(), F_SETFL, O_NONBLOCK);
    return {};
  }

  static Error explain_seize(int error) {
    if (error != EPERM) return os_error(error, "cannot trace the program");
    return {ErrorCode::permission, error,
            "the kernel does not permit clew to trace even its own child: kernel.yama.ptrace_scope "
            "is 3, or a container forbids ptrace"};
  }

  Status await_exec() {
    const Ticking ticking(queue_.port());
    for (;;) {
      WaitQueue::Polled polled;
      const auto wake = queue_.wait(pid_, true, polled);
      if (polled.answer == WaitQueue::Answer::no_child) {
        pid_ = 0;
        return fail(ErrorCode::gone, ESRCH, "the program has vanished before it could start");
      }
      if (polled.answer == WaitQueue::Answer::event) {
        if (polled.event.kind == WaitKind::exec) return {};
        if (is_end(polled.event)) return tl::unexpected(explain_end(polled.event));
        go_on(polled.event);
      }
      if (wake == WaitPort::Wake::signal)
        return fail(ErrorCode::cancelled, "interrupted before the program could start");
    }
  }

  static bool is_end(const WaitEvent& event) {
    return event.kind == WaitKind::exited || event.kind == WaitKind::killed;
  }

  void go_on(const WaitEvent& event) {
    if (event.kind == WaitKind::group_stop) {
      ptrace_.listen(pid_);
    } else {
      ptrace_.resume(pid_, event.kind == WaitKind::signal_stop ? event.signal : 0);
    }
  }

  Error explain_end(const WaitEvent& event) {
    pid_ = 0;
    // The last report is the one that it has ended with.
    std::optional<Report> last;
    while (const auto report = next_report()) last = report;
    if (last && last->stage != Stage::control) return explain(*last, plan_);
    // Behind the point of no return the kernel has only a signal to say that it cannot go on.
    return {ErrorCode::unavailable, 0,
            fmt::format("\"{}\" could not be started: {} before its first instruction",
                        printable(plan_.path),
                        event.kind == WaitKind::killed
                            ? "it was killed by " + os::signal_name(event.signal)
                            : fmt::format("it exited with status {}", event.exit_code))};
  }

  std::optional<Report> next_report() {
    Report report{};
    if (::read(report_.read.value(), &report, sizeof report) != sizeof report) return std::nullopt;
    return report;
  }

  void end() {
    go_.write.reset();
    ::kill(pid_, SIGKILL);
    const Ticking ticking(queue_.port());
    for (;;) {
      WaitQueue::Polled polled;
      queue_.wait(pid_, false, polled);
      if (polled.answer == WaitQueue::Answer::no_child) return;
      if (polled.answer != WaitQueue::Answer::event) continue;
      if (is_end(polled.event)) return;
      ptrace_.resume(pid_, 0);
    }
  }

  const Plan& plan_;
  PtracePort& ptrace_;
  WaitQueue& queue_;
  Pipe go_, report_;
  pid_t pid_ = 0;
};

/// The kernel gives no rights of the file's to a program that somebody without CAP_SYS_PTRACE
/// traces (execve(2)).
void warn_of_lost_rights(const std::string& path, std::vector<std::string>& warnings) {
  struct stat info {};
  if (geteuid() == 0 || stat(path.c_str(), &info) != 0) return;
  if ((info.st_mode & (S_ISUID | S_ISGID)) == 0) return;
  warnings.push_back(
      fmt::format("\"{}\" runs without the rights of its set-user-ID or set-group-ID bit, since it "
                  "is traced",
                  printable(path)));
}

}  // namespace

std::vector<std::string> environment_of(const LaunchOptions& options) {
  std::vector<std::string> environment;
  if (options.environment) {
    environment = *options.environment;
  } else {
    for (char** entry = environ; *entry != nullptr; ++entry) environment.emplace_back(*entry);
  }
  for (const EnvironmentChange& change : options.changes) {
    std::erase_if(environment, [&](std::string_view entry) {
      return entry.starts_with(change.name) && entry.substr(change.name.size()).starts_with('=');
    });
    if (change.value) environment.push_back(change.name + "=" + *change.value);
  }
  return environment;
}

Result<Started> start_program(const LaunchOptions& options, const os::Inherited& inherited,
                              PtracePort& ptrace, WaitQueue& queue) {
  auto plan = plan_for(options, inherited);
  if (!plan) return tl::unexpected(plan.error());
  auto started = Birth(*plan, ptrace, queue).run();
  if (started) warn_of_lost_rights(plan->path, started->warnings);
  return started;
}

bool LetGo::take(pid_t pid) { return std::erase(pids_, pid) > 0; }

void LetGo::reap() {
  std::erase_if(pids_, [](pid_t pid) { return ::waitpid(pid, nullptr, WNOHANG) != 0; });
}

}  // namespace clew::live
