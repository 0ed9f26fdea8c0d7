// clew attach from a script: --exec, --batch and commands through a pipe.

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "support.h"

namespace clew::test {
namespace {

size_t count_of(const std::string& text, std::string_view wanted) {
  size_t n = 0;
  for (size_t at = text.find(wanted); at != std::string::npos; at = text.find(wanted, at + 1)) ++n;
  return n;
}

/// `lines` through standard input.
Ran run_with_input(const Strings& arguments, const Strings& lines) {
  ClewProcess clew(arguments);
  for (const std::string& line : lines) clew.write(line);
  clew.close_input();
  Ran ran;
  ran.status = clew.wait(10s);
  ran.out = clew.out();
  ran.err = clew.err();
  return ran;
}

struct Batch : testing::Test {
  Fixture target{"sleepers", {"3"}};
  std::string pid = std::to_string(target.pid());
};

TEST_F(Batch, CommandsRunInOrderAndThenItDetaches) {
  const Ran ran =
      run_clew({"attach", pid, "--batch", "-x", "thread 2", "--exec", "regs rip", "-x", "thread"});
  EXPECT_EQ(ran.status, 0) << ran.err;
  EXPECT_TRUE(ran.err.empty()) << ran.err;
  EXPECT_EQ(count_of(ran.out, "thread 2 (tid "), 2U) << ran.out;
  EXPECT_LT(ran.out.find("thread 2"), ran.out.find("rip  "));
  EXPECT_LT(ran.out.find("rip  "), ran.out.find("detached from process")) << ran.out;
  EXPECT_EQ(ran.out.find("(clew"), std::string::npos) << "a prompt for nobody";
  EXPECT_TRUE(is_untraced(target.pid()));
}

TEST_F(Batch, StandardInputIsReadAfterTheCommands) {
  for (const Strings& more : {Strings{"--batch"}, Strings{}}) {
    Strings arguments = {"attach", pid, "-x", "thread 3"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    const Ran ran = run_with_input(arguments, {"# a comment", "", "thread", "  regs   rip  "});
    EXPECT_EQ(ran.status, 0) << ran.err;
    EXPECT_EQ(count_of(ran.out, "thread 3 (tid "), 2U) << ran.out;
    EXPECT_EQ(count_of(ran.out, "rip  "), 1U) << ran.out;
    EXPECT_TRUE(is_untraced(target.pid()));
  }
}

TEST_F(Batch, AFailedCommandIsTheStatusButNoEnd) {
  const Ran ran = run_clew({"attach", pid, "--batch", "-x", "thread 99", "-x", "thread 2"});
  EXPECT_EQ(ran.status, 1);
  EXPECT_NE(ran.err.find("there is no thread 99"), std::string::npos) << ran.err;
  EXPECT_NE(ran.out.find("thread 2 (tid "), std::string::npos) << ran.out;
  EXPECT_NE(ran.out.find("(verified)"), std::string::npos) << ran.out;
}

TEST_F(Batch, QuitEndsBeforeTheOtherCommands) {
  const Ran ran = run_clew({"attach", pid, "--batch", "-x", "quit", "-x", "thread 2"});
  EXPECT_EQ(ran.status, 0);
  EXPECT_EQ(ran.out.find("thread 2"), std::string::npos) << ran.out;
}

TEST_F(Batch, ALastLineWithoutItsEndIsRunToo) {
  ClewProcess clew({"attach", pid});
  clew.write_raw("thread 2");
  clew.close_input();
  EXPECT_EQ(clew.wait(10s), 0);
  EXPECT_NE(clew.out().find("thread 2 (tid "), std::string::npos) << clew.out();
}

TEST_F(Batch, ThreadApplyTakesAllRangesAndLists) {
  const Ran ran =
      run_clew({"attach", pid, "--batch", "-x", "thread 2", "-x", "thread apply all regs rip", "-x",
                "thread apply 1-2 regs rsp", "-x", "thread apply 1,3 x/2xg $rsp", "-x", "thread"});
  ASSERT_EQ(ran.status, 0) << ran.err;
  EXPECT_EQ(count_of(ran.out, "\nrip  "), 3U) << ran.out;
  EXPECT_EQ(count_of(ran.out, "\nrsp  "), 2U) << ran.out;
  EXPECT_EQ(count_of(ran.out, ":  0x"), 2U) << ran.out;
  // The selection is as before.
  const size_t last = ran.out.rfind("thread 2 (tid ");
  EXPECT_GT(last, ran.out.rfind(":  0x")) << ran.out;
}

TEST_F(Batch, ThreadApplyRefusesWhatIsNotAboutAThread) {
  for (const char* line : {"thread apply all quit", "thread apply all nonsense",
                           "thread apply 2-1 regs", "thread apply 9 regs", "thread apply all"}) {
    SCOPED_TRACE(line);
    const Ran ran = run_clew({"attach", pid, "--batch", "-x", line});
    EXPECT_EQ(ran.status, 1);
    EXPECT_EQ(count_of(ran.err, "\n"), 1U) << ran.err;
  }
}

TEST(BatchEnd, ThreadApplySurvivesTheEndOfItsProcess) {
  Fixture target("dier", {"exit", "0"});
  ClewProcess clew({"attach", std::to_string(target.pid())});
  ASSERT_TRUE(clew.read_until("thread 1"));
  // The others wait for their number of steps in the kernel until the process has been killed.
  ASSERT_EQ(kill(target.process(), SIGKILL), 0);
  clew.write("thread apply all stepi 5");
  clew.write("thread apply all regs rip");
  clew.write("help apropos");
  clew.close_input();
  const auto status = clew.wait(20s);
  ASSERT_TRUE(status.has_value());
  EXPECT_EQ(*status, 1) << clew.out() << clew.err();
  EXPECT_NE(clew.out().find("killed by SIGKILL"), std::string::npos) << clew.out();
  EXPECT_NE(clew.out().find("apropos WORD"), std::string::npos) << clew.out();
}

TEST(BatchEnd, AnExecIsTold) {
  Fixture target("exec_thread");
  ClewProcess clew({"attach", std::to_string(target.pid())});
  ASSERT_TRUE(clew.read_until("thread 1"));
  clew.write("continue");
  ASSERT_TRUE(clew.read_until("running"));
  target.write("exec");
  ASSERT_TRUE(clew.read_until("executed a new program", 5s)) << clew.out() << clew.err();
  clew.write("interrupt");
  ASSERT_TRUE(clew.read_until("stopped:", 5s)) << clew.out() << clew.err();
  clew.write("quit");
  EXPECT_EQ(clew.wait(5s), 0) << clew.err();
}

TEST_F(Batch, NothingInTheCurrentFolderIsRun) {
  namespace fs = std::filesystem;
  const fs::path folder = fs::path(scratch_folder()) / "hostile";
  fs::create_directories(folder / "clew");
  for (const char* name : {".clewinit", "init", "clew/init", ".editrc", ".gdbinit", ".inputrc"})
    std::ofstream(folder / name) << "kill\n";
  ClewProcess::Options options;
  options.program = "/bin/sh";
  // XDG variables that are no absolute paths are ignored.
  options.environment = {"XDG_CONFIG_HOME=.", "XDG_STATE_HOME=.", "HOME=" + scratch_folder()};
  const Ran ran = run_clew({"-c", "cd \"$0\" && exec \"$1\" attach \"$2\" --batch -x thread",
                            folder.string(), CLEW_BINARY, pid},
                           20s, options);
  EXPECT_EQ(ran.status, 0) << ran.err;
  EXPECT_NE(ran.out.find("(verified)"), std::string::npos) << ran.out << ran.err;
  EXPECT_FALSE(target.wait_status(0ms).has_value());
  EXPECT_FALSE(fs::exists(folder / "clew" / "history"));
}

TEST_F(Batch, TheInitFileOfTheUserIsRunUnlessOthersCanWriteIt) {
  namespace fs = std::filesystem;
  const fs::path folder = fs::path(scratch_folder()) / "config";
  fs::create_directories(folder / "clew");
  const fs::path file = folder / "clew" / "init";
  std::ofstream(file) << "# mine\nthread 3\n";
  ClewProcess::Options options;
  options.environment = {"XDG_CONFIG_HOME=" + folder.string()};
  fs::permissions(file, fs::perms::owner_read | fs::perms::owner_write);
  Ran ran = run_clew({"attach", pid, "--batch"}, 20s, options);
  EXPECT_NE(ran.out.find("thread 3 (tid "), std::string::npos) << ran.out << ran.err;
  fs::permissions(file, fs::perms::others_write, fs::perm_options::add);
  ran = run_clew({"attach", pid, "--batch"}, 20s, options);
  EXPECT_EQ(ran.out.find("thread 3 (tid "), std::string::npos) << ran.out;
  EXPECT_NE(ran.err.find("is not used"), std::string::npos) << ran.err;
}

TEST_F(Batch, ClosedStandardDescriptorsAreNothingOfClews) {
  ClewProcess::Options options;
  options.program = "/bin/sh";
  for (const char* closed : {"<&-", ">&-", "2>&-", "<&- >&- 2>&-"}) {
    SCOPED_TRACE(closed);
    const std::string line = fmt::format("\"$0\" attach \"$1\" -x threads {}", closed);
    const Ran ran = run_clew({"-c", line, CLEW_BINARY, pid}, 10s, options);
    ASSERT_TRUE(ran.status.has_value()) << "clew hangs";
    EXPECT_GE(*ran.status, 0);
    EXPECT_LE(*ran.status, 1) << ran.err;
    EXPECT_TRUE(is_untraced(target.pid()));
  }
}

}  // namespace
}  // namespace clew::test
