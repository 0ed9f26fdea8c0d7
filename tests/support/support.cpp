#include "support.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <grp.h>
#include <gtest/gtest.h>
#include <linux/close_range.h>
#include <poll.h>
#include <pty.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace clew::test {
namespace {

struct Pipe {
  UniqueFd read, write;
  Pipe() {
    int fds[2];
    if (pipe2(fds, O_CLOEXEC) != 0) throw std::runtime_error("pipe2");
    read = UniqueFd(fds[0]);
    write = UniqueFd(fds[1]);
  }
};

int pidfd_of(pid_t pid) { return static_cast<int>(syscall(SYS_pidfd_open, pid, 0)); }

bool is_readable(int fd, Duration limit) {
  pollfd poll_fd = {fd, POLLIN, 0};
  return ::poll(&poll_fd, 1, Deadline::after(limit).poll_timeout()) > 0;
}

/// A program starts with no signal blocked and none ignored, whatever the test has set for itself.
void reset_signals() {
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  for (int number = 1; number < 32; ++number) ::signal(number, SIG_DFL);
}

[[noreturn]] void exec_program(const std::string& path, const Strings& arguments) {
  std::vector<char*> argv = {const_cast<char*>(path.c_str())};
  for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  execv(path.c_str(), argv.data());
  _exit(127);
}

/// Between fork and exec: the program's parent, until it has ended.
[[noreturn]] void keep(pid_t child, int status_fd) {
  ::signal(SIGPIPE, SIG_IGN);
  // Other programs' pipes came along with the fork, and must not be held open here.
  dup2(status_fd, 3);
  close_range(4, ~0U, 0);
  const int nothing = open("/dev/null", O_RDWR);
  dup2(nothing, STDIN_FILENO);
  dup2(nothing, STDOUT_FILENO);
  if (::write(3, &child, sizeof child) != sizeof child) _exit(1);
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  (void)!::write(3, &status, sizeof status);
  _exit(0);
}

void write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t n = ::write(fd, text.data(), text.size());
    if (n <= 0) return;
    text.remove_prefix(static_cast<size_t>(n));
  }
}

std::string field(const std::string& status, const char* key) {
  const size_t at = status.find(std::string("\n") + key + ":");
  if (at == std::string::npos) return "";
  const size_t start = status.find_first_not_of(" \t", at + std::string(key).size() + 2);
  return status.substr(start, status.find_first_of(" \t\n", start) - start);
}

}  // namespace

unsigned rounds(unsigned normal, unsigned stress) {
  const char* wanted = std::getenv("CLEW_STRESS");
  return wanted != nullptr && std::string_view(wanted) == "1" ? stress : normal;
}

bool await(Duration limit, const std::function<bool()>& condition) {
  const Deadline deadline = Deadline::after(limit);
  for (;;) {
    if (condition()) return true;
    if (deadline.passed()) return false;
    ::poll(nullptr, 0, 1);
  }
}

unsigned random_up_to(unsigned most) {
  static std::mt19937 source(20);
  return std::uniform_int_distribution<unsigned>(0, most)(source);
}

// ---- what /proc says ----

std::vector<TaskState> tasks_of(pid_t pid) {
  std::vector<TaskState> tasks;
  const auto proc = os::ProcDir::open(pid);
  if (!proc) return tasks;
  const auto tids = proc->tids();
  if (!tids) return tasks;
  for (const pid_t tid : *tids) {
    const auto status = proc->read(fmt::format("task/{}/status", tid));
    if (!status) continue;
    TaskState task;
    task.tid = tid;
    const std::string state = field(*status, "State");
    if (!state.empty()) task.state = state.front();
    task.tracer = std::atoi(field(*status, "TracerPid").c_str());
    task.blocked = field(*status, "SigBlk");
    task.ignored = field(*status, "SigIgn");
    task.caught = field(*status, "SigCgt");
    tasks.push_back(std::move(task));
  }
  return tasks;
}

std::string states_of(pid_t pid) {
  std::string states;
  for (const TaskState& task : tasks_of(pid)) states += task.state;
  return states;
}

char state_of(pid_t pid, pid_t tid) {
  const auto proc = os::ProcDir::open(pid);
  const auto status = proc ? proc->read(fmt::format("task/{}/status", tid)) : Result<std::string>();
  const std::string state = status ? field(*status, "State") : "";
  return state.empty() ? '?' : state.front();
}

bool is_untraced(pid_t pid) {
  const auto tasks = tasks_of(pid);
  return !tasks.empty() && std::all_of(tasks.begin(), tasks.end(),
                                       [](const TaskState& task) { return task.tracer == 0; });
}

