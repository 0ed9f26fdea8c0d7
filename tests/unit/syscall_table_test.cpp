#include "os/syscall_table.h"

#include <gtest/gtest.h>
#include <sys/syscall.h>

#include <set>
#include <string>

#include "os/syscall_flags.h"

namespace clew::os {
namespace {

struct HeaderCall {
  uint64_t number;
  std::string_view name;
};

#define C(name) {SYS_##name, #name},
// Every call that the headers of Debian 12 know.
// clang-format off
constexpr HeaderCall header_calls[] = {
  C(read) C(write) C(open) C(close) C(stat) C(fstat) C(lstat) C(poll) C(lseek) C(mmap)
  C(mprotect) C(munmap) C(brk) C(rt_sigaction) C(rt_sigprocmask) C(rt_sigreturn) C(ioctl)
  C(pread64) C(pwrite64) C(readv) C(writev) C(access) C(pipe) C(select) C(sched_yield) C(mremap)
  C(msync) C(mincore) C(madvise) C(shmget) C(shmat) C(shmctl) C(dup) C(dup2) C(pause)
  C(nanosleep) C(getitimer) C(alarm) C(setitimer) C(getpid) C(sendfile) C(socket) C(connect)
  C(accept) C(sendto) C(recvfrom) C(sendmsg) C(recvmsg) C(shutdown) C(bind) C(listen)
  C(getsockname) C(getpeername) C(socketpair) C(setsockopt) C(getsockopt) C(clone) C(fork)
  C(vfork) C(execve) C(exit) C(wait4) C(kill) C(uname) C(semget) C(semop) C(semctl) C(shmdt)
  C(msgget) C(msgsnd) C(msgrcv) C(msgctl) C(fcntl) C(flock) C(fsync) C(fdatasync) C(truncate)
  C(ftruncate) C(getdents) C(getcwd) C(chdir) C(fchdir) C(rename) C(mkdir) C(rmdir) C(creat)
  C(link) C(unlink) C(symlink) C(readlink) C(chmod) C(fchmod) C(chown) C(fchown) C(lchown)
  C(umask) C(gettimeofday) C(getrlimit) C(getrusage) C(sysinfo) C(times) C(ptrace) C(getuid)
  C(syslog) C(getgid) C(setuid) C(setgid) C(geteuid) C(getegid) C(setpgid) C(getppid) C(getpgrp)
  C(setsid) C(setreuid) C(setregid) C(getgroups) C(setgroups) C(setresuid) C(getresuid)
  C(setresgid) C(getresgid) C(getpgid) C(setfsuid) C(setfsgid) C(getsid) C(capget) C(capset)
  C(rt_sigpending) C(rt_sigtimedwait) C(rt_sigqueueinfo) C(rt_sigsuspend) C(sigaltstack)
  C(utime) C(mknod) C(uselib) C(personality) C(ustat) C(statfs) C(fstatfs) C(sysfs)
  C(getpriority) C(setpriority) C(sched_setparam) C(sched_getparam) C(sched_setscheduler)
  C(sched_getscheduler) C(sched_get_priority_max) C(sched_get_priority_min)
  C(sched_rr_get_interval) C(mlock) C(munlock) C(mlockall) C(munlockall) C(vhangup)
  C(modify_ldt) C(pivot_root) C(_sysctl) C(prctl) C(arch_prctl) C(adjtimex) C(setrlimit)
  C(chroot) C(sync) C(acct) C(settimeofday) C(mount) C(umount2) C(swapon) C(swapoff) C(reboot)
  C(sethostname) C(setdomainname) C(iopl) C(ioperm) C(create_module) C(init_module)
  C(delete_module) C(get_kernel_syms) C(query_module) C(quotactl) C(nfsservctl) C(getpmsg)
  C(putpmsg) C(afs_syscall) C(tuxcall) C(security) C(gettid) C(readahead) C(setxattr)
  C(lsetxattr) C(fsetxattr) C(getxattr) C(lgetxattr) C(fgetxattr) C(listxattr) C(llistxattr)
  C(flistxattr) C(removexattr) C(lremovexattr) C(fremovexattr) C(tkill) C(time) C(futex)
  C(sched_setaffinity) C(sched_getaffinity) C(set_thread_area) C(io_setup) C(io_destroy)
  C(io_getevents) C(io_submit) C(io_cancel) C(get_thread_area) C(lookup_dcookie) C(epoll_create)
  C(epoll_ctl_old) C(epoll_wait_old) C(remap_file_pages) C(getdents64) C(set_tid_address)
  C(restart_syscall) C(semtimedop) C(fadvise64) C(timer_create) C(timer_settime)
  C(timer_gettime) C(timer_getoverrun) C(timer_delete) C(clock_settime) C(clock_gettime)
  C(clock_getres) C(clock_nanosleep) C(exit_group) C(epoll_wait) C(epoll_ctl) C(tgkill)
  C(utimes) C(vserver) C(mbind) C(set_mempolicy) C(get_mempolicy) C(mq_open) C(mq_unlink)
  C(mq_timedsend) C(mq_timedreceive) C(mq_notify) C(mq_getsetattr) C(kexec_load) C(waitid)
  C(add_key) C(request_key) C(keyctl) C(ioprio_set) C(ioprio_get) C(inotify_init)
  C(inotify_add_watch) C(inotify_rm_watch) C(migrate_pages) C(openat) C(mkdirat) C(mknodat)
  C(fchownat) C(futimesat) C(newfstatat) C(unlinkat) C(renameat) C(linkat) C(symlinkat)
  C(readlinkat) C(fchmodat) C(faccessat) C(pselect6) C(ppoll) C(unshare) C(set_robust_list)
  C(get_robust_list) C(splice) C(tee) C(sync_file_range) C(vmsplice) C(move_pages) C(utimensat)
  C(epoll_pwait) C(signalfd) C(timerfd_create) C(eventfd) C(fallocate) C(timerfd_settime)
  C(timerfd_gettime) C(accept4) C(signalfd4) C(eventfd2) C(epoll_create1) C(dup3) C(pipe2)
  C(inotify_init1) C(preadv) C(pwritev) C(rt_tgsigqueueinfo) C(perf_event_open) C(recvmmsg)
  C(fanotify_init) C(fanotify_mark) C(prlimit64) C(name_to_handle_at) C(open_by_handle_at)
  C(clock_adjtime) C(syncfs) C(sendmmsg) C(setns) C(getcpu) C(process_vm_readv)
  C(process_vm_writev) C(kcmp) C(finit_module) C(sched_setattr) C(sched_getattr) C(renameat2)
  C(seccomp) C(getrandom) C(memfd_create) C(kexec_file_load) C(bpf) C(execveat) C(userfaultfd)
  C(membarrier) C(mlock2) C(copy_file_range) C(preadv2) C(pwritev2) C(pkey_mprotect)
  C(pkey_alloc) C(pkey_free) C(statx) C(io_pgetevents) C(rseq) C(pidfd_send_signal)
  C(io_uring_setup) C(io_uring_enter) C(io_uring_register) C(open_tree) C(move_mount) C(fsopen)
  C(fsconfig) C(fsmount) C(fspick) C(pidfd_open) C(clone3) C(close_range) C(openat2)
  C(pidfd_getfd) C(faccessat2) C(process_madvise) C(epoll_pwait2) C(mount_setattr)
  C(quotactl_fd) C(landlock_create_ruleset) C(landlock_add_rule) C(landlock_restrict_self)
  C(memfd_secret) C(process_mrelease) C(futex_waitv) C(set_mempolicy_home_node)
};
// clang-format on
#undef C

TEST(SyscallTable, AgreesWithTheSystemsHeaders) {
  for (const HeaderCall& call : header_calls) {
    EXPECT_EQ(syscall_name(call.number), call.name);
    EXPECT_EQ(syscall_number(call.name), call.number) << call.name;
  }
}

TEST(SyscallTable, EachNumberAndNameLeadsBack) {
  std::set<std::string_view> names;
  for (const SyscallInfo& call : all_syscalls()) {
    EXPECT_TRUE(names.insert(call.name).second) << call.name << " is there twice";
    EXPECT_EQ(find_syscall(call.number), &call);
    EXPECT_EQ(syscall_number(call.name), call.number) << call.name;
  }
  EXPECT_GE(names.size(), 380U);
}

TEST(SyscallTable, ArgumentsHaveNoGaps) {
  for (const SyscallInfo& call : all_syscalls()) {
    for (size_t i = call.arg_count(); i < call.args.size(); ++i) {
      EXPECT_EQ(call.args[i], ArgKind::none) << call.name;
    }
  }
}

TEST(SyscallTable, ArgumentCountsAreThoseOfTheManual) {
  const auto count = [](std::string_view name) {
    return find_syscall(syscall_number(name).value())->arg_count();
  };
  EXPECT_EQ(count("pause"), 0U);
  EXPECT_EQ(count("restart_syscall"), 0U);
  EXPECT_EQ(count("close"), 1U);
  EXPECT_EQ(count("nanosleep"), 2U);
  EXPECT_EQ(count("read"), 3U);
  EXPECT_EQ(count("wait4"), 4U);
  EXPECT_EQ(count("select"), 5U);
  EXPECT_EQ(count("waitid"), 5U);
  EXPECT_EQ(count("mmap"), 6U);
  EXPECT_EQ(count("futex"), 6U);
  EXPECT_EQ(count("pselect6"), 6U);
  EXPECT_EQ(count("epoll_pwait2"), 6U);
}

// The formatter takes length and count from the argument behind the pointer.
TEST(SyscallTable, PointersWithALengthAreFollowedByANumber) {
  const std::set<ArgKind> counted = {
      ArgKind::bytes_in,  ArgKind::sockaddr_in, ArgKind::poll_fds_in,     ArgKind::iovec_in,
      ArgKind::iovec_out, ArgKind::sembufs_in,  ArgKind::futex_waiters_in};
  const std::set<ArgKind> numbers = {ArgKind::integer, ArgKind::uinteger, ArgKind::size};
  for (const SyscallInfo& call : all_syscalls()) {
    for (size_t i = 0; i < call.args.size(); ++i) {
      if (counted.count(call.args[i]) == 0) continue;
      ASSERT_LT(i + 1, call.args.size()) << call.name;
      EXPECT_EQ(numbers.count(call.args[i + 1]), 1U) << call.name;
    }
  }
}

TEST(SyscallTable, KnowsCallsNewerThanTheHeaders) {
  EXPECT_EQ(syscall_name(335), "uretprobe");
  EXPECT_EQ(syscall_name(336), "uprobe");
  EXPECT_EQ(syscall_name(455), "futex_wait");
  EXPECT_EQ(syscall_name(462), "mseal");
  EXPECT_EQ(syscall_name(469), "file_setattr");
}

TEST(SyscallTable, UnknownNumbersAndNamesAreEmpty) {
  for (const uint64_t number : {337UL, 423UL, 470UL, 0x40000000UL, ~0UL, 1UL << 16}) {
    EXPECT_EQ(syscall_name(number), "") << number;
    EXPECT_EQ(find_syscall(number), nullptr) << number;
  }
  EXPECT_EQ(syscall_number(""), std::nullopt);
  EXPECT_EQ(syscall_number("rea"), std::nullopt);
  EXPECT_EQ(syscall_number("READ"), std::nullopt);
}

TEST(SyscallTable, Ia32HasNumbersOfItsOwn) {
  EXPECT_EQ(syscall_name_ia32(0), "restart_syscall");
  EXPECT_EQ(syscall_name_ia32(3), "read");
  EXPECT_EQ(syscall_name_ia32(102), "socketcall");
  EXPECT_EQ(syscall_name_ia32(117), "ipc");
  EXPECT_EQ(syscall_name_ia32(240), "futex");
  EXPECT_EQ(syscall_name_ia32(222), "");
  EXPECT_EQ(syscall_name_ia32(252), "exit_group");
  EXPECT_EQ(syscall_name_ia32(422), "futex_time64");
  EXPECT_EQ(syscall_name_ia32(469), "file_setattr");
  EXPECT_EQ(syscall_name_ia32(470), "");
  EXPECT_EQ(syscall_name_ia32(~0UL), "");
}

std::string named(ArgKind kind, uint64_t value) { return format_named(*named_set(kind), value); }

TEST(SyscallFlags, CompositeFlagsAreNamedOnce) {
  EXPECT_EQ(named(ArgKind::open_flags, 0), "O_RDONLY");
  EXPECT_EQ(named(ArgKind::open_flags, 02002001 | 04010000), "O_WRONLY|O_APPEND|O_SYNC|O_CLOEXEC");
  EXPECT_EQ(named(ArgKind::open_flags, 010002), "O_RDWR|O_DSYNC");
  EXPECT_EQ(named(ArgKind::open_flags, 020200000 | 2), "O_RDWR|O_TMPFILE");
  EXPECT_EQ(named(ArgKind::open_flags, 0200000), "O_RDONLY|O_DIRECTORY");
  EXPECT_EQ(named(ArgKind::mmap_flags, 0x22), "MAP_PRIVATE|MAP_ANONYMOUS");
  EXPECT_EQ(named(ArgKind::mmap_flags, 3), "MAP_SHARED_VALIDATE");
  EXPECT_EQ(named(ArgKind::socket_type, 02000005), "SOCK_SEQPACKET|SOCK_CLOEXEC");
  EXPECT_EQ(named(ArgKind::socket_type, 04000), "SOCK_NONBLOCK");  // accept4 has no type
}

TEST(SyscallFlags, WhatHasNoNameIsANumber) {
  EXPECT_EQ(named(ArgKind::mmap_prot, 0), "PROT_NONE");
  EXPECT_EQ(named(ArgKind::access_mode, 0), "F_OK");
  EXPECT_EQ(named(ArgKind::wait_options, 0), "0");
  EXPECT_EQ(named(ArgKind::wait_options, 0x101), "WNOHANG|0x100");
  EXPECT_EQ(named(ArgKind::msync_flags, 0x80), "0x80");
  EXPECT_EQ(named(ArgKind::whence, 9), "9");
  EXPECT_EQ(named(ArgKind::clock_id, uint64_t(-6)), "-6");  // the CPU-time clock of a process
  EXPECT_EQ(named(ArgKind::ioctl_request, 0xc0481234), "0xc0481234");
  EXPECT_EQ(named(ArgKind::ioctl_request, 0x5401), "TCGETS");
}

TEST(SyscallFlags, UpperHalfOfTheRegisterDoesNotCount) {
  EXPECT_EQ(named(ArgKind::whence, 0xffffffff00000002), "SEEK_END");
  EXPECT_EQ(named(ArgKind::wait_options, 0xdead000000000001), "WNOHANG");
}

TEST(SyscallFlags, NamesOfASetAreUnique) {
  for (int kind = 0; kind <= int(ArgKind::membarrier_command); ++kind) {
    const NamedSet* set = named_set(ArgKind(kind));
    if (set == nullptr) continue;
    std::set<std::string_view> names;
    std::set<uint64_t> values;
    for (const NamedValue& value : set->values) {
      EXPECT_TRUE(names.insert(value.name).second) << value.name;
      EXPECT_TRUE(values.insert(value.value).second) << value.name;
    }
  }
}

}  // namespace
}  // namespace clew::os
