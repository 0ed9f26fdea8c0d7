// The bare floor that the benchmarks compare with: what the kernel asks for and nothing more.
//
//   floor freeze PID [--rt]
//     SEIZE each thread in /proc/PID/task, INTERRUPT all, wait for each by its tid, read the
//     registers of each, DETACH each. --rt: at SCHED_RR from just before the first INTERRUPT until
//     after the last DETACH.
//     {"threads","pause_ms":longest from a thread's INTERRUPT to its DETACH,
//      "pause_total_ms":first INTERRUPT to last DETACH,"wall_ms":all,"list_ms","seize_ms"}
//
//   floor stacks PID [--mem]
//     The same as freeze, and a copy of 4 KiB of each thread's stack from its stack pointer on, by
//     process_vm_readv; --mem: by /proc/PID/mem instead.
//
//   floor goroutines PID LIST COUNT [BYTES]
//     The same as freeze, and copies of what says where a Go program's goroutines are: the list of
//     pointers (LIST and COUNT are the addresses of runtime.allgptr and runtime.allglen), each
//     runtime.g, and BYTES (512) of each stack from its stack pointer on. On one CPU, each by calls
//     of process_vm_readv for as many at a time as it takes. Nothing is kept.
//     {"threads","goroutines","copied","pause_ms","pause_total_ms","wall_ms"}
//
//   floor step PID TID COUNT [--pin|--idle]
//     Holds all threads and steps TID by single instructions, COUNT times; TID must be one that
//     runs. --pin: follows TID to its CPU. That alone does not keep them together: TID is woken
//     while this program still runs, so the scheduler puts it on another CPU that is idle.
//     --idle: at SCHED_IDLE too, as the scheduler takes a CPU that runs only such a task for idle.
//     {"steps","ns_per_step","steps_per_s","signals","together":share of the looks at which both
//      were on one CPU; only with --pin and --idle}
//
//   floor hits PID ADDRESS MS [--idle]
//     Puts an int3 at ADDRESS, whose instruction must be `mov %rdi, disp32(%rip)` or a push of rbp,
//     and for MS milliseconds emulates it for each thread that comes by and lets that run on. With
//     --idle it follows the last thread to its CPU, as step does.
//     {"hits","hits_per_s"}
//
//   floor hits2 PID ADDRESS MS [--idle]
//     The same with two stops a hit: the instruction is made by a single step with the int3 lifted.
//
// Status 0 done, 1 could not, 2 wrong usage.

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <dirent.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct thread {
  pid_t tid;
  bool stopped;
  int pending;  // a signal that came as the stop; passed on
  uint64_t interrupted_ns;
  struct user_regs_struct regs;
};

static struct thread* threads;
static size_t count, room;

static _Noreturn void die(const char* what) {
  perror(what);
  exit(1);
}

static uint64_t now_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static double ms(uint64_t ns) { return (double)ns / 1e6; }

static void add(pid_t tid) {
  if (count == room) {
    room = room ? room * 2 : 256;
    threads = realloc(threads, room * sizeof *threads);
    if (!threads) die("realloc");
  }
  threads[count++] = (struct thread){.tid = tid};
}

static void list(pid_t pid) {
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/task", (int)pid);
  DIR* tasks = opendir(path);
  if (!tasks) die(path);
  struct dirent* entry;
  while ((entry = readdir(tasks))) {
    if (entry->d_name[0] != '.') add((pid_t)strtol(entry->d_name, NULL, 10));
  }
  closedir(tasks);
}

static void seize(void) {
  size_t kept = 0;
  for (size_t i = 0; i < count; i++) {
    // EPERM on a later one: TRACECLONE has attached it already, or it is a zombie; the wait tells.
    if (ptrace(PTRACE_SEIZE, threads[i].tid, NULL, (void*)PTRACE_O_TRACECLONE) == 0 ||
        (errno == EPERM && i > 0)) {
      threads[kept++] = threads[i];
    } else if (errno != ESRCH) {
      die("PTRACE_SEIZE");
    }
  }
  count = kept;
}

static void interrupt(void) {
  for (size_t i = 0; i < count; i++) {
    threads[i].interrupted_ns = now_ns();
    ptrace(PTRACE_INTERRUPT, threads[i].tid, NULL, NULL);
  }
}

static bool is_listed(pid_t tid) {
  for (size_t i = 0; i < count; i++) {
    if (threads[i].tid == tid) return true;
  }
  return false;
}

