#include "os/syscall_format.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/futex.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/sem.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>

#include <algorithm>
#include <cctype>
#include <cstring>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "os/syscall_table.h"

namespace clew::os {
namespace {

/// A target with one readable block of memory that ends at the end of a page, so that whoever reads
/// on meets memory that is not there.
class FakeTarget {
 public:
  static constexpr uint64_t end = 0x10000;

  /// Puts bytes at the very end of the readable memory.
  uint64_t put(const void* data, size_t size) {
    memory_.assign(static_cast<const char*>(data), size);
    return end - size;
  }
  uint64_t put(const std::string& text) { return put(text.data(), text.size()); }
  template <typename T>
  uint64_t put_object(const T& object) {
    return put(&object, sizeof object);
  }

  std::map<int, std::string> fds;
  size_t largest_read = 0;

  SyscallLookups lookups() {
    return {[this](uint64_t address, std::span<std::byte> into) { return read(address, into); },
            [this](int fd) { return fds.count(fd) != 0 ? fds[fd] : std::string(); }};
  }

 private:
  bool read(uint64_t address, std::span<std::byte> into) {
    largest_read = std::max(largest_read, into.size());
    const uint64_t start = end - memory_.size();
    if (address < start || address >= end || into.size() > end - address) return false;
    std::memcpy(into.data(), memory_.data() + (address - start), into.size());
    return true;
  }

  std::string memory_;
};

class SyscallFormat : public ::testing::Test {
 protected:
  std::string show(long number, std::array<uint64_t, 6> args = {}, size_t max_width = 0) {
    return format_syscall({uint64_t(number), args}, target.lookups(), max_width);
  }
  static std::string hex(uint64_t address) {
    char text[32];
    std::snprintf(text, sizeof text, "0x%lx", address);
    return text;
  }

