#include "os/attach_diagnosis.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>
#include <string>
#include <string_view>
#include <vector>

namespace clew::os {
namespace {

constexpr uint64_t net_raw = uint64_t{1} << 13;
constexpr uint64_t sys_admin = uint64_t{1} << 21;

/// A process of our own user that nothing speaks against.
AttachFacts friendly() {
  AttachFacts facts;
  facts.requested = 4300;
  facts.pid = 4300;
  facts.exists = true;
  facts.name = "server";
  facts.leader_state = 'S';
  facts.live_threads = 3;
  facts.uids = {1000, 1000, 1000};
  facts.gids = {1000, 1000, 1000};
  facts.user_namespace = UserNamespace::same;
  facts.namespace_pids = {4300};
  facts.own_uid = 1000;
  facts.own_gid = 1000;
  facts.own_effective_uid = 1000;
  return facts;
}

AttachFacts of_other_user() {
  AttachFacts facts = friendly();
  facts.uids = {33, 33, 33};
  return facts;
}

AttachFacts as_root(AttachFacts facts) {
  facts.own_uid = facts.own_gid = facts.own_effective_uid = 0;
  facts.own_effective_capabilities = facts.own_permitted_capabilities = ~uint64_t{0};
  return facts;
}

AttachFacts as_powerless_root(AttachFacts facts) {
  facts = as_root(facts);
  facts.own_effective_capabilities = facts.own_permitted_capabilities = ~cap_sys_ptrace;
  return facts;
}

AttachFacts traced_by_gdb(AttachFacts facts) {
  facts.is_traced = true;
  facts.traced_tid = facts.pid;
  facts.tracer_pid = 123;
  facts.tracer_name = "gdb";
  return facts;
}

bool contains(std::string_view text, std::string_view part) { return text.find(part) != text.npos; }

bool has_note(const Diagnosis& diagnosis, std::string_view part) {
  return std::any_of(diagnosis.notes.begin(), diagnosis.notes.end(),
                     [&](const std::string& note) { return contains(note, part); });
}

void expect_possible(const AttachFacts& facts) {
  const Diagnosis diagnosis = diagnose_attach(facts);
  EXPECT_TRUE(diagnosis.possible) << diagnosis.reason;
  EXPECT_EQ(diagnosis.reason_code, "ok");
  EXPECT_EQ(diagnosis.remedy, "");
}

/// Refused, by this reason, with one line of each text; the same if the kernel has said so already.
Diagnosis expect_refused(const AttachFacts& facts, std::string_view code) {
  Diagnosis diagnosis = diagnose_attach(facts);
  EXPECT_FALSE(diagnosis.possible);
  EXPECT_EQ(diagnosis.reason_code, code);
  for (const std::string& text : {diagnosis.reason, diagnosis.remedy}) {
    EXPECT_FALSE(text.empty());
    EXPECT_FALSE(contains(text, "\n"));
  }
  EXPECT_EQ(diagnose_denial(facts).reason, diagnosis.reason);
  return diagnosis;
}

TEST(AttachDiagnosis, OwnProcessIsPossible) {
  expect_possible(friendly());
  EXPECT_TRUE(diagnose_attach(friendly()).notes.empty());
}

TEST(AttachDiagnosis, RootMayAttachToAnything) {
  AttachFacts facts = as_root(of_other_user());
  facts.is_dumpable = false;
  facts.permitted_capabilities = sys_admin;
  facts.yama_scope = 2;
  expect_possible(facts);
  facts.user_namespace = UserNamespace::descendant;
  expect_possible(facts);
}

TEST(AttachDiagnosis, NoSuchProcess) {
  AttachFacts facts;
  facts.requested = 77;
  const Diagnosis diagnosis = expect_refused(facts, "no_such_process");
  EXPECT_EQ(diagnosis.reason, "there is no process 77");
  EXPECT_TRUE(diagnosis.notes.empty());
}

TEST(AttachDiagnosis, Hidden) {
  AttachFacts facts = friendly();
  facts.pid = 0;
  facts.is_visible = false;
  const Diagnosis diagnosis = expect_refused(facts, "hidden");
  EXPECT_TRUE(contains(diagnosis.reason, "4300"));
  EXPECT_TRUE(contains(diagnosis.reason, "hidepid"));
  EXPECT_TRUE(contains(diagnosis.remedy, "sudo clew"));
}

TEST(AttachDiagnosis, ForeignProc) {
  AttachFacts facts = friendly();
  facts.is_proc_ours = false;
  EXPECT_TRUE(contains(expect_refused(facts, "proc_unusable").remedy, "mount -t proc"));
}

TEST(AttachDiagnosis, Self) {
  AttachFacts facts = friendly();
  facts.is_self = true;
  EXPECT_EQ(expect_refused(facts, "self").reason, "process 4300 is clew itself");
  facts.requested = 4305;
  EXPECT_EQ(expect_refused(facts, "self").reason, "4305 is a thread of clew itself");
}

TEST(AttachDiagnosis, KernelThreadEvenForRoot) {
  AttachFacts facts = as_root(friendly());
  facts.is_kernel_thread = true;
  facts.leader_state = 'I';
  expect_refused(facts, "kernel_thread");
}

TEST(AttachDiagnosis, Zombie) {
  AttachFacts facts = as_root(friendly());
  facts.leader_state = 'Z';
  facts.live_threads = 0;
  EXPECT_TRUE(contains(expect_refused(facts, "zombie").reason, "process 4300 (server)"));
}

TEST(AttachDiagnosis, ZombieLeaderWithLiveThreadsIsPossible) {
  AttachFacts facts = friendly();
  facts.leader_state = 'Z';
  facts.live_threads = 2;
  expect_possible(facts);
  EXPECT_TRUE(has_note(diagnose_attach(facts), "2 others live on"));
}

TEST(AttachDiagnosis, AlreadyTracedNamesTheTracer) {
  const Diagnosis diagnosis = expect_refused(traced_by_gdb(friendly()), "already_traced");
  EXPECT_EQ(diagnosis.reason, "process 4300 (server) is already traced by gdb (pid 123)");
  EXPECT_EQ(diagnosis.remedy, "detach gdb (pid 123) first");
}

TEST(AttachDiagnosis, OneTracedThreadIsNamed) {
  AttachFacts facts = traced_by_gdb(friendly());
  facts.traced_tid = 4302;
  EXPECT_TRUE(contains(expect_refused(facts, "already_traced").reason, "thread 4302 of process"));
}

TEST(AttachDiagnosis, TracerOutsideThePidNamespace) {
  AttachFacts facts = traced_by_gdb(friendly());
  facts.tracer_pid = 0;
  facts.tracer_name.clear();
  EXPECT_TRUE(contains(expect_refused(facts, "already_traced").reason, "outside this PID"));
}

TEST(AttachDiagnosis, OtherUser) {
  const Diagnosis diagnosis = expect_refused(of_other_user(), "uid");
  EXPECT_TRUE(contains(diagnosis.reason, "user id 33"));
  EXPECT_TRUE(contains(diagnosis.reason, "clew has 1000"));
  EXPECT_TRUE(contains(diagnosis.remedy, "sudo clew"));
  EXPECT_TRUE(diagnosis.notes.empty());
}

TEST(AttachDiagnosis, EachOfTheThreeIdsCounts) {
  for (size_t i = 0; i < 3; ++i) {
    AttachFacts facts = friendly();
    facts.uids[i] = 0;
    EXPECT_TRUE(contains(expect_refused(facts, "uid").reason, "(saved)"));
    facts = friendly();
    facts.gids[i] = 0;
    EXPECT_TRUE(contains(expect_refused(facts, "gid").reason, "group id"));
  }
}

TEST(AttachDiagnosis, TheRealUserIdCountsNotTheEffectiveOne) {
  AttachFacts facts = of_other_user();
  facts.own_effective_uid = 33;
  expect_refused(facts, "uid");
}

TEST(AttachDiagnosis, RootWithoutTheCapability) {
  const Diagnosis diagnosis = expect_refused(as_powerless_root(of_other_user()), "capability");
  EXPECT_TRUE(contains(diagnosis.reason, "lacks CAP_SYS_PTRACE"));
  EXPECT_TRUE(contains(diagnosis.remedy, "--cap-add=SYS_PTRACE"));
}

TEST(AttachDiagnosis, MoreCapabilitiesThanOurs) {
  AttachFacts facts = friendly();
  facts.permitted_capabilities = net_raw;
  EXPECT_TRUE(contains(expect_refused(facts, "capability").reason, "(CAP_NET_RAW)"));
  facts.permitted_capabilities = net_raw | sys_admin;
  EXPECT_TRUE(contains(diagnose_attach(facts).reason, "CAP_NET_RAW and CAP_SYS_ADMIN"));
  // Our permitted ones are compared, not our effective ones (PTRACE_MODE_REALCREDS).
  facts.own_permitted_capabilities = net_raw | sys_admin;
  expect_possible(facts);
}

TEST(AttachDiagnosis, NotDumpable) {
  AttachFacts facts = friendly();
  facts.is_dumpable = false;
  EXPECT_TRUE(contains(expect_refused(facts, "not_dumpable").reason, "PR_SET_DUMPABLE"));
}

TEST(AttachDiagnosis, UserNamespaceOutsideOurs) {
  AttachFacts facts = as_root(of_other_user());
  facts.user_namespace = UserNamespace::outside;
  EXPECT_TRUE(contains(expect_refused(facts, "namespace").remedy, "on the host"));
  facts.uids = facts.gids = {0, 0, 0};
  expect_refused(facts, "namespace");
}

TEST(AttachDiagnosis, UserNamespaceBelowOurs) {
  AttachFacts facts = friendly();
  facts.user_namespace = UserNamespace::descendant;
  EXPECT_TRUE(contains(expect_refused(facts, "namespace").remedy, "sudo clew"));
}

TEST(AttachDiagnosis, UserNamespaceThatWeMadeGivesAllCapabilities) {
  AttachFacts facts = of_other_user();
  facts.user_namespace = UserNamespace::owned;
  facts.is_dumpable = false;
  facts.permitted_capabilities = sys_admin;
  facts.yama_scope = 2;
  expect_possible(facts);
}

TEST(AttachDiagnosis, YamaScopeOneAllowsDescendantsOnly) {
  AttachFacts facts = friendly();
  facts.yama_scope = 1;
  const Diagnosis diagnosis = expect_refused(facts, "yama");
  EXPECT_TRUE(contains(diagnosis.reason, "ptrace_scope is 1"));
  EXPECT_TRUE(contains(diagnosis.remedy, "sudo clew"));
  facts.is_descendant = true;
  expect_possible(facts);
}

TEST(AttachDiagnosis, YamaScopeZeroAllowsAll) {
  AttachFacts facts = friendly();
  facts.yama_scope = 0;
  expect_possible(facts);
}

TEST(AttachDiagnosis, YamaScopeTwoNeedsTheCapability) {
  AttachFacts facts = friendly();
  facts.yama_scope = 2;
  facts.is_descendant = true;
  EXPECT_TRUE(contains(expect_refused(facts, "yama").reason, "ptrace_scope is 2"));
  facts.own_effective_capabilities = cap_sys_ptrace;
  expect_possible(facts);
}

TEST(AttachDiagnosis, YamaScopeThreeStopsRootToo) {
  AttachFacts facts = as_root(friendly());
  facts.yama_scope = 3;
  EXPECT_TRUE(contains(expect_refused(facts, "yama").remedy, "reboot"));
}

TEST(AttachDiagnosis, PtraceRefusedBySeccomp) {
  AttachFacts facts = as_root(friendly());
  facts.own_seccomp = 2;
  expect_possible(facts);  // a filter that lets ptrace pass
  facts.refused_ptrace_errno = EPERM;
  const Diagnosis diagnosis = expect_refused(facts, "seccomp");
  EXPECT_TRUE(contains(diagnosis.reason, "Operation not permitted"));
  EXPECT_TRUE(contains(diagnosis.remedy, "--cap-add=SYS_PTRACE"));
}

TEST(AttachDiagnosis, PtraceRefusedWithoutAFilter) {
  AttachFacts facts = friendly();
  facts.refused_ptrace_errno = ENOSYS;
  EXPECT_FALSE(contains(expect_refused(facts, "seccomp").reason, "filter"));
}

TEST(AttachDiagnosis, RefusedReadingForetellsASecurityModule) {
  AttachFacts facts = as_root(friendly());
  facts.is_reading_refused = true;
  expect_refused(facts, "lsm");
  // But every other reason is the better one.
  facts = friendly();
  facts.is_reading_refused = true;
  facts.is_dumpable = false;
  expect_refused(facts, "not_dumpable");
}

TEST(AttachDiagnosis, UnexplainedDenialIsASecurityModule) {
  AttachFacts facts = as_root(friendly());
  facts.security_modules = {"lockdown", "capability", "yama", "apparmor"};
  facts.own_security_label = "docker-default (enforce)";
  const Diagnosis diagnosis = diagnose_denial(facts);
  EXPECT_FALSE(diagnosis.possible);
  EXPECT_EQ(diagnosis.reason_code, "lsm");
  EXPECT_TRUE(contains(diagnosis.reason, "EPERM"));
  EXPECT_TRUE(contains(diagnosis.reason, "(apparmor)"));
  EXPECT_TRUE(contains(diagnosis.remedy, "apparmor=unconfined"));
  EXPECT_TRUE(has_note(diagnosis, "docker-default"));
  EXPECT_TRUE(diagnose_attach(facts).possible);
}

TEST(AttachDiagnosis, RemedyFitsTheSecurityModule) {
  AttachFacts facts = as_root(friendly());
  facts.security_modules = {"capability", "selinux"};
  EXPECT_TRUE(contains(diagnose_denial(facts).remedy, "deny_ptrace"));
  facts.security_modules = {"capability", "apparmor"};
  facts.own_security_label = "unconfined";
  EXPECT_TRUE(contains(diagnose_denial(facts).remedy, "dmesg"));
  facts.security_modules.clear();
  EXPECT_TRUE(contains(diagnose_denial(facts).reason, "probably a security module"));
}

// ---- which of several reasons is named ----

TEST(AttachDiagnosisOrder, FinalReasonsComeBeforeAll) {
  AttachFacts facts = traced_by_gdb(of_other_user());
  facts.refused_ptrace_errno = EPERM;
  facts.yama_scope = 3;
  facts.is_kernel_thread = true;
  EXPECT_TRUE(expect_refused(facts, "kernel_thread").notes.empty());
  facts.is_kernel_thread = false;
  facts.leader_state = 'Z';
  facts.live_threads = 0;
  expect_refused(facts, "zombie");
  facts.is_self = true;
  expect_refused(facts, "self");
}

TEST(AttachDiagnosisOrder, TracerBeforeUserWhichIsNoted) {
  const Diagnosis diagnosis = expect_refused(traced_by_gdb(of_other_user()), "already_traced");
  EXPECT_TRUE(has_note(diagnosis, "after that: process 4300 (server) has user id 33"));
  EXPECT_TRUE(has_note(diagnosis, "sudo clew"));
}

TEST(AttachDiagnosisOrder, TheKernelsOrder) {
  AttachFacts facts = of_other_user();
  facts.is_dumpable = false;
  facts.permitted_capabilities = net_raw;
  facts.yama_scope = 1;
  // One remedy for all of them, so nothing else is noted.
  EXPECT_TRUE(expect_refused(facts, "uid").notes.empty());
  facts.uids = friendly().uids;
  expect_refused(facts, "not_dumpable");
  facts.is_dumpable = true;
  expect_refused(facts, "capability");
  facts.permitted_capabilities = 0;
  expect_refused(facts, "yama");
}

TEST(AttachDiagnosisOrder, SeccompThenYamaThreeThenTracer) {
  AttachFacts facts = traced_by_gdb(as_root(friendly()));
  facts.yama_scope = 3;
  facts.own_seccomp = 2;
  facts.refused_ptrace_errno = EPERM;
  const Diagnosis diagnosis = expect_refused(facts, "seccomp");
  EXPECT_TRUE(has_note(diagnosis, "ptrace_scope is 3"));
  EXPECT_TRUE(has_note(diagnosis, "gdb (pid 123)"));
  facts.refused_ptrace_errno = 0;
  expect_refused(facts, "yama");
  facts.yama_scope = 0;
  expect_refused(facts, "already_traced");
}

// ---- notes ----

TEST(AttachDiagnosisNotes, TidOfAThread) {
  AttachFacts facts = friendly();
  facts.requested = 4302;
  expect_possible(facts);
  EXPECT_TRUE(has_note(diagnose_attach(facts), "4302 is a thread of process 4300 (server)"));
}

TEST(AttachDiagnosisNotes, StoppedTarget) {
  AttachFacts facts = friendly();
  facts.leader_state = 'T';
  expect_possible(facts);
  EXPECT_TRUE(has_note(diagnose_attach(facts), "(T)"));
}

TEST(AttachDiagnosisNotes, UninterruptibleTarget) {
  AttachFacts facts = friendly();
  facts.leader_state = 'D';
  expect_possible(facts);
  EXPECT_TRUE(has_note(diagnose_attach(facts), "(D)"));
}

TEST(AttachDiagnosisNotes, OtherPidNamespace) {
  AttachFacts facts = friendly();
  facts.namespace_pids = {4300, 7};
  expect_possible(facts);
  EXPECT_TRUE(has_note(diagnose_attach(facts), "its pid is 7"));
}

TEST(AttachDiagnosisNotes, HostileNamesDoNotReachTheTerminal) {
  AttachFacts facts = traced_by_gdb(friendly());
  facts.name = "\x1b[2Jevil\n";
  facts.tracer_name =
      "\x9b"
      "31m";
  facts.requested = 4302;
  facts.own_security_label = facts.security_label = "\x1b[0m";
  for (const Diagnosis& diagnosis : {diagnose_attach(facts), diagnose_denial(as_root(facts))}) {
    std::string all = diagnosis.reason + diagnosis.remedy;
    for (const std::string& note : diagnosis.notes) all += note;
    EXPECT_TRUE(contains(all, "\\x1b[2Jevil\\n"));
    for (const char c : all) EXPECT_TRUE(c >= ' ' && c < 0x7f) << all;
  }
}

}  // namespace
}  // namespace clew::os