static void collect(void) {
  for (size_t i = 0; i < count; i++) {  // count grows when a thread was born meanwhile
    int status;
    if (waitpid(threads[i].tid, &status, __WALL) < 0 || !WIFSTOPPED(status)) continue;
    threads[i].stopped = true;
    int event = status >> 16;
    if (event == 0) threads[i].pending = WSTOPSIG(status);
    if (event == PTRACE_EVENT_CLONE) {
      unsigned long born = 0;
      uint64_t since = threads[i].interrupted_ns;
      ptrace(PTRACE_GETEVENTMSG, threads[i].tid, NULL, &born);
      if (is_listed((pid_t)born)) continue;
      add((pid_t)born);
      threads[count - 1].interrupted_ns = since;
    }
  }
}

static void read_registers(void) {
  for (size_t i = 0; i < count; i++) {
    struct iovec part = {&threads[i].regs, sizeof threads[i].regs};
    if (threads[i].stopped) ptrace(PTRACE_GETREGSET, threads[i].tid, (void*)NT_PRSTATUS, &part);
  }
}

// Returns the longest time that any thread was held.
static uint64_t detach(void) {
  uint64_t longest = 0;
  for (size_t i = 0; i < count; i++) {
    if (!threads[i].stopped) continue;
    ptrace(PTRACE_DETACH, threads[i].tid, NULL, (void*)(intptr_t)threads[i].pending);
    uint64_t held = now_ns() - threads[i].interrupted_ns;
    if (held > longest) longest = held;
  }
  return longest;
}

static void set_policy(int policy) {
  struct sched_param param = {.sched_priority = policy == SCHED_RR ? 1 : 0};
  if (sched_setscheduler(0, policy, &param) != 0) die("sched_setscheduler");
}

enum { STACK_SIZE = 4096 };

// Room for the stacks, touched before the target is stopped.
static char* stack_room(size_t threads_at_most) {
  char* room_for_all = malloc(threads_at_most * STACK_SIZE);
  if (!room_for_all) die("malloc");
  memset(room_for_all, 1, threads_at_most * STACK_SIZE);
  return room_for_all;
}

static size_t copy_stacks(pid_t pid, char* into, size_t at_most, int mem) {
  size_t copied = 0;
  for (size_t i = 0; i < count && i < at_most; i++) {
    if (!threads[i].stopped) continue;
    char* to = into + i * STACK_SIZE;
    if (mem >= 0) {
      ssize_t n = pread(mem, to, STACK_SIZE, (off_t)threads[i].regs.rsp);
      copied += n > 0 ? (size_t)n : 0;
    } else {
      struct iovec local = {to, STACK_SIZE}, remote = {(void*)threads[i].regs.rsp, STACK_SIZE};
      ssize_t n = process_vm_readv(pid, &local, 1, &remote, 1, 0);
      copied += n > 0 ? (size_t)n : 0;
    }
  }
  return copied;
}

static int stacks(pid_t pid, bool by_mem) {
  uint64_t start = now_ns();
  list(pid);
  seize();
  size_t at_most = count + 64;
  char* into = stack_room(at_most);
  int mem = -1;
  if (by_mem) {
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/mem", (int)pid);
    mem = open(path, O_RDONLY | O_CLOEXEC);
    if (mem < 0) die(path);
  }
  uint64_t first = now_ns();
  interrupt();
  collect();
  read_registers();
  size_t copied = copy_stacks(pid, into, at_most, mem);
  uint64_t longest = detach();
  uint64_t end = now_ns();
  printf("{\"threads\":%zu,\"pause_ms\":%.3f,\"pause_total_ms\":%.3f,\"wall_ms\":%.3f,", count,
         ms(longest), ms(end - first), ms(end - start));
  printf("\"copied\":%zu}\n", copied);
  return 0;
}

enum { DESCRIPTOR_SIZE = 448, STACK_HIGH_AT = 8, SAVED_SP_AT = 56, PARTS = 1024 };

static uint64_t word_of(pid_t pid, uint64_t address) {
  uint64_t word = 0;
  struct iovec local = {&word, sizeof word}, remote = {(void*)address, sizeof word};
  if (process_vm_readv(pid, &local, 1, &remote, 1, 0) != sizeof word) die("process_vm_readv");
  return word;
}

// One call for up to PARTS pieces, which all are there. Returns how many bytes.
static size_t copy_parts(pid_t pid, const struct iovec* to, const struct iovec* from, size_t n) {
  ssize_t copied = n == 0 ? 0 : process_vm_readv(pid, to, n, from, n, 0);
  if (copied < 0) die("process_vm_readv");
  return (size_t)copied;
}