bool is_traced_by(pid_t pid, pid_t tracer) {
  const auto tasks = tasks_of(pid);
  return !tasks.empty() && std::all_of(tasks.begin(), tasks.end(), [&](const TaskState& task) {
    return !task.is_live() || task.tracer == tracer;
  });
}

bool are_all(pid_t pid, char state) {
  const auto tasks = tasks_of(pid);
  return !tasks.empty() && std::all_of(tasks.begin(), tasks.end(),
                                       [&](const TaskState& task) { return task.state == state; });
}

bool is_held(pid_t pid) {
  const auto tasks = tasks_of(pid);
  return !tasks.empty() && std::all_of(tasks.begin(), tasks.end(), [](const TaskState& task) {
    return !task.is_live() || (task.tracer != 0 && (task.state == 't' || task.state == 'T'));
  });
}

std::vector<std::pair<pid_t, std::string>> masks_of(pid_t pid) {
  std::vector<std::pair<pid_t, std::string>> masks;
  for (const TaskState& task : tasks_of(pid)) masks.emplace_back(task.tid, task.masks());
  return masks;
}

// ---- processes ----

std::optional<std::string> LineReader::next(Duration limit) {
  const Deadline deadline = Deadline::after(limit);
  for (;;) {
    if (const size_t end = buffer_.find('\n'); end != std::string::npos) {
      std::string line = buffer_.substr(0, end);
      buffer_.erase(0, end + 1);
      return line;
    }
    pollfd poll_fd = {fd_.value(), POLLIN, 0};
    if (::poll(&poll_fd, 1, deadline.poll_timeout()) <= 0) return std::nullopt;
    char chunk[65536];
    const ssize_t n = ::read(fd_.value(), chunk, sizeof chunk);
    if (n <= 0) return std::nullopt;
    buffer_.append(chunk, static_cast<size_t>(n));
  }
}

Fixture::Fixture(const std::string& name, const Strings& arguments) {
  ::signal(SIGPIPE, SIG_IGN);  // a program may die before it has read its command
  const std::string path = name.starts_with("/") ? name : CLEW_FIXTURES "/" + name;
  Pipe input, output, status, go;
  const pid_t between = fork();
  if (between == 0) {
    if (fork() != 0) _exit(0);
    const pid_t child = fork();
    if (child != 0) keep(child, status.write.value());
    reset_signals();
    dup2(input.read.value(), STDIN_FILENO);
    dup2(output.write.value(), STDOUT_FILENO);
    go.write.reset();
    char byte = 0;
    if (::read(go.read.value(), &byte, 1) != 1) _exit(1);
    exec_program(path, arguments);
  }
  waitpid(between, nullptr, 0);
  status.write.reset();
  if (!is_readable(status.read.value(), 10s) ||
      ::read(status.read.value(), &process_, sizeof process_) != sizeof process_) {
    ADD_FAILURE() << "cannot start " << path;
    return;
  }
  // Held before it runs, so that what is killed at the end is this process and no other.
  pidfd_ = UniqueFd(pidfd_of(process_));
  input_ = std::move(input.write);
  status_ = std::move(status.read);
  output_.emplace(std::move(output.read));
  write_all(go.write.value(), "g");
  input.read.reset();
  output.write.reset();
  ready_ = next_answer(30s);
  if (ready_.is_null()) ADD_FAILURE() << path << " does not get ready";
}

Fixture::~Fixture() {
  input_.reset();
  if (pidfd_ && !wait_status_) {
    syscall(SYS_pidfd_send_signal, pidfd_.value(), SIGKILL, nullptr, 0);
    wait_status(5s);
  }
}

void Fixture::write(const std::string& line) { write_all(input_.value(), line + "\n"); }

json Fixture::next_line(Duration limit) {
  const auto line = output_ ? output_->next(limit) : std::nullopt;
  return line ? json::parse(*line, nullptr, false) : json();
}

json Fixture::next_answer(Duration limit) {
  const Deadline deadline = Deadline::after(limit);
  while (answers_.empty()) {
    json line = next_line(deadline.at() ? *deadline.at() - Clock::now() : limit);
    if (line.is_null()) return line;
    const bool is_event = line.contains("event") || line.contains("done");
    (is_event ? events_ : answers_).push_back(std::move(line));
  }
  json answer = std::move(answers_.front());
  answers_.pop_front();
  return answer;
}

