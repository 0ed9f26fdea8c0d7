#include "live/x86_64/net.h"

#include <csignal>

// The section that net_code.cpp is in; the linker gives its bounds these names.
extern "C" const std::byte clew_net_begin[] asm("__start_clew_net");
extern "C" const std::byte clew_net_end[] asm("__stop_clew_net");
extern "C" const std::byte clew_net_handler[];
extern "C" const std::byte clew_net_restorer[];

namespace clew::live::net {
namespace {

constexpr uint64_t default_action = 0;
constexpr uint64_t ignore_action = 1;
constexpr uint64_t trap_bit = 1ULL << (SIGTRAP - 1);
constexpr uint64_t sa_restorer = 0x04000000;  // the kernel's SA_RESTORER

uint64_t offset_of(const std::byte* part) { return static_cast<uint64_t>(part - clew_net_begin); }

}  // namespace

Bytes code() { return {clew_net_begin, clew_net_end}; }

SignalAction action_over(const SignalAction& former, Addr base) {
  const bool has_handler = former.handler != default_action && former.handler != ignore_action;
  SignalAction action{};
  action.handler = base.value + offset_of(clew_net_handler);
  action.flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER | sa_restorer;
  if (has_handler) {
    action.flags |= former.flags & ~static_cast<uint64_t>(SA_RESETHAND);
    action.mask = former.mask & ~trap_bit;
  } else {
    action.flags |= SA_RESTART;
  }
  const bool has_restorer = has_handler && (former.flags & sa_restorer) != 0;
  action.restorer = has_restorer ? former.restorer : base.value + offset_of(clew_net_restorer);
  return action;
}

bool is_action_of_net(const SignalAction& action, Addr base) {
  return action.handler == base.value + offset_of(clew_net_handler);
}

}  // namespace clew::live::net
