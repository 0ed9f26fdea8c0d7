#include "os/task_facts.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace clew::os {
namespace {

// Fields 4 to 52 as Linux prints them, each with a value of its own where that matters.
const std::string fields_after_state =
    " 1200 1234 1234 34816 1500 4194560 800 801 802 803 11 12 13 14 20 0 3 0 987654 8192000 700 "
    "18446744073709551615 94000 95000 140000 0 0 0 0 4096 65536 0 0 0 17 5 0 0 0 0 0 96000 97000 "
    "98000 99000 99100 99200 99300 0\n";

std::string stat_line(const std::string& name, char state = 'S') {
  return "1234 (" + name + ") " + state + fields_after_state;
}

TEST(ParseTaskStat, AllFields) {
  const auto stat = parse_task_stat(stat_line("server"));
  ASSERT_TRUE(stat.has_value());
  EXPECT_EQ(stat->tid, 1234);
  EXPECT_EQ(stat->name, "server");
  EXPECT_EQ(stat->state, 'S');
  EXPECT_EQ(stat->ppid, 1200);
  EXPECT_EQ(stat->flags, 4194560u);
  EXPECT_EQ(stat->start_time, 987654u);
  EXPECT_EQ(stat->cpu, 5);
  EXPECT_FALSE(stat->is_kernel_thread());
}

TEST(ParseTaskStat, NamesThatLookLikeSyntax) {
  for (const std::string name :
       {"a b", "(x)", ")", "(", "a) S 1 2", ") Z 1 (", "new\nline", "", " ", "))))"}) {
    for (const char state : {'S', 'Z', 't'}) {
      const auto stat = parse_task_stat(stat_line(name, state));
      ASSERT_TRUE(stat.has_value()) << name;
      EXPECT_EQ(stat->name, name);
      EXPECT_EQ(stat->state, state) << name;
      EXPECT_EQ(stat->tid, 1234) << name;
      EXPECT_EQ(stat->ppid, 1200) << name;
      EXPECT_EQ(stat->cpu, 5) << name;
    }
  }
}

TEST(ParseTaskStat, NegativeFieldsBetween) {
  std::string line = stat_line("x");
  line.replace(line.find(" 34816 1500 "), 12, " 0 -1 ");  // no terminal
  const auto stat = parse_task_stat(line);
  ASSERT_TRUE(stat.has_value());
  EXPECT_EQ(stat->flags, 4194560u);
}

TEST(ParseTaskStat, KernelThread) {
  const auto stat = parse_task_stat("2 (kthreadd) S 0 0 0 0 -1 2129984" +
                                    fields_after_state.substr(fields_after_state.find(" 800")));
  ASSERT_TRUE(stat.has_value());
  EXPECT_TRUE(stat->is_kernel_thread());
}

TEST(ParseTaskStat, EveryTruncationIsBadDataOrComplete) {
  const std::string line = stat_line("a (b) c");
  const size_t cpu_end = line.find(" 17 5 ") + 5;
  for (size_t length = 0; length < cpu_end; ++length) {
    const auto stat = parse_task_stat(line.substr(0, length));
    ASSERT_FALSE(stat.has_value()) << line.substr(0, length);
    EXPECT_EQ(stat.error().code, ErrorCode::bad_data);
  }
  for (size_t length = cpu_end; length <= line.size(); ++length) {
    const auto stat = parse_task_stat(line.substr(0, length));
    ASSERT_TRUE(stat.has_value()) << length;
    EXPECT_EQ(stat->cpu, 5);
  }
}

TEST(ParseTaskStat, Garbage) {
  for (const std::string line :
       {"", "\n", "x", "()", "1 ()", "1 () ", "1 () S", ") 1 (", "x (y) S 1 2 3"}) {
    EXPECT_FALSE(parse_task_stat(line).has_value()) << line;
  }
  EXPECT_FALSE(parse_task_stat("x" + stat_line("y")).has_value());
}

constexpr const char* full_status =
    "Name:\tTracerPid: 9\\n\n"
    "Umask:\t0022\n"
    "State:\tt (tracing stop)\n"
    "Tgid:\t4300\n"
    "Ngid:\t0\n"
    "Pid:\t4302\n"
    "PPid:\t4200\n"
    "TracerPid:\t123\n"
    "Uid:\t1000\t1001\t1002\t1003\n"
    "Gid:\t2000\t2001\t2002\t4294967295\n"
    "FDSize:\t256\n"
    "Groups:\t4 24 27 \n"
    "NStgid:\t4300\t70\t1\n"
    "NSpid:\t4302\t72\t3\n"
    "NSpgid:\t4300\t70\t1\n"
    "NSsid:\t4300\t70\t1\n"
    "Kthread:\t0\n"
    "VmPeak:\t    2544 kB\n"
    "Threads:\t10001\n"
    "SigQ:\t17/15183\n"
    "SigPnd:\t0000000000000001\n"
    "ShdPnd:\t0000000000000200\n"
    "SigBlk:\tfffffffe7ffbfeff\n"
    "SigIgn:\t0000000000001000\n"
    "SigCgt:\t8000000180000002\n"
    "CapInh:\t0000000000000008\n"
    "CapPrm:\t000001fffeffffff\n"
    "CapEff:\t0000000000080000\n"
    "CapBnd:\t000001ffffffffff\n"
    "CapAmb:\t0000000000000000\n"
    "NoNewPrivs:\t1\n"
    "Seccomp:\t2\n"
    "Seccomp_filters:\t7\n"
    "Cpus_allowed:\t3\n"
    "nonvoluntary_ctxt_switches:\t2\n";

TEST(ParseTaskStatus, AllFields) {
  const TaskStatus status = parse_task_status(full_status);
  EXPECT_EQ(status.state, 't');
  EXPECT_EQ(status.tgid, 4300);
  EXPECT_EQ(status.tracer_pid, 123);
  for (unsigned i = 0; i < 4; ++i) EXPECT_EQ(status.uids[i], 1000 + i);
  for (unsigned i = 0; i < 3; ++i) EXPECT_EQ(status.gids[i], 2000 + i);
  EXPECT_EQ(status.gids[3], 4294967295u);
  EXPECT_EQ(status.namespace_tids, (std::vector<pid_t>{4302, 72, 3}));
  EXPECT_EQ(status.namespace_pids, (std::vector<pid_t>{4300, 70, 1}));
  EXPECT_EQ(status.thread_count, 10001u);
  EXPECT_EQ(status.signals_queued, 17u);
  EXPECT_EQ(status.signals_limit, 15183u);
  EXPECT_EQ(status.pending, 1u);
  EXPECT_EQ(status.shared_pending, 0x200u);
  EXPECT_EQ(status.blocked, 0xfffffffe7ffbfeffu);
  EXPECT_EQ(status.ignored, 0x1000u);
  EXPECT_EQ(status.caught, 0x8000000180000002u);
  EXPECT_EQ(status.permitted_capabilities, 0x1fffeffffffu);
  EXPECT_EQ(status.effective_capabilities, 0x80000u);
  EXPECT_EQ(status.seccomp, 2);
}

TEST(ParseTaskStatus, MissingLinesLeaveTheDefaults) {
  const TaskStatus status = parse_task_status("Name:\tx\nno colon\n\nTgid:\t7");
  EXPECT_EQ(status.tgid, 7);
  EXPECT_EQ(status.state, '?');
  EXPECT_EQ(status.tracer_pid, 0);
  EXPECT_EQ(status.seccomp, 0);
  EXPECT_TRUE(status.namespace_tids.empty());
  EXPECT_EQ(parse_task_status("").state, '?');
}

TEST(ParseTaskStatus, AnyTruncationIsHarmless) {
  const std::string text = full_status;
  for (size_t length = 0; length <= text.size(); ++length) {
    const TaskStatus status = parse_task_status(text.substr(0, length));
    EXPECT_TRUE(status.state == '?' || status.state == 't');
  }
}

TEST(StateWords, EachLetter) {
  EXPECT_EQ(state_words('R'), "running");
  EXPECT_EQ(state_words('S'), "sleeping");
  EXPECT_EQ(state_words('D'), "uninterruptible");
  EXPECT_EQ(state_words('T'), "stopped");
  EXPECT_EQ(state_words('t'), "traced");
  EXPECT_EQ(state_words('Z'), "zombie");
  EXPECT_EQ(state_words('\0'), "unknown");
}

}  // namespace
}  // namespace clew::os