json Fixture::next_event(Duration limit) {
  const Deadline deadline = Deadline::after(limit);
  while (events_.empty()) {
    json line = next_line(deadline.at() ? *deadline.at() - Clock::now() : limit);
    if (line.is_null()) return line;
    const bool is_event = line.contains("event") || line.contains("done");
    (is_event ? events_ : answers_).push_back(std::move(line));
  }
  json event = std::move(events_.front());
  events_.pop_front();
  return event;
}

json Fixture::send(const std::string& command, Duration limit) {
  write(command);
  return next_answer(limit);
}

json Fixture::stop(Duration limit) {
  write("stop");
  json last;
  const Deadline deadline = Deadline::after(limit);
  while (!deadline.passed()) {
    json line = next_answer(limit);
    if (line.is_null()) break;
    last = std::move(line);
  }
  if (!wait_status(5s)) ADD_FAILURE() << "the sample program does not end";
  return last;
}

std::optional<int> Fixture::wait_status(Duration limit) {
  if (wait_status_ || !status_ || !is_readable(status_.value(), limit)) return wait_status_;
  int status = 0;
  if (::read(status_.value(), &status, sizeof status) == sizeof status) wait_status_ = status;
  return wait_status_;
}

ClewProcess::ClewProcess(const Strings& arguments, Options options) : options_(options) {
  ::signal(SIGPIPE, SIG_IGN);
  if (options_.mode == Mode::terminal) {
    int master = -1;
    winsize size = {options_.rows, options_.columns, 0, 0};
    pid_ = forkpty(&master, nullptr, nullptr, &size);
    if (pid_ == 0) exec(arguments);
    fcntl(master, F_SETFD, FD_CLOEXEC);
    output_ = UniqueFd(master);
    input_ = UniqueFd(fcntl(master, F_DUPFD_CLOEXEC, 3));
  } else {
    Pipe input, output, error;
    pid_ = fork();
    if (pid_ == 0) {
      dup2(input.read.value(), STDIN_FILENO);
      dup2(output.write.value(), STDOUT_FILENO);
      dup2(error.write.value(), STDERR_FILENO);
      exec(arguments);
    }
    input_ = std::move(input.write);
    output_ = std::move(output.read);
    error_ = std::move(error.read);
    fcntl(error_.value(), F_SETFL, O_NONBLOCK);
  }
  fcntl(output_.value(), F_SETFL, O_NONBLOCK);
  pidfd_ = UniqueFd(pidfd_of(pid_));
}

void ClewProcess::exec(Strings arguments) {
  std::replace(arguments.begin(), arguments.end(), std::string("@self"), std::to_string(getpid()));
  reset_signals();
  if (options_.nohup) ::signal(SIGHUP, SIG_IGN);
  setenv("XDG_STATE_HOME", scratch_folder().c_str(), 1);
  setenv("XDG_CONFIG_HOME", scratch_folder().c_str(), 1);
  setenv("TERM", "dumb", 1);
  setenv("NO_COLOR", "1", 1);
  if (options_.uid != 0 &&
      (setgroups(0, nullptr) != 0 || setgid(options_.uid) != 0 || setuid(options_.uid) != 0)) {
    _exit(126);
  }
  for (const std::string& setting : options_.environment) {
    const size_t equals = setting.find('=');
    if (equals == std::string::npos) {
      unsetenv(setting.c_str());
    } else {
      setenv(setting.substr(0, equals).c_str(), setting.c_str() + equals + 1, 1);
    }
  }
  exec_program(options_.program.empty() ? CLEW_BINARY : options_.program, arguments);
}

ClewProcess::~ClewProcess() {
  if (ended_ || pid_ <= 0) return;
  ::kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
}

void ClewProcess::write_raw(const std::string& text) {
  if (input_) write_all(input_.value(), text);
}

pid_t ClewProcess::front_group() const { return tcgetpgrp(output_.value()); }

bool ClewProcess::takes_keys() const {
  termios settings{};
  return tcgetattr(output_.value(), &settings) == 0 && (settings.c_lflag & ICANON) == 0;
}

void ClewProcess::close_output() {
  output_.reset();
  if (options_.mode == Mode::terminal) input_.reset();
}