  FakeTarget target;
};

constexpr auto minus_one = ~0ULL;

TEST_F(SyscallFormat, WithoutLookupsShowsRawValues) {
  const SyscallLookups none;
  EXPECT_EQ(format_syscall({SYS_read, {3, 0x7ffe1000, 1024}}, none), "read(3, 0x7ffe1000, 1024)");
  EXPECT_EQ(format_syscall({SYS_openat, {uint64_t(AT_FDCWD), 0x1000, 0}}, none),
            "openat(AT_FDCWD, 0x1000, O_RDONLY)");
  EXPECT_EQ(format_syscall({SYS_nanosleep, {0x1000, 0}}, none), "nanosleep(0x1000, NULL)");
  EXPECT_EQ(format_syscall({SYS_select, {4, 0x1000, 0, 0, 0}}, none),
            "select(4, 0x1000, NULL, NULL, NULL)");
}

TEST_F(SyscallFormat, DescriptorsShowTheirTarget) {
  target.fds = {{3, "/dev/pts/0"}, {4, "anon_inode:[eventpoll]"}};
  EXPECT_EQ(show(SYS_read, {3, 0x7ffe1000, 1024}), "read(3</dev/pts/0>, 0x7ffe1000, 1024)");
  EXPECT_EQ(show(SYS_epoll_wait, {4, 0x5000, 64, 0xffffffff}),
            "epoll_wait(4<anon_inode:[eventpoll]>, 0x5000, 64, -1)");
  EXPECT_EQ(show(SYS_fsync, {9}), "fsync(9)");
  EXPECT_EQ(show(SYS_fsync, {0xffffffff}), "fsync(-1)");
  // int arguments: the kernel ignores the upper half of the register.
  EXPECT_EQ(show(SYS_fsync, {0xdead00000003}), "fsync(3</dev/pts/0>)");
}

TEST_F(SyscallFormat, NoArguments) {
  EXPECT_EQ(show(SYS_pause, {1, 2, 3}), "pause()");
  EXPECT_EQ(show(SYS_restart_syscall), "restart_syscall()");
}

TEST_F(SyscallFormat, UnknownCalls) {
  EXPECT_EQ(show(600, {0, 1, 2, 3, 4, 0xff}), "syscall_600(0, 0x1, 0x2, 0x3, 0x4, 0xff)");
  EXPECT_EQ(show(-1), "syscall_-1(0, 0, 0, 0, 0, 0)");
}

TEST_F(SyscallFormat, FutexShowsWhatTheOperationUses) {
  constexpr uint64_t a = 0x7f12345678;
  constexpr uint64_t b = 0x7f12345680;
  const auto futex = [&](uint64_t op, uint64_t val, uint64_t fourth, uint64_t val3) {
    return show(SYS_futex, {a, op, val, fourth, b, val3});
  };
  EXPECT_EQ(futex(FUTEX_WAIT_BITSET_PRIVATE | FUTEX_CLOCK_REALTIME, 2, 0, minus_one),
            "futex(0x7f12345678, FUTEX_WAIT_BITSET_PRIVATE|FUTEX_CLOCK_REALTIME, 2, NULL)");
  EXPECT_EQ(futex(FUTEX_WAIT_BITSET, 2, 0, 0x10),
            "futex(0x7f12345678, FUTEX_WAIT_BITSET, 2, NULL, 0x10)");
  EXPECT_EQ(futex(FUTEX_WAIT_PRIVATE, 2, 0, 7), "futex(0x7f12345678, FUTEX_WAIT_PRIVATE, 2, NULL)");
  EXPECT_EQ(futex(FUTEX_WAKE_PRIVATE, 1, 9, 9), "futex(0x7f12345678, FUTEX_WAKE_PRIVATE, 1)");
  EXPECT_EQ(futex(FUTEX_WAKE_BITSET, 1, 9, 4), "futex(0x7f12345678, FUTEX_WAKE_BITSET, 1, 0x4)");
  EXPECT_EQ(futex(FUTEX_LOCK_PI, 9, 0, 9), "futex(0x7f12345678, FUTEX_LOCK_PI, NULL)");
  EXPECT_EQ(futex(FUTEX_LOCK_PI2_PRIVATE, 9, 0, 9),
            "futex(0x7f12345678, FUTEX_LOCK_PI2_PRIVATE, NULL)");
  EXPECT_EQ(futex(FUTEX_UNLOCK_PI, 9, 9, 9), "futex(0x7f12345678, FUTEX_UNLOCK_PI)");
  EXPECT_EQ(futex(FUTEX_TRYLOCK_PI, 9, 9, 9), "futex(0x7f12345678, FUTEX_TRYLOCK_PI)");
  EXPECT_EQ(futex(FUTEX_REQUEUE, 1, 5, 9),
            "futex(0x7f12345678, FUTEX_REQUEUE, 1, 5, 0x7f12345680)");
  EXPECT_EQ(futex(FUTEX_CMP_REQUEUE, 1, 5, 9),
            "futex(0x7f12345678, FUTEX_CMP_REQUEUE, 1, 5, 0x7f12345680, 9)");
  EXPECT_EQ(futex(FUTEX_CMP_REQUEUE_PI, 1, 5, 9),
            "futex(0x7f12345678, FUTEX_CMP_REQUEUE_PI, 1, 5, 0x7f12345680, 9)");
  EXPECT_EQ(futex(FUTEX_WAKE_OP, 1, 5, 0x4000001),
            "futex(0x7f12345678, FUTEX_WAKE_OP, 1, 5, 0x7f12345680, 0x4000001)");
  EXPECT_EQ(futex(FUTEX_WAIT_REQUEUE_PI, 1, 0, 9),
            "futex(0x7f12345678, FUTEX_WAIT_REQUEUE_PI, 1, NULL, 0x7f12345680)");
  EXPECT_EQ(futex(0x7f, 1, 2, 3), "futex(0x7f12345678, 0x7f, 0x1, 0x2, 0x7f12345680, 0x3)");
  EXPECT_EQ(futex(0xffffffff, 1, 2, 3),
            "futex(0x7f12345678, 0xffffffff, 0x1, 0x2, 0x7f12345680, 0x3)");
}

TEST_F(SyscallFormat, FutexTimeoutIsRead) {
  const uint64_t at = target.put_object(std::array<int64_t, 2>{1, 500'000'000});
  EXPECT_EQ(show(SYS_futex, {0x5000, FUTEX_WAIT, 1, at}), "futex(0x5000, FUTEX_WAIT, 1, {1.5 s})");
}

TEST_F(SyscallFormat, FutexWaitv) {
  struct Waiter {
    uint64_t value, address;
    uint32_t flags, reserved;
  };
  const uint64_t at =
      target.put_object(std::array<Waiter, 2>{{{2, 0x5000, 130, 0}, {7, 0x6000, 2, 0}}});
  EXPECT_EQ(show(SYS_futex_waitv, {at, 2, 0, 0, 1}),
            "futex_waitv([{0x5000, 2, FUTEX2_SIZE_U32|FUTEX2_PRIVATE}, {0x6000, 7, "
            "FUTEX2_SIZE_U32}], 2, 0, "
            "NULL, CLOCK_MONOTONIC)");
}

TEST_F(SyscallFormat, TimesAreReadable) {
  const auto sleep = [&](int64_t seconds, int64_t ns) {
    const uint64_t at = target.put_object(std::array<int64_t, 2>{seconds, ns});
    return show(SYS_clock_nanosleep, {CLOCK_REALTIME, 0, at, 0});
  };
  const auto expected = [](const std::string& time) {
    return "clock_nanosleep(CLOCK_REALTIME, 0, {" + time + "}, NULL)";
  };
  EXPECT_EQ(sleep(10, 0), expected("10 s"));
  EXPECT_EQ(sleep(0, 0), expected("0 s"));
  EXPECT_EQ(sleep(1, 500'000'000), expected("1.5 s"));
  EXPECT_EQ(sleep(100, 1), expected("100.000000001 s"));
  EXPECT_EQ(sleep(0, 250'000'000), expected("250 ms"));
  EXPECT_EQ(sleep(0, 1'500'000), expected("1.5 ms"));
  EXPECT_EQ(sleep(0, 1'050), expected("1.05 us"));
  EXPECT_EQ(sleep(0, 999), expected("999 ns"));
  EXPECT_EQ(sleep(INT64_MAX, 999'999'999), expected("9223372036854775807.999999999 s"));
  EXPECT_EQ(sleep(-1, 0), expected("tv_sec=-1, tv_nsec=0"));
  EXPECT_EQ(sleep(1, 1'000'000'000), expected("tv_sec=1, tv_nsec=1000000000"));
  EXPECT_EQ(sleep(INT64_MIN, INT64_MIN),
            expected("tv_sec=-9223372036854775808, tv_nsec=-9223372036854775808"));
}

TEST_F(SyscallFormat, SelectReadsSetsAndTimeval) {
  struct {
    uint64_t bits;
    int64_t seconds, us;
  } const data = {(1 << 3) | (1 << 5) | (1ULL << 40), 2, 250'000};
  const uint64_t at = target.put_object(data);
  target.fds = {{3, "socket:[7]"}};
  EXPECT_EQ(show(SYS_select, {6, at, 0, 0, at + 8}),
            "select(6, [3<socket:[7]> 5], NULL, NULL, {2.25 s})");
  // 65 descriptors take two words: what follows is read as the second.
  EXPECT_EQ(show(SYS_select, {65, at, 0, 0, 0}),
            "select(65, [3<socket:[7]> 5 40], NULL, NULL, NULL)");
  EXPECT_EQ(show(SYS_select, {0xffffffff, at, 0, 0, 0}),
            "select(-1, " + hex(at) + ", NULL, NULL, NULL)");
  EXPECT_EQ(show(SYS_select, {0x7fffffff, at, 0, 0, 0}),
            "select(2147483647, " + hex(at) + ", NULL, NULL, NULL)");
  EXPECT_LE(target.largest_read, 128U);
}

TEST_F(SyscallFormat, Poll) {
  target.fds = {{3, "socket:[7]"}};
  const uint64_t at =
      target.put_object(std::array<pollfd, 2>{{{3, POLLIN, 0}, {-1, POLLOUT | POLLRDHUP, 0}}});
  EXPECT_EQ(show(SYS_poll, {at, 1, 5000}), "poll([{3<socket:[7]>, POLLIN}], 1, 5000)");
  EXPECT_EQ(show(SYS_poll, {at, 2, 0xffffffff}),
            "poll([{3<socket:[7]>, POLLIN}, {-1, POLLOUT|POLLRDHUP}], 2, -1)");
  EXPECT_EQ(show(SYS_poll, {at, 0, 0}), "poll([], 0, 0)");
  EXPECT_EQ(show(SYS_poll, {0, 0, 100}), "poll(NULL, 0, 100)");
  EXPECT_EQ(show(SYS_poll, {at, 3, 0}), "poll(" + hex(at) + ", 3, 0)");
}

TEST_F(SyscallFormat, LongArraysAreBounded) {
  const std::vector<pollfd> fds(20, pollfd{1, POLLIN, 0});
  const uint64_t at = target.put(fds.data(), fds.size() * sizeof(pollfd));
  std::string expected = "poll([";
  for (int i = 0; i < 16; ++i) expected += "{1, POLLIN}, ";
  EXPECT_EQ(show(SYS_poll, {at, 20, 0}), expected + "…], 20, 0)");
  EXPECT_EQ(show(SYS_poll, {at, 0xffffffff, 0}), expected + "…], 4294967295, 0)");
  EXPECT_LE(target.largest_read, 128U);
}

TEST_F(SyscallFormat, SignalSets) {
  const uint64_t at = target.put_object(uint64_t{(1 << 1) | (1 << 14)});
  EXPECT_EQ(show(SYS_rt_sigsuspend, {at, 8}), "rt_sigsuspend([INT TERM], 8)");
  EXPECT_EQ(show(SYS_rt_sigtimedwait, {at, 0, 0, 8}), "rt_sigtimedwait([INT TERM], NULL, NULL, 8)");
  const uint64_t all = target.put_object(minus_one);
  EXPECT_EQ(show(SYS_rt_sigprocmask, {SIG_SETMASK, all, 0, 8}),
            "rt_sigprocmask(SIG_SETMASK, ~[], NULL, 8)");
}

TEST_F(SyscallFormat, StringsAndModes) {
  const uint64_t at = target.put(std::string("/etc/passwd\0", 12));
  EXPECT_EQ(show(SYS_openat, {uint64_t(AT_FDCWD), at, O_RDONLY | O_CLOEXEC, 0x1234}),
            "openat(AT_FDCWD, \"/etc/passwd\", O_RDONLY|O_CLOEXEC)");
  EXPECT_EQ(show(SYS_open, {at, O_WRONLY | O_CREAT, 0644}),
            "open(\"/etc/passwd\", O_WRONLY|O_CREAT, 0644)");
  EXPECT_EQ(show(SYS_open, {at, O_RDWR | O_TMPFILE, 0600}),
            "open(\"/etc/passwd\", O_RDWR|O_TMPFILE, 0600)");
  EXPECT_EQ(show(SYS_open, {at, O_RDONLY | O_DIRECTORY, 0600}),
            "open(\"/etc/passwd\", O_RDONLY|O_DIRECTORY)");
}

TEST_F(SyscallFormat, LongStringsAreCut) {
  const std::string fits(32, 'a');
  EXPECT_EQ(show(SYS_chdir, {target.put(fits + '\0')}), "chdir(\"" + fits + "\")");
  EXPECT_EQ(show(SYS_chdir, {target.put(fits + 'b' + '\0')}), "chdir(\"" + fits + "\"…)");
  // No end within readable memory.
  EXPECT_EQ(show(SYS_chdir, {target.put("abc")}), "chdir(\"abc\"…)");
  EXPECT_EQ(show(SYS_chdir, {target.put(std::string(1, '\0'))}), "chdir(\"\")");
  // A string across the border of two pages.
  const std::string crossing = std::string("begin") + std::string(4093, '\0');
  EXPECT_EQ(show(SYS_chdir, {target.put(crossing)}), "chdir(\"begin\")");
  EXPECT_EQ(show(SYS_chdir, {target.put("crossing" + std::string(4090, '\0'))}),
            "chdir(\"crossing\")");
}

TEST_F(SyscallFormat, DataThatIsWritten) {
  const uint64_t at = target.put("hello\n");
  EXPECT_EQ(show(SYS_write, {1, at, 6}), "write(1, \"hello\\n\", 6)");
  EXPECT_EQ(show(SYS_write, {1, at, 0}), "write(1, \"\", 0)");
  EXPECT_EQ(show(SYS_write, {1, at, 7}), "write(1, " + hex(at) + ", 7)");
  const uint64_t many = target.put(std::string(40, 'x'));
  EXPECT_EQ(show(SYS_write, {1, many, 40}), "write(1, \"" + std::string(32, 'x') + "\"…, 40)");
  EXPECT_EQ(show(SYS_write, {1, many, minus_one}),
            "write(1, \"" + std::string(32, 'x') + "\"…, 18446744073709551615)");
  EXPECT_LE(target.largest_read, 32U);
}

TEST_F(SyscallFormat, HostileBytesAreEscaped) {
  const std::string hostile =
      "\x1b[2J\"\\\r\n\x01"
      "1\x7f\xc2\x9b\xff";
  EXPECT_EQ(show(SYS_write, {1, target.put(hostile), hostile.size()}),
            "write(1, \"\\033[2J\\\"\\\\\\r\\n\\0011\\177\\302\\233\\377\", 14)");
  target.fds = {{3, "/tmp/a>, \x1b[31m<b"}, {4, std::string(200, 'p')}};
  EXPECT_EQ(show(SYS_fsync, {3}), "fsync(3</tmp/a\\076, \\033[31m\\074b>)");
  EXPECT_EQ(show(SYS_fsync, {4}), "fsync(4<" + std::string(80, 'p') + "…>)");
}

TEST_F(SyscallFormat, BadPointersAreNumbers) {
  for (const uint64_t bad : {1UL, 0xdeadbeefUL, 0x7fffffffffffUL, ~0UL, ~0UL - 7}) {
    const std::string text = hex(bad);
    EXPECT_EQ(show(SYS_chdir, {bad}), "chdir(" + text + ")");
    EXPECT_EQ(show(SYS_nanosleep, {bad, 0}), "nanosleep(" + text + ", NULL)");
    EXPECT_EQ(show(SYS_poll, {bad, 2, 0}), "poll(" + text + ", 2, 0)");
    EXPECT_EQ(show(SYS_writev, {1, bad, 2}), "writev(1, " + text + ", 2)");
    EXPECT_EQ(show(SYS_connect, {1, bad, 16}), "connect(1, " + text + ", 16)");
    EXPECT_EQ(show(SYS_rt_sigsuspend, {bad, 8}), "rt_sigsuspend(" + text + ", 8)");
    EXPECT_EQ(show(SYS_semop, {1, bad, 1}), "semop(1, " + text + ", 1)");
  }
}

// Nothing is read beyond the end of the address space, even if the reader would wrap around.
TEST_F(SyscallFormat, ReadsDoNotWrapAround) {
  const SyscallLookups careless = {[](uint64_t address, std::span<std::byte> into) {
                                     EXPECT_LE(into.size() - 1, ~address);
                                     std::fill(into.begin(), into.end(), std::byte{'a'});
                                     return true;
                                   },
                                   nullptr};
  EXPECT_EQ(format_syscall({SYS_nanosleep, {~0ULL - 3, 0}}, careless),
            "nanosleep(0xfffffffffffffffc, NULL)");
  EXPECT_EQ(format_syscall({SYS_chdir, {~0ULL - 3}}, careless).substr(0, 6), "chdir(");
}

TEST_F(SyscallFormat, Vectors) {
  struct {
    uint64_t base0, size0, base1, size1;
    char text[8];
  } data = {0, 5, 0x999, 3, {'h', 'e', 'l', 'l', 'o', 0, 0, 0}};
  data.base0 = FakeTarget::end - 8;
  const uint64_t at = target.put_object(data);
  EXPECT_EQ(show(SYS_writev, {1, at, 2}), "writev(1, [{\"hello\", 5}, {0x999, 3}], 2)");
  EXPECT_EQ(show(SYS_readv, {1, at, 2}), "readv(1, [{0xfff8, 5}, {0x999, 3}], 2)");
}

TEST_F(SyscallFormat, SocketAddresses) {
  sockaddr_in inet = {};
  inet.sin_family = AF_INET;
  inet.sin_port = htons(80);
  inet.sin_addr.s_addr = htonl(0x7f000001);
  EXPECT_EQ(show(SYS_connect, {3, target.put_object(inet), sizeof inet}),
            "connect(3, {AF_INET, 127.0.0.1:80}, 16)");
  sockaddr_in6 inet6 = {};
  inet6.sin6_family = AF_INET6;
  inet6.sin6_port = htons(443);
  inet6.sin6_addr = in6addr_loopback;
  EXPECT_EQ(show(SYS_bind, {3, target.put_object(inet6), sizeof inet6}),
            "bind(3, {AF_INET6, [::1]:443}, 28)");
  sockaddr_un local = {};
  local.sun_family = AF_UNIX;
  std::strcpy(local.sun_path, "/run/x\n");
  const uint64_t at = target.put_object(local);
  EXPECT_EQ(show(SYS_connect, {3, at, sizeof local}), "connect(3, {AF_UNIX, \"/run/x\\n\"}, 110)");
  EXPECT_EQ(show(SYS_connect, {3, at, 2}), "connect(3, {AF_UNIX, unnamed}, 2)");
  EXPECT_EQ(show(SYS_connect, {3, at, 1}), "connect(3, " + hex(at) + ", 1)");
  EXPECT_EQ(show(SYS_connect, {3, at, minus_one}), "connect(3, " + hex(at) + ", -1)");
  local.sun_path[0] = '\0';
  EXPECT_EQ(show(SYS_connect, {3, target.put_object(local), 8}),
            "connect(3, {AF_UNIX, @\"run/x\"}, 8)");
  const std::array<uint16_t, 8> odd = {AF_NETLINK};
  EXPECT_EQ(show(SYS_connect, {3, target.put_object(odd), 16}), "connect(3, {AF_NETLINK, …}, 16)");
  // Too short for its family.
  const std::array<uint16_t, 2> cut = {AF_INET, 5};
  EXPECT_EQ(show(SYS_connect, {3, target.put_object(cut), 4}), "connect(3, {AF_INET, …}, 4)");
}

TEST_F(SyscallFormat, EpollAndSemaphoresAndLocks) {
  ::epoll_event event = {};
  event.events = EPOLLIN | EPOLLET;
  event.data.u64 = 5;
  EXPECT_EQ(show(SYS_epoll_ctl, {4, EPOLL_CTL_ADD, 7, target.put_object(event)}),
            "epoll_ctl(4, EPOLL_CTL_ADD, 7, {EPOLLIN|EPOLLET, data=0x5})");
  const sembuf operation = {2, -1, SEM_UNDO};
  EXPECT_EQ(show(SYS_semtimedop, {65537, target.put_object(operation), 1, 0}),
            "semtimedop(65537, [{2, -1, SEM_UNDO}], 1, NULL)");
  struct flock lock = {};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  lock.l_start = 10;
  lock.l_len = 20;
  EXPECT_EQ(show(SYS_fcntl, {3, F_SETLKW, target.put_object(lock)}),
            "fcntl(3, F_SETLKW, {F_WRLCK, SEEK_SET, 10, 20})");
}

TEST_F(SyscallFormat, Fcntl) {
  EXPECT_EQ(show(SYS_fcntl, {3, F_GETFL, 0x1234}), "fcntl(3, F_GETFL)");
  EXPECT_EQ(show(SYS_fcntl, {3, F_SETFL, O_RDWR | O_NONBLOCK}),
            "fcntl(3, F_SETFL, O_RDWR|O_NONBLOCK)");
  EXPECT_EQ(show(SYS_fcntl, {3, F_SETFD, FD_CLOEXEC}), "fcntl(3, F_SETFD, FD_CLOEXEC)");
  EXPECT_EQ(show(SYS_fcntl, {3, F_DUPFD_CLOEXEC, 10}), "fcntl(3, F_DUPFD_CLOEXEC, 10)");
  EXPECT_EQ(show(SYS_fcntl, {3, 999, 16}), "fcntl(3, 999, 0x10)");
}

TEST_F(SyscallFormat, OtherBlockingCalls) {
  EXPECT_EQ(show(SYS_wait4, {0xffffffff, 0, 0, 0}), "wait4(-1, NULL, 0, NULL)");
  EXPECT_EQ(show(SYS_waitid, {1, 77, 0x5000, 4 | 1, 0}),
            "waitid(P_PID, 77, 0x5000, WNOHANG|WEXITED, NULL)");
  EXPECT_EQ(show(SYS_flock, {3, 2}), "flock(3, LOCK_EX)");
  EXPECT_EQ(show(SYS_accept4, {3, 0, 0, SOCK_CLOEXEC}), "accept4(3, NULL, NULL, SOCK_CLOEXEC)");
  EXPECT_EQ(show(SYS_recvfrom, {3, 0x5000, 10, MSG_PEEK | MSG_WAITALL, 0, 0}),
            "recvfrom(3, 0x5000, 10, MSG_PEEK|MSG_WAITALL, NULL, NULL)");
  EXPECT_EQ(show(SYS_io_uring_enter, {3, 0, 1, 1, 0, 8}),
            "io_uring_enter(3, 0, 1, IORING_ENTER_GETEVENTS, NULL, 8)");
  EXPECT_EQ(
      show(SYS_clone, {0x3d0f00, 0x5000, 0, 0, 0x10}),
      "clone(CLONE_VM|CLONE_FS|CLONE_FILES|CLONE_SIGHAND|CLONE_THREAD|CLONE_SYSVSEM|CLONE_SETTLS|"
      "CLONE_PARENT_SETTID|CLONE_CHILD_CLEARTID, 0x5000, NULL, NULL, 0x10)");
  EXPECT_EQ(show(SYS_clone, {17, 0, 0, 0, 0}), "clone(SIGCHLD, NULL, NULL, NULL, 0)");
  EXPECT_EQ(show(SYS_tgkill, {10, 11, 10}), "tgkill(10, 11, SIGUSR1)");
  EXPECT_EQ(show(SYS_kill, {10, 0}), "kill(10, 0)");
  EXPECT_EQ(show(SYS_exit_group, {0}), "exit_group(0)");
}

size_t columns(const std::string& text) {
  return size_t(std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xc0) != 0x80; }));
}

TEST_F(SyscallFormat, WidthIsKept) {
  const std::array<uint64_t, 6> args = {3, 0x7ffe1000, 1024};
  const std::string full = "read(3, 0x7ffe1000, 1024)";
  EXPECT_EQ(show(SYS_read, args, 0), full);
  EXPECT_EQ(show(SYS_read, args, full.size()), full);
  EXPECT_EQ(show(SYS_read, args, full.size() - 1), "read(3, 0x7ffe1000, 10…)");
  EXPECT_EQ(show(SYS_read, args, 12), "read(3, 0x…)");
  EXPECT_EQ(show(SYS_read, args, 7), "read(…)");
  EXPECT_EQ(show(SYS_read, args, 6), "read(…");
  EXPECT_EQ(show(SYS_read, args, 3), "re…");
  EXPECT_EQ(show(SYS_read, args, 1), "…");
  EXPECT_EQ(show(SYS_pause, {}, 7), "pause()");
}

TEST_F(SyscallFormat, WidthCountsColumnsNotBytes) {
  const uint64_t at = target.put(std::string(40, 'a') + '\0');
  const std::string full = show(SYS_symlink, {at, at});
  for (size_t width = 1; width <= columns(full) + 2; ++width) {
    const std::string text = show(SYS_symlink, {at, at}, width);
    EXPECT_LE(columns(text), width);
    EXPECT_EQ(text.find("……"), text.npos) << text;
    if (width >= columns(full)) {
      EXPECT_EQ(text, full);
    }
    if (width >= 10) {
      EXPECT_EQ(text.back(), ')') << text;
    }
  }
}

// Random registers over random memory: nothing but printable ASCII and the ellipsis comes out, and
// not without bound.
TEST_F(SyscallFormat, GarbageStaysHarmless) {
  std::mt19937_64 random(1);
  std::string memory(8192, '\0');
  for (int round = 0; round < 20; ++round) {
    for (char& c : memory) c = char(random());
    const uint64_t base = target.put(memory);
    for (uint64_t number = 0; number < 480; ++number) {
      SyscallCall call = {number, {}};
      for (uint64_t& value : call.args) {
        const uint64_t choice = random() % 3;
        value = choice == 0 ? base + random() % 8192 : choice == 1 ? random() % 300 : random();
      }
      std::string text = format_syscall(call, target.lookups());
      EXPECT_LT(text.size(), 8000U);
      for (size_t at = text.find("…"); at != text.npos; at = text.find("…")) text.erase(at, 3);
      EXPECT_TRUE(std::all_of(text.begin(), text.end(), [](char c) {
        return c >= ' ' && c < 0x7f;
      })) << text;
      EXPECT_EQ(text.back(), ')');
    }
  }
  EXPECT_LE(target.largest_read, 16 * sizeof(::iovec) * 2);
}

}  // namespace
}  // namespace clew::os
