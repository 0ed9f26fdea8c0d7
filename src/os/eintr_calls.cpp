#include "os/eintr_calls.h"

#include <sys/syscall.h>

#include <algorithm>
#include <iterator>

namespace clew::os {
namespace {

// Most blocking calls that a stop interrupts return one of the kernel's private codes (ERESTARTSYS,
// ERESTARTNOHAND, ERESTART_RESTARTBLOCK), and the kernel starts them again by itself when no
// handler ran: poll, select, futex, nanosleep, wait4, msgrcv, mq_timedreceive, flock,
// rt_sigsuspend, io_pgetevents and reads of pipes, terminals and inotify among them. Those are not
// listed. The ones below say EINTR themselves.
//
// Left out although they can say EINTR, because a second start could do the work twice or to the
// wrong object:
//  - close: the descriptor is already free and may by now be another thread's (close(2),
//    "Dealing with error returns from close()").
//  - fallocate: EINTR can come after part of the range was changed, and collapsing or inserting a
//    range is not idempotent (fallocate(2)).
//  - sendfile, splice, tee: bytes taken from the source may be lost when the destination says
//    EINTR.
//  - ioctl: means anything.
//  - open, stat and the like on a FUSE filesystem, whose server may say EINTR at its own choice.

// clang-format off
constexpr uint64_t calls_x86_64[] = {
    // A socket with SO_RCVTIMEO or SO_SNDTIMEO (socket(7)) says EINTR instead of ERESTARTSYS (the
    // kernel's sock_intr_errno()), and only when no byte has been moved: after some it returns how
    // many. read and write are the same calls on such a socket; preadv2 and pwritev2 with an offset
    // of -1 are readv and writev (readv(2)). pread64 and preadv have no such case: a socket cannot
    // seek.
    SYS_read, SYS_readv, SYS_preadv2, SYS_recvfrom, SYS_recvmsg,
    SYS_write, SYS_writev, SYS_pwritev2, SYS_sendto, SYS_sendmsg,
    // These return the number of messages once there is one; EINTR means that there was none.
    SYS_recvmmsg, SYS_sendmmsg,
    // Also sockets with a timeout. No connection has been taken off the queue. A second connect on
    // a socket that is still connecting waits for that attempt to end; the kernel itself relies on
    // it when it restarts a connect that has no timeout.
    SYS_accept, SYS_accept4, SYS_connect,
    // No event has been reported. The temporary signal mask of the pwait calls is kept for a
    // handler and put back by the restart, as it is for ppoll.
    SYS_epoll_wait, SYS_epoll_pwait, SYS_epoll_pwait2,
    // All operations are done or none (semop(2)).
    SYS_semop, SYS_semtimedop,
    // No signal has been taken (sigtimedwait(2)).
    SYS_rt_sigtimedwait,
    // No completion has been taken. If entries were submitted by the same io_uring_enter call, it
    // returns their number instead (io_uring_enter(2)), so EINTR means that none was.
    SYS_io_getevents, SYS_io_uring_enter,
};
// clang-format on

// <sys/syscall.h> has only the numbers of the machine that clew is built for; these are from the
// kernel's arch/x86/entry/syscalls/syscall_32.tbl.
constexpr uint64_t calls_ia32[] = {
    3,         // read
    4,         // write
    145, 146,  // readv, writev
    378, 379,  // preadv2, pwritev2
    369, 370,  // sendto, sendmsg
    371, 372,  // recvfrom, recvmsg
    337, 417,  // recvmmsg, recvmmsg_time64
    345,       // sendmmsg
    362, 364,  // connect, accept4 (accept has no number of its own)
    // socketcall carries every socket call, old C libraries use nothing else. That the number does
    // not say which is no matter: of the calls behind it, those that wait and say EINTR are the
    // ones listed above, and the others never wait in a way that a stop ends.
    102,            // socketcall
    256, 319, 441,  // epoll_wait, epoll_pwait, epoll_pwait2
    // ipc carries the System V calls in the same way: only semop and semtimedop say EINTR, msgsnd
    // and msgrcv have codes of their own.
    117,       // ipc
    420,       // semtimedop_time64
    177, 421,  // rt_sigtimedwait, rt_sigtimedwait_time64
    247,       // io_getevents
    426,       // io_uring_enter
};

}  // namespace

bool returns_eintr_when_stopped(uint64_t syscall_number, bool is_ia32) {
  const auto in = [&](const auto& calls) {
    return std::find(std::begin(calls), std::end(calls), syscall_number) != std::end(calls);
  };
  return is_ia32 ? in(calls_ia32) : in(calls_x86_64);
}

}  // namespace clew::os