bool ClewProcess::take(Duration limit) {
  std::array<pollfd, 3> fds = {{{options_.reads_output ? output_.value() : -1, POLLIN, 0},
                                {error_.value(), POLLIN, 0},
                                {ended_ ? -1 : pidfd_.value(), POLLIN, 0}}};
  if (::poll(fds.data(), fds.size(), Deadline::after(limit).poll_timeout()) <= 0) return false;
  bool took = false;
  const auto drain = [&](UniqueFd& fd, std::string& into) {
    char chunk[65536];
    const ssize_t n = ::read(fd.value(), chunk, sizeof chunk);
    if (n > 0) {
      into.append(chunk, static_cast<size_t>(n));
      took = true;
    } else if (n == 0 || errno != EAGAIN) {
      fd.reset();  // a terminal whose program has ended says EIO
    }
  };
  if (fds[0].revents != 0) drain(output_, out_);
  if (fds[1].revents != 0) drain(error_, err_);
  if (fds[2].revents != 0) reap();
  return took || fds[2].revents != 0;
}

bool ClewProcess::reap() {
  int status = 0;
  if (ended_ || waitpid(pid_, &status, WNOHANG) != pid_) return ended_.has_value();
  ended_ = WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  return true;
}

bool ClewProcess::read_until(std::string_view text, Duration limit) {
  const Deadline deadline = Deadline::after(limit);
  for (;;) {
    if (const size_t at = out_.find(text, found_); at != std::string::npos) {
      found_ = at + text.size();
      return true;
    }
    if (!output_ || deadline.passed()) return false;
    take(std::max<Duration>(*deadline.at() - Clock::now(), 0ms));
  }
}

void ClewProcess::forget_output() {
  out_.clear();
  found_ = 0;
}

void ClewProcess::resize(unsigned short rows, unsigned short columns) const {
  const winsize size = {rows, columns, 0, 0};
  ioctl(output_.value(), TIOCSWINSZ, &size);
}

std::optional<int> ClewProcess::wait(Duration limit) {
  const Deadline deadline = Deadline::after(limit);
  while (!ended_ && !deadline.passed()) take(*deadline.at() - Clock::now());
  if (ended_) {
    while (take(0ms)) {
    }
  }
  return ended_;
}

Ran run_clew(const Strings& arguments, Duration limit, ClewProcess::Options options) {
  const TimePoint start = Clock::now();
  ClewProcess process(arguments, options);
  process.close_input();
  Ran ran;
  ran.status = process.wait(limit);
  ran.took = Clock::now() - start;
  ran.out = process.out();
  ran.err = process.err();
  return ran;
}

// ---- the engine within the test ----

Attached::Attached(pid_t pid) : loop_(os::EventLoop::create().value()) {
  auto attached = live::LiveProcess::attach(pid, loop_, {});
  if (!attached) {
    error_ = attached.error();
    return;
  }
  attached_.emplace(std::move(*attached));
}

Attached::~Attached() {
  if (attached_ && process().is_alive()) process().detach(Deadline::after(2s));
}

ThreadId Attached::thread(pid_t tid) {
  for (const Thread& thread : process().threads()) {
    if (thread.id.tid == tid) return thread.id;
  }
  ADD_FAILURE() << "no thread has tid " << tid;
  return {};
}

std::vector<Event>& Attached::events() {
  for (Event& event : process().take_events()) events_.push_back(std::move(event));
  return events_;
}

bool Attached::pump_until(Duration limit, const std::function<bool()>& condition) {
  const Deadline deadline = Deadline::after(limit);
  for (;;) {
    process().pump({});
    events();
    if (condition()) return true;
    if (deadline.passed()) return false;
    os::EventLoop::WaitFor what;
    what.until = deadline.sooner(Deadline::after(2ms));
    const auto wake = loop_.wait(what);
    process().pump(wake.children);
  }
}

Meanwhile::Meanwhile(unsigned most_us, std::function<void()> action) {
  const long delay_ns = static_cast<long>(random_up_to(most_us)) * 1000;
  // A thread that takes SIGCHLD would take it from the event loop of the test's own thread.
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  thread_ = std::thread([this, delay_ns, action = std::move(action)] {
    started_.wait(false);
    const timespec delay = {0, delay_ns};
    ppoll(nullptr, 0, &delay, nullptr);
    action();
  });
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

void Meanwhile::join() {
  if (!thread_.joinable()) return;
  started_ = true;
  started_.notify_all();
  thread_.join();
}

const std::string& scratch_folder() {
  struct Folder {
    std::string path = (std::filesystem::temp_directory_path() / "clew-live-XXXXXX").string();
    Folder() {
      if (mkdtemp(path.data()) == nullptr) throw std::runtime_error("mkdtemp");
    }
    ~Folder() {
      std::error_code ignored;
      std::filesystem::remove_all(path, ignored);
    }
  };
  static const Folder folder;
  return folder.path;
}

}  // namespace clew::test
