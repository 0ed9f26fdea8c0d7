// Watchpoints, catchpoints, threads held apart, and breakpoints over an exec and a dlopen.

#include <gtest/gtest.h>

#include "support.h"

namespace clew::test {
namespace {

/// clew at its prompt, without a terminal, on a target.
class AttachedPrompt {
 public:
  explicit AttachedPrompt(const Fixture& target) : clew_({"attach", std::to_string(target.pid())}) {
    EXPECT_TRUE(clew_.read_until("attached to process"));
  }
  /// Says it and waits for what is to come.
  void say(const std::string& command, const std::string& answer) {
    clew_.write(command);
    EXPECT_TRUE(clew_.read_until(answer)) << command << ":\n" << clew_.out() << clew_.err();
  }
  void expect(const std::string& news) {
    EXPECT_TRUE(clew_.read_until(news)) << news << ":\n" << clew_.out() << clew_.err();
  }
  /// With the status that a script gets: 1 when a command has failed.
  std::string end(int status = 0) {
    clew_.close_input();
    EXPECT_EQ(clew_.wait().value_or(-1), status) << clew_.out() << clew_.err();
    return clew_.out() + clew_.err();
  }

 private:
  ClewProcess clew_;
};

std::string hex(uint64_t number) {
  char text[32];
  std::snprintf(text, sizeof text, "0x%llx", static_cast<unsigned long long>(number));
  return text;
}

struct CatchCommands : testing::Test {
  Fixture target{"calls", {"2"}};
  std::string watched() { return "*" + hex(target.ready().value("watched", uint64_t{0})); }
  void expect_it_lives() {
    EXPECT_EQ(target.send("set 1").value("set", -1), 1);
    EXPECT_TRUE(is_untraced(target.pid()));
  }
};

TEST_F(CatchCommands, AWatchpointShowsTheOldAndTheNewValueOfEachChange) {
  AttachedPrompt prompt(target);
  prompt.say("watch watched", "watchpoint 1: watched = 0");
  prompt.say("continue", "running");
  target.write("set 7");
  prompt.expect("hit watchpoint 1 (watched: 0 -> 7) at calls.c:");
  prompt.say("continue", "running");
  // It was written three times, and changed once.
  EXPECT_EQ(target.next_answer().value("set", -1), 7);
  prompt.say("delete 1\ninfo breakpoints", "no breakpoints");
  target.write("set 8");
  EXPECT_EQ(target.next_answer().value("set", -1), 8);
  prompt.end();
  expect_it_lives();
}

TEST_F(CatchCommands, AWatchpointSeesThreadsThatAreBornLater) {
  AttachedPrompt prompt(target);
  prompt.say("watch -s 4 *" + hex(target.ready().value("watched", uint64_t{0}) + 4), "= 0x0");
  prompt.say("awatch " + watched() + " if $rax == 3", "watchpoint 2");
  prompt.say("continue", "running");
  EXPECT_GT(target.send("call 100").value("called", 0), 0);
  prompt.say("interrupt", "stopped");
  prompt.say("info breakpoints", "watch  yes     0");
  prompt.end();
  expect_it_lives();
}

TEST_F(CatchCommands, TheProcessorHasFourWatchpoints) {
  AttachedPrompt prompt(target);
  prompt.say("info watchpoints", "no watchpoints");
  prompt.say("break truth_command", "breakpoint 1");
  for (int i = 2; i <= 5; ++i) prompt.say("watch *$sp", "watchpoint " + std::to_string(i));
  prompt.say("watch *$sp\nwatch -s 32 *$sp\ninfo watchpoints", "2  watch");
  const std::string said = prompt.end(1);
  EXPECT_NE(said.find("all in use"), std::string::npos) << said;
  EXPECT_NE(said.find("has 32 bytes, and not enough"), std::string::npos) << said;
  expect_it_lives();
}

TEST_F(CatchCommands, ASystemCallStopsBeforeItIsMadeAndWhenItReturns) {
  AttachedPrompt prompt(target);
  prompt.say("catch syscall openat", "catchpoint 1");
  prompt.say("continue", "running");
  target.write("open /no/such/file");
  prompt.expect("hit catchpoint 1 (call of openat(AT_FDCWD, \"/no/such/file\"");
  prompt.say("continue", "return of openat with -2");
  prompt.say("delete 1\ncontinue", "running");
  EXPECT_EQ(target.next_answer().value("opened", -1), 2);
  prompt.end();
  expect_it_lives();
}

// The only thread is at the beginning of a call, from where none can be made for clew.
TEST_F(CatchCommands, BreakpointsHitBehindACaughtCall) {
  AttachedPrompt prompt(target);
  prompt.say("break try_to_open", "breakpoint 1");
  prompt.say("catch syscall openat", "catchpoint 2");
  prompt.say("continue", "running");
  target.write("open /no/such/file");
  prompt.expect("hit breakpoint 1");
  prompt.say("continue", "hit catchpoint 2 (call of openat");
  prompt.say("delete 2\ncontinue", "running");
  EXPECT_EQ(target.next_answer().value("opened", -1), 2);
  target.write("open /no/such/file");
  prompt.expect("hit breakpoint 1");
  prompt.say("delete 1\ncontinue", "running");
  EXPECT_EQ(target.next_answer().value("opened", -1), 2);
  prompt.end();
  expect_it_lives();
}

TEST_F(CatchCommands, AGroupOfSystemCallsIsCaughtAndNoOther) {
  AttachedPrompt prompt(target);
  prompt.say("catch syscall group:process --nothing", "");
  prompt.say("catch syscall group:process", "catchpoint 1");
  prompt.say("continue", "running");
  target.write("open /");
  EXPECT_EQ(target.next_answer().value("opened", -1), 0);
  target.write("fork");
  prompt.expect("hit catchpoint 1 (call of clone(");
  EXPECT_NE(prompt.end(1).find("there is no option --nothing"), std::string::npos);
  EXPECT_GT(target.next_answer().value("forked", 0), 0);
  expect_it_lives();
}

TEST_F(CatchCommands, AForkIsCaughtInTheParent) {
  AttachedPrompt prompt(target);
  prompt.say("tcatch fork", "catchpoint 1");
  prompt.say("continue", "running");
  target.write("fork");
  prompt.expect("hit temporary catchpoint 1 (fork of process ");
  // A breakpoint is set by calls in the target's name, and that thread is in the middle of its own.
  prompt.say("break hit_me", "breakpoint 2 at calls.c:");
  prompt.say("continue", "running");
  EXPECT_GT(target.next_answer().value("forked", 0), 0);
  prompt.end();
  expect_it_lives();
}

TEST_F(CatchCommands, ASignalIsCaughtBeforeItsDelivery) {
  AttachedPrompt prompt(target);
  prompt.say("catch signal SIGUSR1", "catchpoint 1");
  prompt.say("continue", "running");
  target.write("raise 10");
  prompt.expect("hit catchpoint 1 (SIGUSR1, before its delivery)");
  prompt.say("continue", "running");
  EXPECT_EQ(target.next_answer().value("raised", 0), 10);
  target.write("raise 12");
  EXPECT_EQ(target.next_answer().value("raised", 0), 12);
  prompt.end();
  expect_it_lives();
}

TEST_F(CatchCommands, BadInputChangesNothing) {
  AttachedPrompt prompt(target);
  for (const char* bad : {"catch",
                          "catch nothing",
                          "catch fork now",
                          "catch syscall nonsense",
                          "catch syscall group:none",
                          "catch signal SIGNONE",
                          "watch",
                          "watch 5",
                          "watch -s 99 *$sp",
                          "watch *0",
                          "freeze 77",
                          "thaw x",
                          "thaw 1",
                          "skip -x y",
                          "solo 9",
                          "modify 3",
                          "set follow me",
                          "set stop-policy some",
                          "continue 0",
                          "continue 3"})
    prompt.say(bad, "");
  prompt.say("info breakpoints", "no breakpoints");
  const std::string out = prompt.end(1);
  for (const char* text :
       {"catch what?", "\"nothing\" cannot be caught", "catch fork takes no arguments",
        "\"nonsense\" is no system call", "no group \"none\"", "\"SIGNONE\" is no signal",
        "watch what?", "\"99\" is no size", "there is no thread 77", "is no list of threads",
        "thread 1 (tid", "is not frozen", "skip has no option -x", "there is no thread 9",
        "there is no breakpoint 3", "usage: set follow any|thread",
        "usage: set stop-policy all|thread|none", "continue takes a count", "no breakpoint has"})
    EXPECT_NE(out.find(text), std::string::npos) << text << "\n" << out;
  expect_it_lives();
}

// --- Threads held apart

TEST(ThreadsHeldApart, AFrozenThreadStaysHeldWhileTheOthersRun) {
  Fixture target("sleepers", {"3", "--busy", "1"});
  const pid_t busy = target.ready()["busy"][0].get<pid_t>();
  AttachedPrompt prompt(target);
  prompt.say("thread tid " + std::to_string(busy), "thread ");
  prompt.say("freeze", "frozen");
  prompt.say("continue", "running");
  prompt.say("threads", "frozen");
  EXPECT_EQ(state_of(target.pid(), busy), 't');
  EXPECT_EQ(state_of(target.pid(), target.pid()), 'S');
  // A change of breakpoints holds all for a moment, and lets the frozen one stay.
  prompt.say("break truth_command --stop none", "breakpoint 1");
  prompt.say("delete 1\ninfo breakpoints", "no breakpoints");
  EXPECT_FALSE(target.send("reset").is_null());
  EXPECT_EQ(state_of(target.pid(), busy), 't');
  prompt.say("thaw", "thawed");
  EXPECT_TRUE(await(5s, [&] { return state_of(target.pid(), busy) == 'R'; }));
  prompt.end();
  EXPECT_TRUE(is_untraced(target.pid()));
}

TEST(ThreadsHeldApart, OneThreadRunsAlone) {
  Fixture target("sleepers", {"4"});
  AttachedPrompt prompt(target);
  prompt.say("solo 1", "runs alone");
  prompt.say("continue", "running");
  EXPECT_TRUE(await(5s, [&] { return state_of(target.pid(), target.pid()) == 'S'; }));
  for (const pid_t tid : target.tids()) {
    if (tid != target.pid()) {
      EXPECT_EQ(state_of(target.pid(), tid), 't') << tid;
    }
  }
  prompt.say("solo off", "no thread is frozen");
  EXPECT_TRUE(await(5s, [&] { return are_all(target.pid(), 'S'); }));
  prompt.end();
}

TEST(ThreadsHeldApart, AHitThatHoldsOneThreadOutlivesAChangeOfBreakpoints) {
  Fixture target("calls", {"1"});
  AttachedPrompt prompt(target);
  prompt.say("break hit_me --stop thread", "breakpoint 1");
  prompt.say("continue", "running");
  target.write("call 1");
  prompt.expect("it alone is held");
  prompt.say("break turn_3", "breakpoint 2");
  prompt.say("info breakpoints", "turn_3");
  EXPECT_NE(states_of(target.pid()).find('t'), std::string::npos);
  prompt.say("continue", "run on");
  EXPECT_EQ(target.next_answer().value("called", 0), 1);
  prompt.end();
}

TEST(ThreadsHeldApart, MaxPauseEndsAFreeze) {
  Fixture target("sleepers", {"3"});
  ClewProcess clew({"attach", std::to_string(target.pid()), "--max-pause", "300ms"});
  ASSERT_TRUE(clew.read_until("attached"));
  clew.write("freeze 2");
  clew.write("continue");
  EXPECT_TRUE(clew.read_until("let go after"));
  EXPECT_TRUE(await(5s, [&] { return are_all(target.pid(), 'S'); }));
  clew.close_input();
  EXPECT_EQ(clew.wait().value_or(-1), 0);
}

// --- Breakpoints that outlive the code

TEST(BreakpointsFollow, AnExecFromAnotherThread) {
  Fixture target("exec_thread");
  AttachedPrompt prompt(target);
  prompt.say("break main", "breakpoint 1");
  prompt.say("break truth_close_ready", "breakpoint 2");
  prompt.say("continue", "running");
  target.write("exec");
  prompt.expect("breakpoint 1 is at exec_thread.c:");
  prompt.expect("hit breakpoint 1 at exec_thread.c:");
  prompt.say("delete 1\ncontinue", "hit breakpoint 2");
  prompt.say("delete 2\ncontinue", "running");
  EXPECT_EQ(target.next_answer().value("exec", ""), "thread");
  EXPECT_EQ(target.next_answer().value("execs", 0), 1);
  prompt.end();
  EXPECT_TRUE(is_untraced(target.pid()));
}

TEST(BreakpointsFollow, ALibraryThatComesAndGoesAndComesAgain) {
  Fixture target("loader");
  const std::string library = CLEW_FIXTURES "/sym/library-first.so";
  AttachedPrompt prompt(target);
  prompt.say("break library_function --stop none", "breakpoint 1 is pending");
  prompt.say("catch load first", "catchpoint 2");
  prompt.say("catch unload first", "catchpoint 3");
  prompt.say("continue", "running");
  target.write("open " + library);
  prompt.expect("hit catchpoint 2 (loaded ");
  prompt.expect("breakpoint 1 is at library.c:");
  prompt.say("continue", "running");
  EXPECT_EQ(target.next_answer().value("opened", -1), 0);
  target.write("close 0");
  prompt.expect("hit catchpoint 3 (unloaded ");
  prompt.expect("breakpoint 1 is pending");
  prompt.say("delete 2 3\ncontinue", "running");
  EXPECT_EQ(target.next_answer().value("closed", -1), 0);
  EXPECT_EQ(target.send("open " + library).value("opened", -1), 1);
  prompt.expect("breakpoint 1 is at library.c:");
  prompt.end();
  EXPECT_TRUE(is_untraced(target.pid()));
}

struct CatchExceptions : testing::Test {
  Fixture target{"exceptions"};
  AttachedPrompt prompt{target};
  void run(const std::string& news) {
    prompt.say("continue", "running");
    target.write("run");
    prompt.expect(news);
  }
  void go_on(const std::string& news) { prompt.say("continue", news); }
  void end(int caught) {
    prompt.say("continue", "running");
    EXPECT_EQ(target.next_answer().value("caught", 0), caught);
    prompt.end();
  }
};

TEST_F(CatchExceptions, EachEventNamesTheTypeAndTheOneThatAPointerCarries) {
  prompt.say("catch throw", "catchpoint 1: throw");
  prompt.say("catch rethrow", "catchpoint 2: rethrow");
  prompt.say("catch catch", "catchpoint 3: catch");
  run("hit catchpoint 1 (throw of shop::Refused) at __cxa_throw");
  go_on("hit catchpoint 3 (catch of shop::Refused) at __cxa_begin_catch");
  go_on("hit catchpoint 2 (rethrow of shop::Refused) at _Unwind_Resume_or_Rethrow");
  go_on("hit catchpoint 3 (catch of shop::Refused)");
  go_on("hit catchpoint 1 (throw of shop::Of<int>)");
  go_on("hit catchpoint 3 (catch of shop::Of<int>)");
  // By std::rethrow_exception(): one that refers to the first.
  go_on("hit catchpoint 3 (catch of shop::Of<int>)");
  go_on("hit catchpoint 1 (throw of shop::(anonymous namespace)::Hidden)");
  go_on("hit catchpoint 3 (catch of shop::(anonymous namespace)::Hidden)");
  end(5);
}

TEST_F(CatchExceptions, ARegularExpressionChoosesTheType) {
  prompt.say("catch throw ^shop::Of<", "catchpoint 1: throw ^shop::Of<");
  prompt.say("catch rethrow bad_alloc", "catchpoint 2");
  run("hit catchpoint 1 (throw of shop::Of<int>)");
  prompt.say("info breakpoints", "throw ^shop::Of<");
  prompt.say("bt 2", "carries");
  end(5);
}

TEST_F(CatchExceptions, TheRulesOfBreakpointsHold) {
  prompt.say("catch throw --thread 1 Refused if 0", "catchpoint 1: throw Refused");
  prompt.say("tcatch catch --stop all", "catchpoint 2: catch");
  prompt.say(
      "catch throw (\ncatch throw Refused if\ncatch throw --bogus 1\ncatch panic Text\n"
      "info breakpoints",
      "--thread 1");
  run("hit temporary catchpoint 2 (catch of shop::Refused)");
  prompt.say("continue", "running");
  EXPECT_EQ(target.next_answer().value("caught", 0), 5);
  const std::string said = prompt.end(1);
  for (const char* reason : {"\"(\" is no regular expression", "`if` needs a condition",
                             "there is no option --bogus", "a panic has no type"})
    EXPECT_NE(said.find(reason), std::string::npos) << reason << "\n" << said;
}

TEST_F(CatchExceptions, AreSavedAndReadAgain) {
  const std::string path = testing::TempDir() + "clew-caught";
  prompt.say("catch throw Of<int> if 1", "catchpoint 1");
  prompt.say("catch panic", "catchpoint 2 is pending: panic");
  prompt.say("save " + path, "saved 2 breakpoints");
  prompt.say("delete", "");
  prompt.say("source " + path, "catchpoint 3: throw Of<int>");
  prompt.expect("catchpoint 4 is pending: panic");
  run("hit catchpoint 3 (throw of shop::Of<int>)");
  end(5);
  std::remove(path.c_str());
}

/// What a language's runtime does is caught where it does it.
TEST(CatchRuntime, ThrowAndCatchOfCpp) {
  Fixture target("step_matrix_o0");
  AttachedPrompt prompt(target);
  prompt.say("catch throw", "catchpoint 1: throw");
  prompt.say("catch catch", "catchpoint 2: catch");
  prompt.say("continue", "running");
  target.write("run exceptions");
  // Thrown in thrower, caught in catches_within; and each once more further out.
  for (const char* where : {"catches_within", "exceptions", "exceptions"}) {
    prompt.expect("hit catchpoint 1");
    prompt.say("bt", "thrower");
    prompt.say("continue", "hit catchpoint 2");
    prompt.say("bt 2", where);
    prompt.say("continue", "running");
  }
  EXPECT_EQ(target.next_answer().value("ran", ""), "exceptions");
  prompt.end();
}

TEST(CatchRuntime, PanicOfRust) {
  Fixture target("step_matrix_rust");
  AttachedPrompt prompt(target);
  prompt.say("catch panic", "catchpoint 1: panic");
  prompt.say("continue", "running");
  target.write("run unwinding");
  for (int i = 0; i < 2; ++i) {
    prompt.expect("hit catchpoint 1 (panic)");
    prompt.say("bt", "panics");
    prompt.say("continue", "running");
  }
  EXPECT_EQ(target.next_answer().value("sum", 0), 11);
  prompt.end();
}

}  // namespace
}  // namespace clew::test
