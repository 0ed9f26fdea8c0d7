#include "os/syscall_flags.h"

#include <asm/prctl.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/close_range.h>
#include <linux/futex.h>
#include <linux/io_uring.h>
#include <linux/membarrier.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/sem.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <ctime>

namespace clew::os {
namespace {

// The values come from the system's headers, so that a name cannot belong to a wrong number. Values
// newer than the headers of Debian 12 are written out.
#define NAMED(constant) \
  NamedValue { uint32_t(constant), #constant, 0 }
#define NAMED_IN(constant, mask) \
  NamedValue { uint32_t(constant), #constant, uint32_t(mask) }

// O_SYNC contains O_DSYNC, and O_TMPFILE contains O_DIRECTORY: the larger come first (open(2)).
// O_LARGEFILE is 0 in the headers of a 64-bit system, but the kernel has the bit.
constexpr NamedValue open_values[] = {NAMED_IN(O_RDONLY, O_ACCMODE),
                                      NAMED_IN(O_WRONLY, O_ACCMODE),
                                      NAMED_IN(O_RDWR, O_ACCMODE),
                                      NAMED(O_CREAT),
                                      NAMED(O_EXCL),
                                      NAMED(O_NOCTTY),
                                      NAMED(O_TRUNC),
                                      NAMED(O_APPEND),
                                      NAMED(O_NONBLOCK),
                                      NAMED(O_SYNC),
                                      NAMED(O_DSYNC),
                                      NAMED(O_ASYNC),
                                      NAMED(O_DIRECT),
                                      {0100000, "O_LARGEFILE"},
                                      NAMED(O_TMPFILE),
                                      NAMED(O_DIRECTORY),
                                      NAMED(O_NOFOLLOW),
                                      NAMED(O_NOATIME),
                                      NAMED(O_CLOEXEC),
                                      NAMED(O_PATH)};
constexpr NamedValue at_values[] = {NAMED(AT_SYMLINK_NOFOLLOW), NAMED(AT_EACCESS),
                                    NAMED(AT_SYMLINK_FOLLOW),   NAMED(AT_NO_AUTOMOUNT),
                                    NAMED(AT_EMPTY_PATH),       NAMED(AT_STATX_FORCE_SYNC),
                                    NAMED(AT_STATX_DONT_SYNC),  NAMED(AT_RECURSIVE)};
constexpr NamedValue unlink_values[] = {NAMED(AT_REMOVEDIR)};
constexpr NamedValue access_values[] = {NAMED(R_OK), NAMED(W_OK), NAMED(X_OK)};
constexpr NamedValue fd_values[] = {NAMED(O_CLOEXEC), NAMED(O_NONBLOCK), NAMED(O_DIRECT)};
constexpr NamedValue prot_values[] = {NAMED(PROT_READ), NAMED(PROT_WRITE), NAMED(PROT_EXEC),
                                      NAMED(PROT_GROWSDOWN), NAMED(PROT_GROWSUP)};
constexpr NamedValue mmap_values[] = {NAMED_IN(MAP_SHARED, MAP_TYPE),
                                      NAMED_IN(MAP_PRIVATE, MAP_TYPE),
                                      NAMED_IN(MAP_SHARED_VALIDATE, MAP_TYPE),
                                      NAMED(MAP_FIXED),
                                      NAMED(MAP_ANONYMOUS),
                                      NAMED(MAP_32BIT),
                                      NAMED(MAP_GROWSDOWN),
                                      NAMED(MAP_DENYWRITE),
                                      NAMED(MAP_EXECUTABLE),
                                      NAMED(MAP_LOCKED),
                                      NAMED(MAP_NORESERVE),
                                      NAMED(MAP_POPULATE),
                                      NAMED(MAP_NONBLOCK),
                                      NAMED(MAP_STACK),
                                      NAMED(MAP_HUGETLB),
                                      NAMED(MAP_SYNC),
                                      NAMED(MAP_FIXED_NOREPLACE)};
constexpr NamedValue mremap_values[] = {NAMED(MREMAP_MAYMOVE), NAMED(MREMAP_FIXED),
                                        NAMED(MREMAP_DONTUNMAP)};
constexpr NamedValue msync_values[] = {NAMED(MS_ASYNC), NAMED(MS_INVALIDATE), NAMED(MS_SYNC)};
constexpr NamedValue mlock_values[] = {NAMED(MCL_CURRENT), NAMED(MCL_FUTURE), NAMED(MCL_ONFAULT)};
constexpr NamedValue message_values[] = {
    NAMED(MSG_OOB),        NAMED(MSG_PEEK),     NAMED(MSG_DONTROUTE), NAMED(MSG_CTRUNC),
    NAMED(MSG_TRUNC),      NAMED(MSG_DONTWAIT), NAMED(MSG_EOR),       NAMED(MSG_WAITALL),
    NAMED(MSG_CONFIRM),    NAMED(MSG_ERRQUEUE), NAMED(MSG_NOSIGNAL),  NAMED(MSG_MORE),
    NAMED(MSG_WAITFORONE), NAMED(MSG_ZEROCOPY), NAMED(MSG_FASTOPEN),  NAMED(MSG_CMSG_CLOEXEC)};
constexpr NamedValue socket_types[] = {NAMED_IN(SOCK_STREAM, 0xf),    NAMED_IN(SOCK_DGRAM, 0xf),
                                       NAMED_IN(SOCK_RAW, 0xf),       NAMED_IN(SOCK_RDM, 0xf),
                                       NAMED_IN(SOCK_SEQPACKET, 0xf), NAMED_IN(SOCK_PACKET, 0xf),
                                       NAMED(SOCK_CLOEXEC),           NAMED(SOCK_NONBLOCK)};
constexpr NamedValue wait_values[] = {NAMED(WNOHANG),     NAMED(WUNTRACED), NAMED(WCONTINUED),
                                      NAMED(__WNOTHREAD), NAMED(__WALL),    NAMED(__WCLONE)};
constexpr NamedValue waitid_values[] = {NAMED(WNOHANG),    NAMED(WSTOPPED), NAMED(WEXITED),
                                        NAMED(WCONTINUED), NAMED(WNOWAIT),  NAMED(__WNOTHREAD),
                                        NAMED(__WALL),     NAMED(__WCLONE)};
constexpr NamedValue rw_values[] = {
    NAMED(RWF_HIPRI),  NAMED(RWF_DSYNC),       NAMED(RWF_SYNC),      NAMED(RWF_NOWAIT),
    NAMED(RWF_APPEND), {0x20, "RWF_NOAPPEND"}, {0x40, "RWF_ATOMIC"}, {0x80, "RWF_DONTCACHE"}};
constexpr NamedValue splice_values[] = {NAMED(SPLICE_F_MOVE), NAMED(SPLICE_F_NONBLOCK),
                                        NAMED(SPLICE_F_MORE), NAMED(SPLICE_F_GIFT)};
constexpr NamedValue epoll_event_values[] = {
    NAMED(EPOLLIN),     NAMED(EPOLLPRI),     NAMED(EPOLLOUT),    NAMED(EPOLLERR),
    NAMED(EPOLLHUP),    NAMED(EPOLLRDNORM),  NAMED(EPOLLRDBAND), NAMED(EPOLLWRNORM),
    NAMED(EPOLLWRBAND), NAMED(EPOLLMSG),     NAMED(EPOLLRDHUP),  NAMED(EPOLLEXCLUSIVE),
    NAMED(EPOLLWAKEUP), NAMED(EPOLLONESHOT), NAMED(EPOLLET)};
constexpr NamedValue poll_event_values[] = {NAMED(POLLIN),     NAMED(POLLPRI),    NAMED(POLLOUT),
                                            NAMED(POLLERR),    NAMED(POLLHUP),    NAMED(POLLNVAL),
                                            NAMED(POLLRDNORM), NAMED(POLLRDBAND), NAMED(POLLWRNORM),
                                            NAMED(POLLWRBAND), NAMED(POLLMSG),    NAMED(POLLRDHUP)};
constexpr NamedValue eventfd_values[] = {NAMED(EFD_SEMAPHORE), NAMED(EFD_CLOEXEC),
                                         NAMED(EFD_NONBLOCK)};
constexpr NamedValue timerfd_values[] = {NAMED(TFD_CLOEXEC), NAMED(TFD_NONBLOCK)};
constexpr NamedValue timer_values[] = {NAMED(TIMER_ABSTIME), {2, "TFD_TIMER_CANCEL_ON_SET"}};
constexpr NamedValue random_values[] = {NAMED(GRND_NONBLOCK), NAMED(GRND_RANDOM),
                                        NAMED(GRND_INSECURE)};
constexpr NamedValue memfd_values[] = {NAMED(MFD_CLOEXEC),
                                       NAMED(MFD_ALLOW_SEALING),
                                       NAMED(MFD_HUGETLB),
                                       {8, "MFD_NOEXEC_SEAL"},
                                       {16, "MFD_EXEC"}};
constexpr NamedValue clone_values[] = {NAMED(CLONE_VM),
                                       NAMED(CLONE_FS),
                                       NAMED(CLONE_FILES),
                                       NAMED(CLONE_SIGHAND),
                                       NAMED(CLONE_PIDFD),
                                       NAMED(CLONE_PTRACE),
                                       NAMED(CLONE_VFORK),
                                       NAMED(CLONE_PARENT),
                                       NAMED(CLONE_THREAD),
                                       NAMED(CLONE_NEWNS),
                                       NAMED(CLONE_SYSVSEM),
                                       NAMED(CLONE_SETTLS),
                                       NAMED(CLONE_PARENT_SETTID),
                                       NAMED(CLONE_CHILD_CLEARTID),
                                       NAMED(CLONE_DETACHED),
                                       NAMED(CLONE_UNTRACED),
                                       NAMED(CLONE_CHILD_SETTID),
                                       NAMED(CLONE_NEWCGROUP),
                                       NAMED(CLONE_NEWUTS),
                                       NAMED(CLONE_NEWIPC),
                                       NAMED(CLONE_NEWUSER),
                                       NAMED(CLONE_NEWPID),
                                       NAMED(CLONE_NEWNET),
                                       NAMED(CLONE_IO),
                                       NAMED(CLONE_NEWTIME)};
constexpr NamedValue futex2_values[] = {{0, "FUTEX2_SIZE_U8", 3},  {1, "FUTEX2_SIZE_U16", 3},
                                        {2, "FUTEX2_SIZE_U32", 3}, {3, "FUTEX2_SIZE_U64", 3},
                                        {4, "FUTEX2_NUMA"},        {8, "FUTEX2_MPOL"},
                                        {128, "FUTEX2_PRIVATE"}};
constexpr NamedValue io_uring_enter_values[] = {
    NAMED(IORING_ENTER_GETEVENTS), NAMED(IORING_ENTER_SQ_WAKEUP), NAMED(IORING_ENTER_SQ_WAIT),
    NAMED(IORING_ENTER_EXT_ARG), NAMED(IORING_ENTER_REGISTERED_RING)};
constexpr NamedValue close_range_values[] = {NAMED(CLOSE_RANGE_UNSHARE),
                                             NAMED(CLOSE_RANGE_CLOEXEC)};
constexpr NamedValue rename_values[] = {NAMED(RENAME_NOREPLACE), NAMED(RENAME_EXCHANGE),
                                        NAMED(RENAME_WHITEOUT)};
constexpr NamedValue ipc_values[] = {NAMED(IPC_CREAT), NAMED(IPC_EXCL), NAMED(IPC_NOWAIT),
                                     NAMED(MSG_NOERROR), NAMED(MSG_EXCEPT)};
constexpr NamedValue semaphore_values[] = {NAMED(IPC_NOWAIT), NAMED(SEM_UNDO)};
constexpr NamedValue fallocate_values[] = {
    NAMED(FALLOC_FL_KEEP_SIZE),  NAMED(FALLOC_FL_PUNCH_HOLE),   NAMED(FALLOC_FL_COLLAPSE_RANGE),
    NAMED(FALLOC_FL_ZERO_RANGE), NAMED(FALLOC_FL_INSERT_RANGE), NAMED(FALLOC_FL_UNSHARE_RANGE)};
constexpr NamedValue sync_range_values[] = {NAMED(SYNC_FILE_RANGE_WAIT_BEFORE),
                                            NAMED(SYNC_FILE_RANGE_WRITE),
                                            NAMED(SYNC_FILE_RANGE_WAIT_AFTER)};
constexpr NamedValue flock_values[] = {NAMED(LOCK_SH), NAMED(LOCK_EX), NAMED(LOCK_UN),
                                       NAMED(LOCK_NB)};
constexpr NamedValue pidfd_values[] = {{04000, "PIDFD_NONBLOCK"}, {0200, "PIDFD_THREAD"}};

constexpr NamedValue whences[] = {NAMED(SEEK_SET), NAMED(SEEK_CUR), NAMED(SEEK_END),
                                  NAMED(SEEK_DATA), NAMED(SEEK_HOLE)};
constexpr NamedValue clocks[] = {NAMED(CLOCK_REALTIME),
                                 NAMED(CLOCK_MONOTONIC),
                                 NAMED(CLOCK_PROCESS_CPUTIME_ID),
                                 NAMED(CLOCK_THREAD_CPUTIME_ID),
                                 NAMED(CLOCK_MONOTONIC_RAW),
                                 NAMED(CLOCK_REALTIME_COARSE),
                                 NAMED(CLOCK_MONOTONIC_COARSE),
                                 NAMED(CLOCK_BOOTTIME),
                                 NAMED(CLOCK_REALTIME_ALARM),
                                 NAMED(CLOCK_BOOTTIME_ALARM),
                                 NAMED(CLOCK_TAI)};
constexpr NamedValue wait_id_types[] = {NAMED(P_ALL), NAMED(P_PID), NAMED(P_PGID), {3, "P_PIDFD"}};
constexpr NamedValue socket_domains[] = {
    NAMED(AF_UNSPEC),    NAMED(AF_UNIX),    NAMED(AF_INET), NAMED(AF_INET6),
    NAMED(AF_NETLINK),   NAMED(AF_PACKET),  NAMED(AF_KEY),  NAMED(AF_TIPC),
    NAMED(AF_BLUETOOTH), NAMED(AF_CAN),     NAMED(AF_ALG),  NAMED(AF_VSOCK),
    NAMED(AF_KCM),       NAMED(AF_QIPCRTR), NAMED(AF_SMC),  NAMED(AF_XDP)};
constexpr NamedValue shutdown_hows[] = {NAMED(SHUT_RD), NAMED(SHUT_WR), NAMED(SHUT_RDWR)};
constexpr NamedValue socket_levels[] = {{0, "IPPROTO_IP"},
                                        NAMED(SOL_SOCKET),
                                        {6, "IPPROTO_TCP"},
                                        {17, "IPPROTO_UDP"},
                                        {41, "IPPROTO_IPV6"}};
constexpr NamedValue advices[] = {
    NAMED(MADV_NORMAL),           NAMED(MADV_RANDOM),        NAMED(MADV_SEQUENTIAL),
    NAMED(MADV_WILLNEED),         NAMED(MADV_DONTNEED),      NAMED(MADV_FREE),
    NAMED(MADV_REMOVE),           NAMED(MADV_DONTFORK),      NAMED(MADV_DOFORK),
    NAMED(MADV_MERGEABLE),        NAMED(MADV_UNMERGEABLE),   NAMED(MADV_HUGEPAGE),
    NAMED(MADV_NOHUGEPAGE),       NAMED(MADV_DONTDUMP),      NAMED(MADV_DODUMP),
    NAMED(MADV_WIPEONFORK),       NAMED(MADV_KEEPONFORK),    NAMED(MADV_COLD),
    NAMED(MADV_PAGEOUT),          NAMED(MADV_POPULATE_READ), NAMED(MADV_POPULATE_WRITE),
    {24, "MADV_DONTNEED_LOCKED"}, {25, "MADV_COLLAPSE"},     NAMED(MADV_HWPOISON),
    {102, "MADV_GUARD_INSTALL"},  {103, "MADV_GUARD_REMOVE"}};
constexpr NamedValue mask_hows[] = {NAMED(SIG_BLOCK), NAMED(SIG_UNBLOCK), NAMED(SIG_SETMASK)};
constexpr NamedValue epoll_operations[] = {NAMED(EPOLL_CTL_ADD), NAMED(EPOLL_CTL_DEL),
                                           NAMED(EPOLL_CTL_MOD)};
constexpr NamedValue fcntl_commands[] = {NAMED(F_DUPFD),           NAMED(F_GETFD),
                                         NAMED(F_SETFD),           NAMED(F_GETFL),
                                         NAMED(F_SETFL),           NAMED(F_GETLK),
                                         NAMED(F_SETLK),           NAMED(F_SETLKW),
                                         NAMED(F_SETOWN),          NAMED(F_GETOWN),
                                         NAMED(F_SETSIG),          NAMED(F_GETSIG),
                                         {15, "F_SETOWN_EX"},      {16, "F_GETOWN_EX"},
                                         NAMED(F_OFD_GETLK),       NAMED(F_OFD_SETLK),
                                         NAMED(F_OFD_SETLKW),      NAMED(F_SETLEASE),
                                         NAMED(F_GETLEASE),        NAMED(F_NOTIFY),
                                         {1027, "F_DUPFD_QUERY"},  {1028, "F_CREATED_QUERY"},
                                         NAMED(F_DUPFD_CLOEXEC),   NAMED(F_SETPIPE_SZ),
                                         NAMED(F_GETPIPE_SZ),      NAMED(F_ADD_SEALS),
                                         NAMED(F_GET_SEALS),       NAMED(F_GET_RW_HINT),
                                         NAMED(F_SET_RW_HINT),     NAMED(F_GET_FILE_RW_HINT),
                                         NAMED(F_SET_FILE_RW_HINT)};
constexpr NamedValue lock_types[] = {NAMED(F_RDLCK), NAMED(F_WRLCK), NAMED(F_UNLCK)};
constexpr NamedValue ioctl_requests[] = {
    NAMED(TCGETS),     NAMED(TCSETS),    NAMED(TCSETSW),    NAMED(TCSETSF),    NAMED(TCSBRK),
    NAMED(TCXONC),     NAMED(TCFLSH),    NAMED(TIOCSCTTY),  NAMED(TIOCGPGRP),  NAMED(TIOCSPGRP),
    NAMED(TIOCOUTQ),   NAMED(TIOCSTI),   NAMED(TIOCGWINSZ), NAMED(TIOCSWINSZ), NAMED(FIONREAD),
    NAMED(FIONBIO),    NAMED(TIOCNOTTY), NAMED(TIOCGSID),   NAMED(TCSBRKP),    NAMED(TIOCGPTN),
    NAMED(TIOCSPTLCK), NAMED(FIONCLEX),  NAMED(FIOCLEX),    NAMED(FIOASYNC)};
constexpr NamedValue resources[] = {
    NAMED(RLIMIT_CPU),      NAMED(RLIMIT_FSIZE), NAMED(RLIMIT_DATA),   NAMED(RLIMIT_STACK),
    NAMED(RLIMIT_CORE),     NAMED(RLIMIT_RSS),   NAMED(RLIMIT_NPROC),  NAMED(RLIMIT_NOFILE),
    NAMED(RLIMIT_MEMLOCK),  NAMED(RLIMIT_AS),    NAMED(RLIMIT_LOCKS),  NAMED(RLIMIT_SIGPENDING),
    NAMED(RLIMIT_MSGQUEUE), NAMED(RLIMIT_NICE),  NAMED(RLIMIT_RTPRIO), NAMED(RLIMIT_RTTIME)};
constexpr NamedValue rusage_whos[] = {NAMED(RUSAGE_SELF), NAMED(RUSAGE_CHILDREN),
                                      NAMED(RUSAGE_THREAD)};
constexpr NamedValue interval_timers[] = {
    {0, "ITIMER_REAL"}, {1, "ITIMER_VIRTUAL"}, {2, "ITIMER_PROF"}};
constexpr NamedValue priority_whichs[] = {NAMED(PRIO_PROCESS), NAMED(PRIO_PGRP), NAMED(PRIO_USER)};
constexpr NamedValue schedulers[] = {NAMED(SCHED_OTHER), NAMED(SCHED_FIFO), NAMED(SCHED_RR),
                                     NAMED(SCHED_BATCH), NAMED(SCHED_IDLE), NAMED(SCHED_DEADLINE),
                                     {7, "SCHED_EXT"}};
constexpr NamedValue prctl_options[] = {NAMED(PR_SET_PDEATHSIG),
                                        NAMED(PR_GET_PDEATHSIG),
                                        NAMED(PR_GET_DUMPABLE),
                                        NAMED(PR_SET_DUMPABLE),
                                        NAMED(PR_GET_KEEPCAPS),
                                        NAMED(PR_SET_KEEPCAPS),
                                        NAMED(PR_SET_NAME),
                                        NAMED(PR_GET_NAME),
                                        NAMED(PR_GET_SECCOMP),
                                        NAMED(PR_SET_SECCOMP),
                                        NAMED(PR_CAPBSET_READ),
                                        NAMED(PR_CAPBSET_DROP),
                                        NAMED(PR_GET_SECUREBITS),
                                        NAMED(PR_SET_SECUREBITS),
                                        NAMED(PR_SET_TIMERSLACK),
                                        NAMED(PR_GET_TIMERSLACK),
                                        NAMED(PR_SET_MM),
                                        NAMED(PR_SET_CHILD_SUBREAPER),
                                        NAMED(PR_GET_CHILD_SUBREAPER),
                                        NAMED(PR_SET_NO_NEW_PRIVS),
                                        NAMED(PR_GET_NO_NEW_PRIVS),
                                        NAMED(PR_GET_TID_ADDRESS),
                                        NAMED(PR_SET_THP_DISABLE),
                                        NAMED(PR_GET_THP_DISABLE),
                                        NAMED(PR_CAP_AMBIENT),
                                        NAMED(PR_SET_SPECULATION_CTRL),
                                        NAMED(PR_SET_SYSCALL_USER_DISPATCH),
                                        NAMED(PR_SET_PTRACER),
                                        NAMED(PR_SET_VMA)};
constexpr NamedValue arch_prctl_codes[] = {NAMED(ARCH_SET_GS),    NAMED(ARCH_SET_FS),
                                           NAMED(ARCH_GET_FS),    NAMED(ARCH_GET_GS),
                                           NAMED(ARCH_GET_CPUID), NAMED(ARCH_SET_CPUID)};
constexpr NamedValue seccomp_operations[] = {
    NAMED(SECCOMP_SET_MODE_STRICT), NAMED(SECCOMP_SET_MODE_FILTER), NAMED(SECCOMP_GET_ACTION_AVAIL),
    NAMED(SECCOMP_GET_NOTIF_SIZES)};
constexpr NamedValue ptrace_requests[] = {
    NAMED(PTRACE_TRACEME),         NAMED(PTRACE_PEEKTEXT),    NAMED(PTRACE_PEEKDATA),
    NAMED(PTRACE_PEEKUSER),        NAMED(PTRACE_POKETEXT),    NAMED(PTRACE_POKEDATA),
    NAMED(PTRACE_POKEUSER),        NAMED(PTRACE_CONT),        NAMED(PTRACE_KILL),
    NAMED(PTRACE_SINGLESTEP),      NAMED(PTRACE_GETREGS),     NAMED(PTRACE_SETREGS),
    NAMED(PTRACE_ATTACH),          NAMED(PTRACE_DETACH),      NAMED(PTRACE_SYSCALL),
    NAMED(PTRACE_SETOPTIONS),      NAMED(PTRACE_GETEVENTMSG), NAMED(PTRACE_GETSIGINFO),
    NAMED(PTRACE_SETSIGINFO),      NAMED(PTRACE_GETREGSET),   NAMED(PTRACE_SETREGSET),
    NAMED(PTRACE_SEIZE),           NAMED(PTRACE_INTERRUPT),   NAMED(PTRACE_LISTEN),
    NAMED(PTRACE_PEEKSIGINFO),     NAMED(PTRACE_GETSIGMASK),  NAMED(PTRACE_SETSIGMASK),
    NAMED(PTRACE_GET_SYSCALL_INFO)};
constexpr NamedValue membarrier_commands[] = {
    NAMED(MEMBARRIER_CMD_QUERY),
    NAMED(MEMBARRIER_CMD_GLOBAL),
    NAMED(MEMBARRIER_CMD_GLOBAL_EXPEDITED),
    NAMED(MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED),
    NAMED(MEMBARRIER_CMD_PRIVATE_EXPEDITED),
    NAMED(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED),
    NAMED(MEMBARRIER_CMD_PRIVATE_EXPEDITED_SYNC_CORE),
    NAMED(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_SYNC_CORE)};

#undef NAMED
#undef NAMED_IN

struct KindSet {
  ArgKind kind;
  NamedSet set;
};

using enum NamedSet::Use;

constexpr KindSet sets[] = {
    {ArgKind::open_flags, {flags, "0", open_values}},
    {ArgKind::at_flags, {flags, "0", at_values}},
    {ArgKind::unlink_flags, {flags, "0", unlink_values}},
    {ArgKind::access_mode, {flags, "F_OK", access_values}},
    {ArgKind::fd_flags, {flags, "0", fd_values}},
    {ArgKind::mmap_prot, {flags, "PROT_NONE", prot_values}},
    {ArgKind::mmap_flags, {flags, "0", mmap_values}},
    {ArgKind::mremap_flags, {flags, "0", mremap_values}},
    {ArgKind::msync_flags, {flags, "0", msync_values}},
    {ArgKind::mlock_flags, {flags, "0", mlock_values}},
    {ArgKind::message_flags, {flags, "0", message_values}},
    {ArgKind::socket_type, {flags, "0", socket_types}},
    {ArgKind::wait_options, {flags, "0", wait_values}},
    {ArgKind::waitid_options, {flags, "0", waitid_values}},
    {ArgKind::rw_flags, {flags, "0", rw_values}},
    {ArgKind::splice_flags, {flags, "0", splice_values}},
    {ArgKind::epoll_events, {flags, "0", epoll_event_values}},
    {ArgKind::poll_events, {flags, "0", poll_event_values}},
    {ArgKind::eventfd_flags, {flags, "0", eventfd_values}},
    {ArgKind::timerfd_flags, {flags, "0", timerfd_values}},
    {ArgKind::timer_flags, {flags, "0", timer_values}},
    {ArgKind::random_flags, {flags, "0", random_values}},
    {ArgKind::memfd_flags, {flags, "0", memfd_values}},
    {ArgKind::clone_flags, {flags, "0", clone_values}},
    {ArgKind::namespace_flags, {flags, "0", clone_values}},
    {ArgKind::futex2_flags, {flags, "0", futex2_values}},
    {ArgKind::io_uring_enter_flags, {flags, "0", io_uring_enter_values}},
    {ArgKind::close_range_flags, {flags, "0", close_range_values}},
    {ArgKind::rename_flags, {flags, "0", rename_values}},
    {ArgKind::ipc_flags, {flags, "0", ipc_values}},
    {ArgKind::semaphore_flags, {flags, "0", semaphore_values}},
    {ArgKind::fallocate_flags, {flags, "0", fallocate_values}},
    {ArgKind::sync_range_flags, {flags, "0", sync_range_values}},
    {ArgKind::flock_operation, {flags, "0", flock_values}},
    {ArgKind::pidfd_flags, {flags, "0", pidfd_values}},
    {ArgKind::whence, {one_of, "", whences}},
    {ArgKind::clock_id, {one_of, "", clocks}},
    {ArgKind::wait_id_type, {one_of, "", wait_id_types}},
    {ArgKind::socket_domain, {one_of, "", socket_domains}},
    {ArgKind::shutdown_how, {one_of, "", shutdown_hows}},
    {ArgKind::socket_level, {one_of, "", socket_levels}},
    {ArgKind::madvise_advice, {one_of, "", advices}},
    {ArgKind::signal_mask_how, {one_of, "", mask_hows}},
    {ArgKind::epoll_operation, {one_of, "", epoll_operations}},
    {ArgKind::fcntl_command, {one_of, "", fcntl_commands}},
    {ArgKind::lock_type, {one_of, "", lock_types}},
    {ArgKind::ioctl_request, {one_of_hex, "", ioctl_requests}},
    {ArgKind::resource, {one_of, "", resources}},
    {ArgKind::rusage_who, {one_of, "", rusage_whos}},
    {ArgKind::interval_timer, {one_of, "", interval_timers}},
    {ArgKind::priority_which, {one_of, "", priority_whichs}},
    {ArgKind::scheduler, {one_of, "", schedulers}},
    {ArgKind::prctl_option, {one_of, "", prctl_options}},
    {ArgKind::arch_prctl_code, {one_of, "", arch_prctl_codes}},
    {ArgKind::seccomp_operation, {one_of, "", seccomp_operations}},
    {ArgKind::ptrace_request, {one_of, "", ptrace_requests}},
    {ArgKind::membarrier_command, {one_of, "", membarrier_commands}},
};

std::string format_flags(const NamedSet& set, uint32_t value) {
  std::string text;
  uint32_t unnamed = value;
  for (const NamedValue& named : set.values) {
    const uint32_t bits = uint32_t(named.value);
    // A flag must not be contained in one that is named already, as O_DSYNC is in O_SYNC.
    const bool is_set =
        named.mask != 0 ? (value & uint32_t(named.mask)) == bits : (unnamed & bits) == bits;
    if (!is_set) continue;
    unnamed &= ~bits;
    if (!text.empty()) text += '|';
    text += named.name;
  }
  if (unnamed != 0) text += fmt::format("{}{:#x}", text.empty() ? "" : "|", unnamed);
  return text.empty() ? std::string(set.zero) : text;
}

}  // namespace

const NamedSet* named_set(ArgKind kind) {
  for (const KindSet& entry : sets) {
    if (entry.kind == kind) return &entry.set;
  }
  return nullptr;
}

std::string format_named(const NamedSet& set, uint64_t value) {
  const uint32_t bits = uint32_t(value);
  if (set.use == flags) return format_flags(set, bits);
  for (const NamedValue& named : set.values) {
    if (named.value == bits) return std::string(named.name);
  }
  return set.use == one_of_hex ? fmt::format("{:#x}", bits) : fmt::format("{}", int32_t(bits));
}

}  // namespace clew::os