// Offsets are those of Go 1.18 to 1.26. `into` has room for PARTS of each. Returns how many bytes.
static size_t copy_goroutines(pid_t pid, uint64_t list_at, size_t n, char* into, size_t stack) {
  struct iovec to[PARTS], from[PARTS];
  uint64_t pointers[PARTS];
  size_t copied = 0;
  for (size_t done = 0; done < n; done += PARTS) {
    size_t some = n - done < PARTS ? n - done : PARTS;
    to[0] = (struct iovec){pointers, some * sizeof *pointers};
    from[0] = (struct iovec){(void*)(list_at + done * sizeof *pointers), to[0].iov_len};
    copied += copy_parts(pid, to, from, 1);
    for (size_t i = 0; i < some; i++) {
      to[i] = (struct iovec){into + i * DESCRIPTOR_SIZE, DESCRIPTOR_SIZE};
      from[i] = (struct iovec){(void*)pointers[i], DESCRIPTOR_SIZE};
    }
    copied += copy_parts(pid, to, from, some);
    size_t stacks = 0;
    for (size_t i = 0; i < some; i++) {
      uint64_t high, sp;
      memcpy(&high, into + i * DESCRIPTOR_SIZE + STACK_HIGH_AT, sizeof high);
      memcpy(&sp, into + i * DESCRIPTOR_SIZE + SAVED_SP_AT, sizeof sp);
      if (sp == 0 || sp >= high) continue;
      size_t size = high - sp < stack ? high - sp : stack;
      to[stacks] = (struct iovec){into + PARTS * DESCRIPTOR_SIZE + i * stack, size};
      from[stacks++] = (struct iovec){(void*)sp, size};
    }
    copied += copy_parts(pid, to, from, stacks);
  }
  return copied;
}

static int goroutines(pid_t pid, uint64_t list_variable, uint64_t count_variable, size_t stack) {
  uint64_t start = now_ns();
  size_t n = word_of(pid, count_variable);
  size_t room_for_parts = PARTS * (DESCRIPTOR_SIZE + stack);
  char* into = malloc(room_for_parts);
  if (!into) die("malloc");
  memset(into, 1, room_for_parts);  // touched before the stop
  list(pid);
  seize();
  uint64_t first = now_ns();
  interrupt();
  collect();
  read_registers();
  size_t copied = copy_goroutines(pid, word_of(pid, list_variable), n, into, stack);
  uint64_t longest = detach();
  uint64_t end = now_ns();
  printf("{\"threads\":%zu,\"goroutines\":%zu,\"copied\":%zu,\"pause_ms\":%.3f,", count, n, copied,
         ms(longest));
  printf("\"pause_total_ms\":%.3f,\"wall_ms\":%.3f}\n", ms(end - first), ms(end - start));
  free(into);
  return 0;
}

static int freeze(pid_t pid, bool realtime) {
  uint64_t start = now_ns();
  list(pid);
  uint64_t listed = now_ns();
  seize();
  uint64_t seized = now_ns();
  if (realtime) set_policy(SCHED_RR);
  uint64_t first = now_ns();
  interrupt();
  collect();
  read_registers();
  uint64_t longest = detach();
  uint64_t last = now_ns();
  if (realtime) set_policy(SCHED_OTHER);
  uint64_t end = now_ns();
  printf("{\"threads\":%zu,\"pause_ms\":%.3f,\"pause_total_ms\":%.3f,\"wall_ms\":%.3f,", count,
         ms(longest), ms(last - first), ms(end - start));
  printf("\"list_ms\":%.3f,\"seize_ms\":%.3f}\n", ms(listed - start), ms(seized - listed));
  return 0;
}

// Field 39 of stat; the name in field 2 may hold spaces, so count from its closing bracket.
static int cpu_of(pid_t pid, pid_t tid) {
  char path[64], text[1024];
  snprintf(path, sizeof path, "/proc/%d/task/%d/stat", (int)pid, (int)tid);
  FILE* file = fopen(path, "re");
  if (!file) return -1;
  size_t got = fread(text, 1, sizeof text - 1, file);
  fclose(file);
  text[got] = '\0';
  char* at = strrchr(text, ')');
  for (int field = 2; at && field < 39; field++) at = strchr(at + 1, ' ');
  return at ? (int)strtol(at, NULL, 10) : -1;
}

