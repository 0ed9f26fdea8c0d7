// `handle`: signals that stop the process, are told of, or are kept from it.

#include <gtest/gtest.h>

#include <csignal>

#include "support.h"

namespace clew::test {
namespace {

const std::string launched_program = CLEW_FIXTURES "/launched";

/// To the beginning of a round: not in the handler of the last one's signal, or on the way to it.
void stop_in_work(ClewProcess& clew) {
  clew.write("tbreak work");
  clew.write("continue");
  ASSERT_TRUE(clew.read_until("hit temporary breakpoint")) << clew.out() << clew.err();
}

TEST(Handle, AFatalSignalStopsBeforeItIsDeliveredAndIsDeliveredByContinue) {
  ClewProcess clew({"run", "--", launched_program, "kill", "6"});
  clew.write("continue");
  ASSERT_TRUE(clew.read_until("gets SIGABRT: it is held before")) << clew.out() << clew.err();
  const size_t at = clew.out().find("started process ");
  ASSERT_NE(at, std::string::npos);
  EXPECT_TRUE(is_held(std::atoi(clew.out().c_str() + at + 16)));
  clew.write("regs rip");
  ASSERT_TRUE(clew.read_until("rip")) << clew.out() << clew.err();
  clew.write("continue");
  EXPECT_TRUE(clew.read_until("killed by SIGABRT")) << clew.out() << clew.err();
}

TEST(Handle, NostopAndNopassAreFollowed) {
  const Ran nostop = run_clew({"run", "--batch", "-x", "handle SIGABRT nostop", "-x", "continue",
                               "--", launched_program, "kill", "6"});
  EXPECT_FALSE(has(nostop.out, "held before the delivery")) << nostop.out;
  EXPECT_TRUE(has(nostop.out, "killed by SIGABRT")) << nostop.out;
  Fixture target("steps");
  ClewProcess clew({"attach", std::to_string(target.pid())});
  stop_in_work(clew);
  clew.write("handle USR1 nostop print nopass");
  clew.write("break on_signal");
  ASSERT_TRUE(clew.read_until("breakpoint 2")) << clew.out() << clew.err();
  clew.write("continue");
  for (int i = 0; i < 3; ++i)
    ASSERT_TRUE(clew.read_until("gets SIGUSR1, which is withheld")) << clew.out() << clew.err();
  EXPECT_FALSE(has(clew.out(), "hit breakpoint 2")) << clew.out();
  clew.write("quit");
  EXPECT_EQ(clew.wait(), 0) << clew.err();
}

TEST(Handle, ASignalThatTheTargetHandlesIsDeliveredOnceAfterItsStop) {
  Fixture target("steps");
  ClewProcess clew({"attach", std::to_string(target.pid())});
  stop_in_work(clew);
  clew.write("handle SIGUSR1 stop");
  ASSERT_TRUE(clew.read_until("SIGUSR1")) << clew.err();
  clew.write("break on_signal");
  ASSERT_TRUE(clew.read_until("breakpoint 2")) << clew.out() << clew.err();
  for (int i = 0; i < 3; ++i) {
    clew.write("continue");
    ASSERT_TRUE(clew.read_until("gets SIGUSR1")) << clew.out() << clew.err();
    clew.write("continue");
    ASSERT_TRUE(clew.read_until("hit breakpoint 2")) << clew.out() << clew.err();
  }
  clew.write("quit");
  EXPECT_EQ(clew.wait(), 0) << clew.err();
  EXPECT_FALSE(is_held(target.pid()));
}

TEST(Handle, ASignalIsDeliveredWhenClewIsKilledBeforeItsDelivery) {
  Fixture target("steps");
  for (int i = 0; i < 5; ++i) {
    ClewProcess clew({"attach", std::to_string(target.pid())});
    stop_in_work(clew);
    clew.write("handle SIGUSR1 stop");
    clew.write("continue");
    ASSERT_TRUE(clew.read_until("gets SIGUSR1")) << clew.out() << clew.err();
    clew.signal(SIGKILL);
    EXPECT_EQ(clew.wait(), -SIGKILL);
    // It comes to its handler, which the next of its rounds has not yet got to.
    ClewProcess next({"attach", std::to_string(target.pid())});
    next.write("tbreak on_signal");
    next.write("continue");
    ASSERT_TRUE(next.read_until("hit temporary breakpoint")) << next.out() << next.err();
    next.write("quit");
    EXPECT_EQ(next.wait(), 0) << next.err();
    EXPECT_FALSE(is_held(target.pid()));
  }
}

TEST(Handle, WithoutActionsTheRulesAreShown) {
  Fixture target("sleepers", {"2"});
  const Ran ran = run_clew({"attach", std::to_string(target.pid()), "--batch", "-x",
                            "handle USR2 print", "-x", "handle"});
  EXPECT_EQ(ran.status, 0) << ran.err;
  EXPECT_TRUE(has(ran.out, "SIGSEGV      stop when fatal")) << ran.out;
  EXPECT_TRUE(has(ran.out, "SIGUSR2      nostop           print    pass")) << ran.out;
}

TEST(Handle, BadInputChangesNothing) {
  Fixture target("sleepers", {"2"});
  for (const char* command : {"handle SIGNOTHING stop", "handle stop", "handle USR1 sometimes",
                              "handle 0 stop", "handle 65 stop", "handle KILL stop"}) {
    const Ran ran = run_clew({"attach", std::to_string(target.pid()), "--batch", "-x", command});
    EXPECT_EQ(ran.status, 1) << command << ran.out;
    EXPECT_TRUE(has(ran.err, "clew: ")) << command << ran.err;
  }
}

}  // namespace
}  // namespace clew::test
