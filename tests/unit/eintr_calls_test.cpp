#include "os/eintr_calls.h"

#include <gtest/gtest.h>
#include <sys/syscall.h>

#include <set>
#include <string_view>

#include "os/syscall_table.h"

namespace clew::os {
namespace {

using Names = std::set<std::string_view>;

// What a second start is safe for, by name. The i386 set adds its multiplexers and its calls with
// 64-bit times, and lacks what it has no numbers for.
const Names restarted = {
    "read",   "readv",      "preadv2",         "recvfrom",     "recvmsg",       "recvmmsg",
    "write",  "writev",     "pwritev2",        "sendto",       "sendmsg",       "sendmmsg",
    "accept", "accept4",    "connect",         "epoll_wait",   "epoll_pwait",   "epoll_pwait2",
    "semop",  "semtimedop", "rt_sigtimedwait", "io_getevents", "io_uring_enter"};

TEST(EintrCalls, X86_64) {
  Names found;
  for (uint64_t number = 0; number < 2000; ++number) {
    if (returns_eintr_when_stopped(number, false)) found.insert(syscall_name(number));
  }
  EXPECT_EQ(found, restarted);
}

TEST(EintrCalls, Ia32) {
  Names expected = restarted;
  for (const char* absent : {"accept", "semop", "semtimedop"}) expected.erase(absent);
  for (const char* added :
       {"socketcall", "ipc", "recvmmsg_time64", "semtimedop_time64", "rt_sigtimedwait_time64"}) {
    expected.insert(added);
  }
  Names found;
  for (uint64_t number = 0; number < 2000; ++number) {
    if (returns_eintr_when_stopped(number, true)) found.insert(syscall_name_ia32(number));
  }
  EXPECT_EQ(found, expected);
}

TEST(EintrCalls, NeverWhatIsUnsafeToRepeat) {
  for (const uint64_t number : {SYS_close, SYS_fallocate, SYS_sendfile, SYS_splice, SYS_ioctl,
                                SYS_open, SYS_openat, SYS_exit, SYS_clone, SYS_vfork}) {
    EXPECT_FALSE(returns_eintr_when_stopped(number, false)) << number;
  }
  EXPECT_FALSE(returns_eintr_when_stopped(6, true)) << "close";
}

TEST(EintrCalls, NotWhatTheKernelRestartsItself) {
  for (const uint64_t number :
       {SYS_futex, SYS_poll, SYS_ppoll, SYS_select, SYS_nanosleep, SYS_wait4, SYS_msgrcv,
        SYS_rt_sigsuspend, SYS_io_pgetevents, SYS_flock, SYS_restart_syscall}) {
    EXPECT_FALSE(returns_eintr_when_stopped(number, false)) << number;
  }
}

TEST(EintrCalls, UnknownNumbers) {
  for (const bool is_ia32 : {false, true}) {
    EXPECT_FALSE(returns_eintr_when_stopped(~0ULL, is_ia32));
    EXPECT_FALSE(returns_eintr_when_stopped(0x100000000ULL, is_ia32));
    EXPECT_FALSE(returns_eintr_when_stopped(0x40000000ULL + SYS_read, is_ia32));
  }
}

}  // namespace
}  // namespace clew::os