static int pin_to(int cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET((size_t)cpu, &set);
  sched_setaffinity(0, sizeof set, &set);
  return cpu;
}

static int step(pid_t pid, pid_t tid, long steps, bool pin, bool idle) {
  enum { LOOK_EVERY = 32 };  // a look costs some 15 us
  list(pid);
  seize();
  interrupt();
  collect();
  struct thread* one = NULL;
  for (size_t i = 0; i < count; i++) {
    if (threads[i].tid == tid && threads[i].stopped) one = &threads[i];
  }
  if (!one) {
    fprintf(stderr, "floor: no thread %d in process %d\n", (int)tid, (int)pid);
    detach();
    return 1;
  }
  cpu_set_t before;
  sched_getaffinity(0, sizeof before, &before);
  if (idle) set_policy(SCHED_IDLE);
  int cpu = -1;
  long done = 0, signals = 0, looks = 0, together = 0;
  uint64_t start = now_ns();
  while (done < steps) {
    if (pin && done % LOOK_EVERY == 0) {
      int there = cpu_of(pid, tid);
      looks++;
      together += there == cpu;
      if (there >= 0 && there != cpu) cpu = pin_to(there);
    }
    int status;
    int pass = one->pending;
    one->pending = 0;
    if (ptrace(PTRACE_SINGLESTEP, tid, NULL, (void*)(intptr_t)pass) != 0) die("PTRACE_SINGLESTEP");
    if (waitpid(tid, &status, __WALL) < 0) die("waitpid");
    if (!WIFSTOPPED(status)) {
      one->stopped = false;
      break;
    }
    if (WSTOPSIG(status) == SIGTRAP) {
      done++;
    } else if (status >> 16 == 0) {
      one->pending = WSTOPSIG(status);
      signals++;
    }
  }
  uint64_t took = now_ns() - start;
  if (idle) set_policy(SCHED_OTHER);
  sched_setaffinity(0, sizeof before, &before);
  detach();
  printf("{\"steps\":%ld,\"ns_per_step\":%.0f,\"steps_per_s\":%.0f,\"signals\":%ld", done,
         done ? (double)took / (double)done : 0, took ? (double)done * 1e9 / (double)took : 0,
         signals);
  if (pin) printf(",\"together\":%.3f", looks ? (double)together / (double)looks : 0);
  printf("}\n");
  return done == steps ? 0 : 1;
}

static void emulate(int mem, const unsigned char* code, struct user_regs_struct* regs) {
  regs->rip--;
  if (code[0] == 0x55) {  // push %rbp
    regs->rsp -= 8;
    if (pwrite(mem, &regs->rbp, 8, (off_t)regs->rsp) != 8) die("write of the stack");
    regs->rip += 1;
    return;
  }
  if (memcmp(code, "\x48\x89\x3d", 3) != 0) {
    fputs("floor: an instruction that this does not emulate\n", stderr);
    exit(1);
  }
  int32_t distance;
  memcpy(&distance, code + 3, sizeof distance);
  regs->rip += 7;
  if (pwrite(mem, &regs->rdi, 8, (off_t)(regs->rip + (uint64_t)(int64_t)distance)) != 8)
    die("write of the data");
}

static void step_lifted(int mem, pid_t tid, off_t address, unsigned char original,
                        struct user_regs_struct* regs) {
  const unsigned char trap = 0xcc;
  int status;
  regs->rip--;
  ptrace(PTRACE_SETREGS, tid, NULL, regs);
  if (pwrite(mem, &original, 1, address) != 1) die("write of the text");
  if (ptrace(PTRACE_SINGLESTEP, tid, NULL, NULL) != 0 || waitpid(tid, &status, __WALL) < 0)
    die("PTRACE_SINGLESTEP");
  if (pwrite(mem, &trap, 1, address) != 1) die("write of the text");
}

