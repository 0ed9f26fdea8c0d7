// The prompt, as somebody at a terminal sees it.

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "support.h"

namespace clew::test {
namespace {

namespace fs = std::filesystem;

ClewProcess::Options at_terminal(Strings environment = {}) {
  ClewProcess::Options options;
  options.mode = ClewProcess::Mode::terminal;
  options.environment = std::move(environment);
  return options;
}

std::string text_of(const fs::path& file) {
  std::stringstream text;
  text << std::ifstream(file).rdbuf();
  return text.str();
}

struct Prompt : testing::Test {
  Fixture target{"sleepers", {"3"}};
  std::string pid = std::to_string(target.pid());
  std::string held = fmt::format("(clew {} held) ", pid);
  std::string running = fmt::format("(clew {} running) ", pid);
  std::optional<ClewProcess> clew;

  void start(ClewProcess::Options options = at_terminal()) {
    clew.emplace(Strings{"attach", pid}, std::move(options));
    ASSERT_TRUE(clew->read_until(held)) << clew->out();
  }
  /// Types a line. @return what came until the next prompt.
  std::string answer(const std::string& line) {
    clew->forget_output();
    clew->write(line);
    EXPECT_TRUE(clew->read_until("\n")) << clew->out();
    EXPECT_TRUE(clew->read_until("(clew")) << clew->out();
    return clew->out();
  }
  void quit() {
    clew->write("quit");
    EXPECT_EQ(clew->wait(5s), 0) << clew->out();
    EXPECT_TRUE(is_untraced(target.pid()));
  }
};

TEST_F(Prompt, HelpListsTheCommandsAndSaysMoreOfOne) {
  ClewProcess::Options options = at_terminal();
  options.rows = 200;
  start(options);
  const std::string all = answer("help");
  for (const char* name : {"threads", "thread", "regs", "set", "x", "maps", "continue", "interrupt",
                           "stepi", "detach", "kill", "quit", "info", "help", "apropos"}) {
    EXPECT_NE(all.find(fmt::format("\n{} ", name)), std::string::npos) << name << "\n" << all;
  }
  EXPECT_NE(answer("help si").find("also: si"), std::string::npos);
  const std::string found = answer("apropos register");
  EXPECT_NE(found.find("regs"), std::string::npos) << found;
  EXPECT_EQ(found.find("detach"), std::string::npos) << found;
  EXPECT_NE(answer("help nonsense").find("there is no command \"nonsense\""), std::string::npos);
  quit();
}

TEST_F(Prompt, EachShortNameIsKnown) {
  start();
  for (const char* name :
       {"c", "cont", "int", "si", "k", "q", "exit", "t", "i", "h", "reg", "thr"}) {
    EXPECT_EQ(answer(fmt::format("help {}", name)).find("there is no command"), std::string::npos)
        << name;
  }
  quit();
}

TEST_F(Prompt, TabCompletesCommandsThreadsAndRegisters) {
  start();
  const auto completes = [&](const char* typed, const std::string& wanted) {
    SCOPED_TRACE(typed);
    clew->forget_output();
    clew->write_raw(std::string(typed) + "\t");
    EXPECT_TRUE(clew->read_until(wanted, 5s)) << clew->out();
    clew->write_raw("\x15");  // Ctrl-U: the line away again
  };
  completes("contin", "continue ");
  completes("  contin", "continue ");
  completes("regs r1", "r10");
  completes("reg -a ymm1", "ymm1");
  completes("info registers efl", "eflags ");
  completes("x/2xg $rs", "$rsi");
  completes("set $ri", "$rip ");
  completes("help apr", "apropos ");
  completes("thread ", "apply");
  completes("thread ", "3");
  completes("thread apply a", "all ");
  completes("thread apply all inf", "info ");
  completes("thread apply all regs ri", "rip ");
  const std::string tid = std::to_string(target.tids().back());
  completes(("thread tid " + tid.substr(0, tid.size() - 1)).c_str(), tid);
  clew->write("");
  quit();
}

TEST_F(Prompt, HistoryIsKeptUnderTheStateFolderAlone) {
  const fs::path folder = fs::path(scratch_folder()) / "state" / "of" / "its" / "own";
  const Strings environment = {"XDG_STATE_HOME=" + folder.string(),
                               "HOME=" + scratch_folder() + "/nowhere"};
  start(at_terminal(environment));
  answer("info target");
  quit();
  EXPECT_NE(text_of(folder / "clew" / "history").find("info"), std::string::npos);
  EXPECT_EQ(fs::status(folder / "clew").permissions() & fs::perms::others_all, fs::perms::none);
  EXPECT_FALSE(fs::exists(scratch_folder() + "/nowhere"));
  // The next session has it: the arrow up, twice (over `quit`).
  start(at_terminal(environment));
  clew->forget_output();
  clew->write_raw("\x10\x10\n");
  EXPECT_TRUE(clew->read_until("program ", 5s)) << clew->out();
  quit();
}

TEST_F(Prompt, WorksWhileTheTargetRuns) {
  start();
  EXPECT_NE(answer("continue").find("running"), std::string::npos);
  EXPECT_TRUE(await(5s, [&] { return !is_held(target.pid()); }));
  const std::string table = answer("threads");
  for (const pid_t tid : target.tids())
    EXPECT_NE(table.find(std::to_string(tid)), std::string::npos) << table;
  EXPECT_FALSE(is_held(target.pid()));
  EXPECT_NE(answer("regs").find("the process is running: `interrupt` stops it"), std::string::npos);
  clew->forget_output();
  clew->write("info target");
  EXPECT_TRUE(clew->read_until("state      running")) << clew->out();
  EXPECT_TRUE(clew->read_until(running)) << clew->out();
  quit();
}

TEST_F(Prompt, TheControlCKeyInterruptsWhatRunsAndOnlyTheLineOfWhatIsHeld) {
  start();
  answer("continue");
  // After the prompt, so that the terminal gives the key to clew.
  clew->forget_output();
  clew->write_raw("\x03");
  EXPECT_TRUE(clew->read_until("stopped: 3 threads held")) << clew->out();
  EXPECT_TRUE(clew->read_until(held)) << clew->out();
  EXPECT_TRUE(is_held(target.pid()));
  clew->forget_output();
  clew->write_raw("thread 9\x03");
  EXPECT_TRUE(clew->read_until(held)) << clew->out();
  EXPECT_TRUE(is_held(target.pid()));
  EXPECT_NE(answer("thread 2").find("thread 2 (tid "), std::string::npos);
  quit();
}

TEST_F(Prompt, AnEmptyLineRepeatsAStep) {
  Fixture busy("sleepers", {"1", "--busy", "1"});
  const pid_t tid = busy.ready()["busy"][0];
  clew.emplace(Strings{"attach", std::to_string(busy.pid())}, at_terminal());
  ASSERT_TRUE(clew->read_until("held) "));
  answer(fmt::format("thread tid {}", tid));
  EXPECT_NE(answer("stepi").find(" at 0x"), std::string::npos);
  EXPECT_NE(answer("").find(" at 0x"), std::string::npos) << clew->out();
  answer("thread");
  EXPECT_EQ(answer("").find(" at 0x"), std::string::npos) << clew->out();
  clew->write("quit");
  EXPECT_EQ(clew->wait(5s), 0);
}

TEST_F(Prompt, ColoursAreForATerminalThatWantsThem) {
  const auto is_coloured = [&](Strings environment) {
    clew.emplace(Strings{"threads", pid}, at_terminal(std::move(environment)));
    EXPECT_EQ(clew->wait(5s), 0);
    return clew->out().find("\x1b[") != std::string::npos;
  };
  EXPECT_TRUE(is_coloured({"NO_COLOR", "TERM=xterm"}));
  EXPECT_TRUE(is_coloured({"NO_COLOR=", "TERM=xterm"}));
  EXPECT_FALSE(is_coloured({"NO_COLOR=1", "TERM=xterm"}));
  EXPECT_FALSE(is_coloured({"NO_COLOR", "TERM=dumb"}));
  ClewProcess::Options piped;
  piped.environment = {"NO_COLOR", "TERM=xterm"};
  const Ran ran = run_clew({"threads", pid}, 10s, piped);
  EXPECT_EQ(ran.status, 0);
  EXPECT_EQ(ran.out.find('\x1b'), std::string::npos) << ran.out;
}

TEST_F(Prompt, ATableIsCutToTheTerminal) {
  ClewProcess::Options narrow = at_terminal();
  narrow.columns = 60;
  clew.emplace(Strings{"threads", pid}, narrow);
  EXPECT_EQ(clew->wait(5s), 0);
  EXPECT_NE(clew->out().find("…"), std::string::npos) << clew->out();
}

TEST_F(Prompt, LongOutputComesInPages) {
  Fixture many("sleepers", {"60"});
  ClewProcess::Options low = at_terminal();
  low.rows = 12;
  clew.emplace(Strings{"attach", std::to_string(many.pid())}, low);
  ASSERT_TRUE(clew->read_until("held) "));
  clew->write("threads");
  ASSERT_TRUE(clew->read_until("space for more")) << clew->out();
  clew->write_raw(" ");
  ASSERT_TRUE(clew->read_until("space for more")) << clew->out();
  clew->write_raw("q");
  ASSERT_TRUE(clew->read_until("held) ")) << clew->out();
  clew->forget_output();
  clew->write("threads");
  ASSERT_TRUE(clew->read_until("space for more")) << clew->out();
  clew->write_raw("a");
  ASSERT_TRUE(clew->read_until(std::to_string(many.tids().back()))) << clew->out();
  ASSERT_TRUE(clew->read_until("held) ")) << clew->out();
  // Ctrl-C ends the reading and nothing else.
  clew->write("threads");
  ASSERT_TRUE(clew->read_until("space for more")) << clew->out();
  clew->write_raw("\x03");
  ASSERT_TRUE(clew->read_until("held) ")) << clew->out();
  EXPECT_TRUE(is_held(many.pid()));
  clew->write("quit");
  EXPECT_EQ(clew->wait(5s), 0);
  EXPECT_TRUE(is_untraced(many.pid()));
}

TEST_F(Prompt, DetachAndAttachAgainAndTheTidOfAThread) {
  start();
  answer("detach");
  EXPECT_TRUE(is_untraced(target.pid()));
  EXPECT_NE(answer("threads").find("no process is attached"), std::string::npos);
  const pid_t tid = target.tids().back();
  const std::string said = answer(fmt::format("attach {}", tid));
  EXPECT_NE(said.find(fmt::format("{} is a thread of process {}: attaching to the process", tid,
                                  target.pid())),
            std::string::npos)
      << said;
  EXPECT_NE(said.find(fmt::format("(tid {})", tid)), std::string::npos) << said;
  EXPECT_TRUE(is_held(target.pid()));
  quit();
}

TEST_F(Prompt, ARegisterIsSetAndMemoryShown) {
  start();
  const std::string before = answer("regs r15");
  EXPECT_NE(answer("set $r15 = 0x1234 + 1").find("r15 = 0x0000000000001235"), std::string::npos);
  EXPECT_NE(answer("regs r15").find("0x0000000000001235"), std::string::npos);
  const size_t at = before.find("0x");
  answer("set $r15 = " + before.substr(at, 18));
  EXPECT_EQ(answer("regs r15"), before);
  EXPECT_NE(answer("x/2xg $rsp").find(":  0x"), std::string::npos);
  EXPECT_NE(answer("x/s 0").find("no readable memory"), std::string::npos) << clew->out();
  EXPECT_NE(answer("maps sleepers").find("/sleepers"), std::string::npos);
  quit();
}

TEST_F(Prompt, ATargetThatIsKilledIsToldAndThePromptLivesOn) {
  start();
  answer("continue");
  clew->forget_output();
  ASSERT_EQ(kill(target.pid(), SIGKILL), 0);
  EXPECT_TRUE(clew->read_until("the process was killed by SIGKILL", 2s)) << clew->out();
  EXPECT_TRUE(clew->read_until("no process is attached any more", 2s)) << clew->out();
  EXPECT_TRUE(clew->read_until("(clew) ", 2s)) << clew->out();
  EXPECT_NE(answer("stepi").find("no process is attached"), std::string::npos);
  clew->write("quit");
  EXPECT_EQ(clew->wait(5s), 0);
}

}  // namespace
}  // namespace clew::test
