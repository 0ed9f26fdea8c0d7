#include "os/signal_names.h"

#include <gtest/gtest.h>

#include <csignal>
#include <string>

namespace clew::os {
namespace {

TEST(SignalNames, StandardSignals) {
  EXPECT_EQ(signal_name(SIGHUP), "SIGHUP");
  EXPECT_EQ(signal_name(SIGSEGV), "SIGSEGV");
  EXPECT_EQ(signal_name(SIGSTKFLT), "SIGSTKFLT");
  EXPECT_EQ(signal_name(SIGCHLD), "SIGCHLD");
  EXPECT_EQ(signal_name(SIGVTALRM), "SIGVTALRM");
  EXPECT_EQ(signal_name(SIGIO), "SIGIO");
  EXPECT_EQ(signal_name(SIGSYS), "SIGSYS");
}

// The C library's own table says the same for each.
TEST(SignalNames, AgreeWithTheCLibrary) {
  for (int signal = 1; signal <= 31; ++signal) {
    if (signal == SIGIO) continue;  // there it is SIGPOLL
    EXPECT_EQ(signal_name(signal), std::string("SIG") + sigabbrev_np(signal));
  }
}

TEST(SignalNames, RealtimeSignals) {
  EXPECT_EQ(signal_name(34), "SIGRTMIN");
  EXPECT_EQ(signal_name(37), "SIGRTMIN+3");
  EXPECT_EQ(signal_name(64), "SIGRTMIN+30");
}

TEST(SignalNames, NumbersWithoutAName) {
  EXPECT_EQ(signal_name(32), "SIG32");
  EXPECT_EQ(signal_name(33), "SIG33");
  EXPECT_EQ(signal_name(0), "SIG0");
  EXPECT_EQ(signal_name(65), "SIG65");
  EXPECT_EQ(signal_name(99), "SIG99");
  EXPECT_EQ(signal_name(-1), "SIG-1");
}

TEST(SignalNumber, EachNameLeadsBack) {
  for (int signal = 1; signal <= 64; ++signal) {
    EXPECT_EQ(signal_number(signal_name(signal)), signal);
    EXPECT_EQ(signal_number(std::to_string(signal)), signal);
  }
}

TEST(SignalNumber, AcceptsWhatUsersWrite) {
  EXPECT_EQ(signal_number("SIGINT"), 2);
  EXPECT_EQ(signal_number("INT"), 2);
  EXPECT_EQ(signal_number("int"), 2);
  EXPECT_EQ(signal_number("SigTerm"), 15);
  EXPECT_EQ(signal_number("15"), 15);
  EXPECT_EQ(signal_number("SIGRTMIN"), 34);
  EXPECT_EQ(signal_number("SIGRTMIN+1"), 35);
  EXPECT_EQ(signal_number("rtmin+30"), 64);
  EXPECT_EQ(signal_number("SIGRTMAX"), 64);
  EXPECT_EQ(signal_number("RTMAX-2"), 62);
  EXPECT_EQ(signal_number("SIGIOT"), SIGABRT);
  EXPECT_EQ(signal_number("CLD"), SIGCHLD);
  EXPECT_EQ(signal_number("SIGPOLL"), SIGIO);
}

TEST(SignalNumber, RefusesTheRest) {
  for (const char* text : {"",
                           "SIG",
                           "SIGSIG",
                           "SIGSIGINT",
                           "FOO",
                           "SIGIN",
                           "SIGINTX",
                           " INT",
                           "INT ",
                           "0",
                           "65",
                           "99",
                           "-2",
                           "+2",
                           "2x",
                           "0x2",
                           "99999999999999999999",
                           "SIGRTMIN+31",
                           "SIGRTMIN-1",
                           "SIGRTMIN+",
                           "SIGRTMIN+x",
                           "SIGRTMIN3",
                           "SIGRTMAX+1",
                           "SIGRTMAX-31",
                           "SIGRTMIN+2147483647",
                           "SIGRTMIN+-1"}) {
    EXPECT_EQ(signal_number(text), std::nullopt) << '"' << text << '"';
  }
}

uint64_t bit(int signal) { return 1ULL << (signal - 1); }

TEST(FormatSigset, ListsMembers) {
  EXPECT_EQ(format_sigset(0), "[]");
  EXPECT_EQ(format_sigset(bit(SIGHUP)), "[HUP]");
  EXPECT_EQ(format_sigset(bit(SIGINT) | bit(SIGTERM)), "[INT TERM]");
  EXPECT_EQ(format_sigset(bit(32) | bit(34) | bit(64)), "[32 RTMIN RTMIN+30]");
}

TEST(FormatSigset, FullSetsAreShownByWhatTheyLack) {
  EXPECT_EQ(format_sigset(~0ULL), "~[]");
  EXPECT_EQ(format_sigset(~(bit(SIGKILL) | bit(SIGSTOP))), "~[KILL STOP]");
  // sigfillset(3) leaves out the two signals of the threads library.
  EXPECT_EQ(format_sigset(~(bit(32) | bit(33))), "~[32 33]");
  EXPECT_EQ(format_sigset(0xffffffff).substr(0, 5), "[HUP ");
  EXPECT_EQ(format_sigset(0x1ffffffff).substr(0, 4), "~[RT");
}

TEST(StopSignals, AreTheFour) {
  for (int signal = -1; signal <= 65; ++signal) {
    const bool expected =
        signal == SIGSTOP || signal == SIGTSTP || signal == SIGTTIN || signal == SIGTTOU;
    EXPECT_EQ(is_stop_signal(signal), expected) << signal;
  }
}

}  // namespace
}  // namespace clew::os
