#pragma once

#include <signal.h>
#include <sys/types.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/unique_fd.h"
#include "live/live_process.h"

namespace clew::test {

using nlohmann::json;
using namespace std::chrono_literals;
using Strings = std::vector<std::string>;

/// @return `stress` when the environment has CLEW_STRESS=1, else `normal`.
unsigned rounds(unsigned normal, unsigned stress);

/// Tries until `condition` holds. @return false when it did not before the time was up.
bool await(Duration limit, const std::function<bool()>& condition);

/// A number from 0 to `most`, from a source that every run seeds alike.
unsigned random_up_to(unsigned most);

// ---- what /proc says ----

struct TaskState {
  pid_t tid = 0;
  char state = '?';
  pid_t tracer = 0;
  std::string blocked, ignored, caught;  ///< SigBlk, SigIgn, SigCgt

  bool is_live() const { return state != 'Z' && state != 'X'; }
  std::string masks() const { return blocked + " " + ignored + " " + caught; }
};

/// Every thread that /proc/PID/task shows, in its order; empty when there is no such process.
std::vector<TaskState> tasks_of(pid_t pid);
/// The state letters of all threads, e.g. "SSSR".
std::string states_of(pid_t pid);
/// The state letter of one thread; '?' when it is not there.
char state_of(pid_t pid, pid_t tid);
/// True when there are threads and none has a tracer.
bool is_untraced(pid_t pid);
/// True when every thread that lives has that tracer.
bool is_traced_by(pid_t pid, pid_t tracer);
/// True when every thread is in that state.
bool are_all(pid_t pid, char state);
/// True when every thread is traced and stopped by it: t, or T under a stop signal.
bool is_held(pid_t pid);
/// tid → SigBlk, SigIgn and SigCgt of it, in one text each.
std::vector<std::pair<pid_t, std::string>> masks_of(pid_t pid);

/// True when `part` is somewhere in a text.
inline bool has(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

// ---- processes ----

/// Lines from a descriptor, each waited for with a limit.
class LineReader {
 public:
  explicit LineReader(UniqueFd fd) : fd_(std::move(fd)) {}
  /// @return the next line without its end; nothing at the end of input or when time is up.
  std::optional<std::string> next(Duration limit);

 private:
  UniqueFd fd_;
  std::string buffer_;
};

/// A sample program. It is no child of the test, so that the engine under test, which waits for all
/// children of its process, takes nothing from it; a keeper process is its real parent and tells
/// how it ended.
class Fixture {
 public:
  explicit Fixture(const std::string& name, const Strings& arguments = {});
  /// Kills the program if it still lives.
  ~Fixture();
  Fixture(const Fixture&) = delete;
  Fixture& operator=(const Fixture&) = delete;

  /// The target: what its ready line says, which for some programs is a child of the process.
  pid_t pid() const { return ready_.value("pid", 0); }
  const json& ready() const { return ready_; }
  pid_t tid_of(const char* thread) const { return ready_["threads"].value(thread, 0); }
  std::vector<pid_t> tids() const { return ready_["tids"].get<std::vector<pid_t>>(); }

  void write(const std::string& line);
  /// Sends a command. @return its answer; null when none came in time. Lines with "event" or "done"
  /// are kept apart, see next_event().
  json send(const std::string& command, Duration limit = 10s);
  /// The next line that is no event: another ready line, the answer to write().
  json next_answer(Duration limit = 10s);
  json next_event(Duration limit = 10s);

  /// Ends it in good order. @return its last line.
  json stop(Duration limit = 30s);
  void close_input() { input_.reset(); }
  /// The status that its real parent got, as of waitpid(2); nothing when it has not ended in time.
  std::optional<int> wait_status(Duration limit = 10s);
  /// The process itself, which its parent started; not always the target.
  pid_t process() const { return process_; }

 private:
  json next_line(Duration limit);

  UniqueFd input_;
  UniqueFd status_;
  UniqueFd pidfd_;
  std::optional<LineReader> output_;
  pid_t process_ = 0;
  std::deque<json> answers_, events_;
  std::optional<int> wait_status_;
  json ready_;
};

/// clew itself, as a child of the test. The argument "@self" becomes its own pid.
class ClewProcess {
 public:
  enum class Mode { pipes, terminal };
  struct Options {
    Mode mode = Mode::pipes;
    bool nohup = false;        ///< SIGHUP is ignored from the start
    bool reads_output = true;  ///< false: nothing is taken from standard output until asked for
    uid_t uid = 0;             ///< other than 0: runs as that user
    std::string program = {};  ///< instead of clew
    /// NAME=VALUE, after the test's own settings; NAME alone unsets.
    Strings environment = {};
    unsigned short rows = 50, columns = 200;  ///< of the terminal
  };

  explicit ClewProcess(const Strings& arguments) : ClewProcess(arguments, Options{}) {}
  ClewProcess(const Strings& arguments, Options options);
  /// Kills it if it still lives.
  ~ClewProcess();
  ClewProcess(const ClewProcess&) = delete;
  ClewProcess& operator=(const ClewProcess&) = delete;

  pid_t pid() const { return pid_; }
  /// The process group that its terminal has in front; -1 without a terminal.
  pid_t front_group() const;
  /// True when its terminal gives each key as it is typed: the prompt is there and waits.
  bool takes_keys() const;
  void write(const std::string& line) { write_raw(line + "\n"); }
  void write_raw(const std::string& text);
  /// Reads until `text` has come on standard output after what an earlier call found.
  bool read_until(std::string_view text, Duration limit = 10s);
  /// Forgets what has come so far: read_until() and out() begin anew.
  void forget_output();
  /// Gives the terminal another size, which its program is told by SIGWINCH.
  void resize(unsigned short rows, unsigned short columns) const;
  void signal(int number) const { ::kill(pid_, number); }
  /// Starts or ends the reading of standard output.
  void read_output(bool reads) { options_.reads_output = reads; }
  void close_input() { input_.reset(); }
  /// The reader of standard output goes away; in a terminal, that is the terminal.
  void close_output();

  /// Waits for the end. @return the exit status, or minus the signal that killed it; nothing when
  /// it has not ended in time.
  std::optional<int> wait(Duration limit = 10s);
  const std::string& out() const { return out_; }
  const std::string& err() const { return err_; }

 private:
  [[noreturn]] void exec(Strings arguments);
  /// Takes what is there to read. @return false when there is nothing more to come.
  bool take(Duration limit);
  bool reap();

  Options options_;
  pid_t pid_ = -1;
  std::optional<int> ended_;
  UniqueFd input_, output_, error_, pidfd_;
  std::string out_, err_;
  size_t found_ = 0;
};

/// Runs clew to its end.
struct Ran {
  std::optional<int> status;  ///< nothing when it has not ended in time
  std::string out, err;
  Duration took{};
};
Ran run_clew(const Strings& arguments, Duration limit = 20s, ClewProcess::Options options = {});

// ---- the engine within the test ----

/// The event loop and one attached process.
class Attached {
 public:
  /// Attaches; a failure is the test's.
  explicit Attached(pid_t pid);
  /// Detaches, should a failed test not have come to that: the next one must begin with nothing.
  ~Attached();
  bool is_ok() const { return attached_.has_value(); }
  const std::optional<Error>& error() const { return error_; }
  const AttachReport& report() const { return attached_->report; }
  live::LiveProcess& process() { return static_cast<live::LiveProcess&>(*attached_->inferior); }
  /// @return the first thread with that tid. It must be there.
  ThreadId thread(pid_t tid);
  /// Takes in the kernel's news until `condition` holds. @return false when time was up.
  bool pump_until(Duration limit, const std::function<bool()>& condition);
  /// The events that pump_until() and the calls of the test brought.
  std::vector<Event>& events();
  template <typename T>
  size_t count_events() {
    size_t n = 0;
    for (const Event& event : events()) n += std::holds_alternative<T>(event) ? 1 : 0;
    return n;
  }

 private:
  os::EventLoop loop_;
  std::optional<Backend::Attached> attached_;
  std::optional<Error> error_;
  std::vector<Event> events_;
};

/// Makes `action` happen in another thread, a random time of up to `most_us` microseconds after
/// start().
class Meanwhile {
 public:
  Meanwhile(unsigned most_us, std::function<void()> action);
  ~Meanwhile() { join(); }
  void start() {
    started_ = true;
    started_.notify_all();
  }
  void join();

 private:
  std::atomic<bool> started_ = false;
  std::thread thread_;
};

/// A folder for clew's own files, removed at the end of the test program.
const std::string& scratch_folder();

}  // namespace clew::test