static int hits(pid_t pid, uint64_t address, long milliseconds, bool idle, bool two_stops) {
  enum { LOOK_EVERY = 256 };
  char path[64];
  unsigned char code[16];
  const unsigned char trap = 0xcc;
  snprintf(path, sizeof path, "/proc/%d/mem", (int)pid);
  int mem = open(path, O_RDWR | O_CLOEXEC);
  if (mem < 0 || pread(mem, code, sizeof code, (off_t)address) != sizeof code) die(path);
  list(pid);
  seize();
  interrupt();
  collect();
  if (pwrite(mem, &trap, 1, (off_t)address) != 1) die("write of the text");
  for (size_t i = 0; i < count; i++) {
    if (threads[i].stopped) ptrace(PTRACE_CONT, threads[i].tid, NULL, NULL);
  }
  cpu_set_t before;
  sched_getaffinity(0, sizeof before, &before);
  if (idle) set_policy(SCHED_IDLE);
  int cpu = -1;
  long done = 0;
  pid_t last = -1;
  uint64_t start = now_ns(), end = start + (uint64_t)milliseconds * 1000000u;
  while (now_ns() < end) {
    int status;
    struct user_regs_struct regs;
    // One hot thread is waited for by its tid; among several any is the next.
    pid_t tid = waitpid(idle && last > 0 ? last : -1, &status, __WALL);
    if (tid < 0) die("waitpid");
    if (!WIFSTOPPED(status)) break;
    ptrace(PTRACE_GETREGS, tid, NULL, &regs);
    if (WSTOPSIG(status) == SIGTRAP && status >> 16 == 0 && regs.rip == address + 1) {
      if (two_stops) {
        step_lifted(mem, tid, (off_t)address, code[0], &regs);
      } else {
        emulate(mem, code, &regs);
        ptrace(PTRACE_SETREGS, tid, NULL, &regs);
      }
      last = tid;
      if (idle && done++ % LOOK_EVERY == 0) {
        int there = cpu_of(pid, tid);
        if (there >= 0 && there != cpu) cpu = pin_to(there);
      } else if (!idle) {
        done++;
      }
    }
    ptrace(PTRACE_CONT, tid, NULL, NULL);
  }
  uint64_t took = now_ns() - start;
  if (idle) set_policy(SCHED_OTHER);
  sched_setaffinity(0, sizeof before, &before);
  printf("{\"hits\":%ld,\"hits_per_s\":%.0f}\n", done, (double)done * 1e9 / (double)took);
  fflush(stdout);
  // The target is made for this and is not used again.
  kill(pid, SIGKILL);
  return 0;
}

static bool number(const char* text, long* value) {
  char* end = NULL;
  *value = strtol(text, &end, 10);
  return end != text && *end == '\0' && *value > 0;
}

int main(int argc, char** argv) {
  long pid, tid, steps;
  if (argc >= 3 && argc <= 4 && strcmp(argv[1], "freeze") == 0 && number(argv[2], &pid) &&
      (argc == 3 || strcmp(argv[3], "--rt") == 0)) {
    return freeze((pid_t)pid, argc == 4);
  }
  if (argc >= 3 && argc <= 4 && strcmp(argv[1], "stacks") == 0 && number(argv[2], &pid) &&
      (argc == 3 || strcmp(argv[3], "--mem") == 0)) {
    return stacks((pid_t)pid, argc == 4);
  }
  long address, other, bytes = 512;
  if ((argc == 5 || argc == 6) && strcmp(argv[1], "goroutines") == 0 && number(argv[2], &pid) &&
      number(argv[3], &address) && number(argv[4], &other) &&
      (argc == 5 || number(argv[5], &bytes))) {
    return goroutines((pid_t)pid, (uint64_t)address, (uint64_t)other, (size_t)bytes);
  }
  bool pin = argc == 6 && strcmp(argv[5], "--pin") == 0;
  bool idle = argc == 6 && strcmp(argv[5], "--idle") == 0;
  if ((argc == 5 || pin || idle) && strcmp(argv[1], "step") == 0 && number(argv[2], &pid) &&
      number(argv[3], &tid) && number(argv[4], &steps)) {
    return step((pid_t)pid, (pid_t)tid, steps, pin || idle, idle);
  }
  bool hits_idle = argc == 6 && strcmp(argv[5], "--idle") == 0;
  bool two = argc >= 2 && strcmp(argv[1], "hits2") == 0;
  if ((argc == 5 || hits_idle) && (two || strcmp(argv[1], "hits") == 0) && number(argv[2], &pid) &&
      number(argv[3], &tid) && number(argv[4], &steps)) {
    return hits((pid_t)pid, (uint64_t)tid, steps, hits_idle, two);
  }
  fprintf(
      stderr,
      "usage: floor freeze PID [--rt]\n       floor stacks PID [--mem]\n       floor goroutines "
      "PID LIST COUNT [BYTES]\n       floor step PID TID COUNT [--pin|--idle]\n       floor "
      "hits|hits2 PID ADDRESS MS [--idle]\n");
  return 2;
}
