#include "session/signal_info.h"

#include "value/made_types.h"

namespace clew {

const value::Type* signal_info_type(value::Types& types) {
  using value::MadeMember;
  using value::Type;
  using value::TypeKind;
  const Type* const number = types.base("int", TypeKind::integer, 4, true);
  const Type* const natural = types.base("unsigned int", TypeKind::integer, 4, false);
  const Type* const small = types.base("short", TypeKind::integer, 2, true);
  const Type* const large = types.base("long", TypeKind::integer, 8, true);
  const Type* const pointer = types.pointer_to(types.nothing());
  const auto make = [&](TypeKind kind, std::string_view name, std::vector<MadeMember> members) {
    const std::string key = "siginfo." + std::string(name);
    return value::made_type(types, kind, key, name == "siginfo" ? name : "", members);
  };
  const auto structure = [&](std::string_view name, std::vector<MadeMember> members) {
    return make(TypeKind::structure, name, std::move(members));
  };
  const Type* const value = make(TypeKind::union_type, "si_sigval",
                                 {{"sival_int", number, 0}, {"sival_ptr", pointer, 0}});
  const Type* const bounds =
      structure("_addr_bnd", {{"_lower", pointer, 0}, {"_upper", pointer, 8}});
  // include/uapi/asm-generic/siginfo.h
  constexpr uint64_t pad = 28;
  const std::vector<MadeMember> fields = {
      {"_pad", types.array_of(number, pad), 0},
      {"_kill", structure("_kill", {{"si_pid", number, 0}, {"si_uid", natural, 4}}), 0},
      {"_timer",
       structure("_timer",
                 {{"si_tid", number, 0}, {"si_overrun", number, 4}, {"si_sigval", value, 8}}),
       0},
      {"_rt",
       structure("_rt", {{"si_pid", number, 0}, {"si_uid", natural, 4}, {"si_sigval", value, 8}}),
       0},
      {"_sigchld",
       structure("_sigchld", {{"si_pid", number, 0},
                              {"si_uid", natural, 4},
                              {"si_status", number, 8},
                              {"si_utime", large, 16},
                              {"si_stime", large, 24}}),
       0},
      {"_sigfault",
       structure("_sigfault",
                 {{"si_addr", pointer, 0}, {"_addr_lsb", small, 8}, {"_addr_bnd", bounds, 16}}),
       0},
      {"_sigpoll", structure("_sigpoll", {{"si_band", large, 0}, {"si_fd", number, 8}}), 0},
      {"_sigsys",
       structure("_sigsys",
                 {{"_call_addr", pointer, 0}, {"_syscall", number, 8}, {"_arch", natural, 12}}),
       0},
  };
  return structure("siginfo", {{"si_signo", number, 0},
                               {"si_errno", number, 4},
                               {"si_code", number, 8},
                               {"_sifields", make(TypeKind::union_type, "_sifields", fields), 16}});
}

}  // namespace clew
