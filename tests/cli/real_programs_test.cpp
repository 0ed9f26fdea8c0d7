// Programs that nobody here wrote, as Debian and others ship them: all frames of all threads,
// beside gdb's. What is not installed is left out, and the test says so.

#include <algorithm>
#include <fstream>
#include <vector>

#include "stacks_beside_gdb.h"

namespace clew::test {
namespace {

struct RealProgram {
  const char* name;
  std::vector<const char*> paths;  ///< the first that there is
  Strings arguments;
  /// What it prints when all its threads are there; empty when it waits for its input.
  const char* ready;
  size_t threads;  ///< at least
};

void PrintTo(const RealProgram& program, std::ostream* out) { *out << program.name; }

constexpr const char* python_threads = R"(
import threading, socket, select, queue, time
a, b = socket.socketpair()
held = threading.Lock(); held.acquire()
bodies = [lambda: held.acquire(), lambda: a.recv(1), lambda: select.select([b], [], []),
          lambda: queue.Queue().get(), lambda: threading.Event().wait(), lambda: time.sleep(1000),
          lambda: sorted([3, 1, 2], key=lambda x: held.acquire())]
for body in bodies: threading.Thread(target=body, daemon=True).start()
print("ready", flush=True)
threading.Event().wait())";

constexpr const char* node_threads = R"(
const { Worker } = require('worker_threads');
let left = 3;
for (let i = 0; i < 3; ++i)
  new Worker('setInterval(() => {}, 1e8); require("worker_threads").parentPort.postMessage(1)', {eval: true})
    .on('message', () => { if (--left == 0) console.log('ready'); });
setInterval(() => {}, 1e8))";

class RealPrograms : public testing::TestWithParam<RealProgram> {};

/// How often each thread has gone to sleep; empty while one runs.
std::string record_of_sleep(pid_t pid) {
  std::string record;
  std::error_code ignored;
  for (const auto& task : fs::directory_iterator(fmt::format("/proc/{}/task", pid), ignored)) {
    std::string line;
    std::ifstream call(task.path() / "syscall");
    // One that waits for a page of its program is in no system call (proc_pid_syscall(5)).
    if (!std::getline(call, line) || line == "running" || line.starts_with("-1")) return {};
    record += task.path().filename();
    for (std::ifstream file(task.path() / "status"); std::getline(file, line);) {
      // Nor is one at rest that waits for a disk, in whatever call.
      if (line.starts_with("State:") && line.find('S', 6) == line.npos) return {};
      if (line.find("ctxt_switches") != line.npos) record += line;
    }
  }
  return record;
}

/// Every thread sleeps, and none has run from one look to the next.
bool is_at_rest(pid_t pid) {
  const std::string before = record_of_sleep(pid);
  return !before.empty() && before == record_of_sleep(pid);
}

TEST_P(RealPrograms, AllFramesOfAllThreadsAreTheSame) {
  const RealProgram& program = GetParam();
  if (!fs::exists("/usr/bin/gdb")) GTEST_SKIP() << "gdb is not installed";
  const auto path = std::find_if(program.paths.begin(), program.paths.end(),
                                 [](const char* one) { return fs::exists(one); });
  if (path == program.paths.end()) GTEST_SKIP() << program.name << " is not installed";
  ClewProcess::Options options;
  options.program = *path;
  ClewProcess target(program.arguments, options);
  if (*program.ready != '\0') {
    ASSERT_TRUE(target.read_until(program.ready, 60s)) << target.err();
  }
  ASSERT_TRUE(await(60s, [&] { return is_at_rest(target.pid()); }));
  const auto ours = frames_by_clew(target.pid());
  EXPECT_TRUE(is_untraced(target.pid()));
  const json theirs = frames_by_gdb(target.pid());
  ASSERT_FALSE(theirs.is_null());
  EXPECT_GE(ours.size(), program.threads);
  EXPECT_EQ(ours.size(), theirs.size());
  size_t lines = 0;
  for (const auto& [tid, frames] : ours) {
    const json& expected = theirs[std::to_string(tid)];
    EXPECT_EQ(frames.size(), expected.size()) << expected.dump() << "\n" << json(frames).dump();
    for (size_t i = 0; i < std::min(frames.size(), expected.size()); ++i) {
      const std::string what =
          fmt::format("{} of {}: clew {}, gdb {}", i, tid, frames[i].dump(), expected[i].dump());
      expect_same_frame(frames[i], expected[i], false, what);
      lines += frames[i].contains("line") ? 1 : 0;
    }
  }
  RecordProperty("frames_with_lines", static_cast<int>(lines));
}

INSTANTIATE_TEST_SUITE_P(
    Installed, RealPrograms,
    testing::Values(
        RealProgram{"assembler", {"/usr/bin/as"}, {"-o", "/dev/null"}, "", 1},
        RealProgram{"demangler", {"/usr/bin/c++filt"}, {}, "", 1},
        RealProgram{"python", {"/usr/bin/python3"}, {"-c", python_threads}, "ready", 8},
        RealProgram{"python_debug",
                    {"/usr/bin/python3-dbg", "/usr/bin/python3.11-dbg"},
                    {"-c", python_threads},
                    "ready",
                    8},
        RealProgram{"node", {"/usr/bin/node"}, {"-e", node_threads}, "ready", 8},
        RealProgram{"shell", {"/bin/bash"}, {}, "", 1},
        RealProgram{"database", {"/usr/bin/sqlite3"}, {}, "", 1},
        RealProgram{"debugger", {"/usr/bin/gdb"}, {"-nx", "-q", "-ex", "echo ready"}, "ready", 1}),
    [](const auto& program) { return std::string(program.param.name); });

}  // namespace
}  // namespace clew::test
