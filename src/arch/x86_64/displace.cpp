#include "arch/displace.h"

#include <fmt/format.h>
#include <sys/user.h>

#include <algorithm>
#include <initializer_list>

#include "arch/x86_64/decode.h"
#include "base/check.h"

namespace clew::arch {
namespace {

using Way = Displaced::Way;

/// The 32-bit distance from the end of an instruction to `target`, if it reaches.
std::optional<int32_t> reach(Addr end, Addr target) {
  const auto distance = static_cast<int64_t>(target - end);
  if (distance < INT32_MIN || distance > INT32_MAX) return std::nullopt;
  return static_cast<int32_t>(distance);
}

/// The code of a slot while it is written: each instruction with what a thread that stands there
/// has done of the original.
class SlotWriter {
 public:
  explicit SlotWriter(Displaced& out) : out_(out) {}

  size_t size() const { return out_.code.size(); }
  Addr end() const { return out_.slot + size(); }

  /// Says where a thread stands that has come to the instruction written next.
  void stop(Way way, Addr pc) { out_.stops.push_back({static_cast<uint8_t>(size()), way, pc}); }

  void put(std::initializer_list<uint8_t> bytes) {
    for (const uint8_t byte : bytes) out_.code.push_back(std::byte{byte});
  }
  void put(Bytes bytes) { out_.code.insert(out_.code.end(), bytes.begin(), bytes.end()); }
  template <typename T>
  void put_number(T number) {
    put(bytes_of(number));
  }
  template <typename T>
  void set_number(size_t offset, T number) {
    CLEW_CHECK(offset + sizeof number <= size());
    std::memcpy(out_.code.data() + offset, &number, sizeof number);
  }

  /// A jump that needs no register and changes no flag, to anywhere.
  void put_jump(Addr target) {
    if (const auto near = reach(end() + 5, target)) {
      put({0xE9});
      put_number(*near);
      return;
    }
    put({0xFF, 0x25, 0, 0, 0, 0});  // jmp [rip+0]
    put_number(target.value);
  }

 private:
  Displaced& out_;
};

/// Turns one decoded instruction into its slot.
class Displacer {
 public:
  Displacer(const Decoded& decoded, Bytes original, Displaced& out)
      : decoded_(decoded), original_(original), out_(out), writer_(out) {}

  Status run() {
    if (auto status = check_movable(); !status) return status;
    if (out_.info.is_call) return out_.info.is_indirect ? indirect_call() : direct_call();
    if (out_.info.is_return) return copy_only();
    if (out_.info.is_conditional) return conditional_jump();
    if (out_.info.is_jump) return out_.info.is_indirect ? copy_only() : direct_jump();
    if (out_.info.is_syscall) return system_call();
    return plain();
  }

 private:
  tl::unexpected<Error> refuse(std::string_view why) const {
    const char* name = ZydisMnemonicGetString(decoded_.instruction.mnemonic);
    return fail(ErrorCode::unsupported,
                fmt::format("the instruction at {:#x} ({}) cannot run in another place: {}",
                            out_.address.value, name == nullptr ? "?" : name, why));
  }

  Addr next() const { return out_.address + original_.size(); }

  Status check_movable() const {
    const auto& info = out_.info;
    if (info.is_int3) return refuse("it is a trap of the program's own");
    if (info.is_far) return refuse("it leaves the program's code segment");
    if (decoded_.has(ZYDIS_ATTRIB_IS_PRIVILEGED)) return refuse("only the kernel may run it");
    if (decoded_.instruction.mnemonic == ZYDIS_MNEMONIC_XBEGIN) {
      return refuse("a transaction that fails goes back to it");
    }
    const bool is_branch = info.is_call || info.is_return || info.is_jump;
    if (is_branch) {
      if (decoded_.is_narrow_branch()) return refuse("it is a 16-bit branch");
      return {};
    }
    if (!info.is_syscall && writes_pc()) return refuse("it changes the pc in a way of its own");
    return {};
  }

  bool writes_pc() const {
    if (decoded_.branch_target(out_.address)) return true;
    const auto operands = decoded_.operands();
    return std::any_of(operands.begin(), operands.end(), [](const auto& operand) {
      return operand.type == ZYDIS_OPERAND_TYPE_REGISTER &&
             (operand.actions & ZYDIS_OPERAND_ACTION_MASK_WRITE) != 0 &&
             (operand.reg.value == ZYDIS_REGISTER_RIP || operand.reg.value == ZYDIS_REGISTER_EIP);
    });
  }

  /// The instruction as it is, but for an operand relative to the pc: that is given the distance
  /// from the copy to the same address.
  Status put_copy() {
    const size_t start = writer_.size();
    writer_.put(original_);
    return fix_pc_relative(start);
  }

  Status fix_pc_relative(size_t start) {
    if (!decoded_.is_pc_relative()) return {};
    const auto& raw = decoded_.instruction.raw;
    CLEW_CHECK(raw.disp.size == 32);
    const Addr operand = next() + static_cast<uint64_t>(raw.disp.value);
    const size_t where = start + raw.disp.offset;
    if (decoded_.memory_operand()->mem.base == ZYDIS_REGISTER_EIP) {
      // The address wraps at 4 GiB: everything is in reach.
      writer_.set_number(where, static_cast<uint32_t>(operand - writer_.end()));
      return {};
    }
    const auto distance = reach(writer_.end(), operand);
    if (!distance) {
      return refuse(fmt::format("its operand at {:#x} is more than 2 GiB from {:#x}", operand.value,
                                out_.slot.value));
    }
    writer_.set_number(where, *distance);
    return {};
  }

  Status copy_only() {
    writer_.stop(Way::not_yet, out_.address);
    return put_copy();
  }

  Status plain() {
    writer_.stop(Way::not_yet, out_.address);
    if (auto status = put_copy(); !status) return status;
    leave(next());
    return {};
  }

  void leave(Addr target) {
    writer_.stop(Way::done, target);
    writer_.put_jump(target);
  }

  Status direct_jump() {
    writer_.stop(Way::not_yet, out_.address);
    writer_.put_jump(*out_.info.target);
    return {};
  }

  /// Both ways leave by a jump of their own:
  ///       jcc taken; jmp next; taken: jmp target
  /// loop and jrcxz have only a short form; they are copied but for their last byte, which is the
  /// distance.
  Status conditional_jump() {
    writer_.stop(Way::not_yet, out_.address);
    const auto& raw = decoded_.instruction.raw;
    const auto mnemonic = decoded_.instruction.mnemonic;
    const bool is_short_only =
        mnemonic == ZYDIS_MNEMONIC_JRCXZ || mnemonic == ZYDIS_MNEMONIC_JECXZ ||
        mnemonic == ZYDIS_MNEMONIC_LOOP || mnemonic == ZYDIS_MNEMONIC_LOOPE ||
        mnemonic == ZYDIS_MNEMONIC_LOOPNE;
    if (is_short_only) {
      CLEW_CHECK(raw.imm[0].size == 8 && raw.imm[0].offset + 1U == original_.size());
      writer_.put(original_.first(original_.size() - 1));
    } else {
      // The low four bits of either form's opcode are the condition.
      writer_.put({static_cast<uint8_t>(0x70 | (decoded_.instruction.opcode & 0xF))});
    }
    const size_t distance_at = writer_.size();
    writer_.put({0});
    const size_t from = writer_.size();
    leave(next());
    writer_.set_number(distance_at, static_cast<uint8_t>(writer_.size() - from));
    leave(*out_.info.target);
    return {};
  }

  /// Pushes the return address, which lies behind the code, at an offset that finish_push fills in:
  /// one instruction, so that nobody sees half of it.
  void begin_push() {
    writer_.stop(Way::not_yet, out_.address);
    writer_.put({0xFF, 0x35, 0, 0, 0, 0});  // push [rip+...]
  }

  void finish_push() {
    constexpr size_t push_length = 6;
    writer_.set_number(2, static_cast<uint32_t>(writer_.size() - push_length));
    writer_.put_number(next().value);
  }

  Status direct_call() {
    begin_push();
    leave(*out_.info.target);
    finish_push();
    return {};
  }

  /// push return address; jmp with the call's operand. The two differ in the reg field of ModRM
  /// only: /2 and /4 of opcode FF.
  Status indirect_call() {
    const auto& raw = decoded_.instruction.raw;
    const auto& operand = decoded_.operands().front();
    const bool in_register = operand.type == ZYDIS_OPERAND_TYPE_REGISTER;
    if (in_register && operand.reg.value == ZYDIS_REGISTER_RSP) {
      return refuse("it calls the stack");
    }
    begin_push();
    // Back again if the jump faults: the call would have faulted before its push.
    writer_.stop(Way::take_back_push, out_.address);
    const size_t start = writer_.size();
    const auto modrm = static_cast<uint8_t>(original_[raw.modrm.offset]);
    const auto jump_modrm = static_cast<uint8_t>((modrm & ~0x38) | (4 << 3));
    const bool from_stack = !in_register && (operand.mem.base == ZYDIS_REGISTER_RSP ||
                                             operand.mem.base == ZYDIS_REGISTER_ESP);
    if (from_stack) {
      if (auto status = put_stack_jump(operand.mem, jump_modrm); !status) return status;
    } else {
      writer_.put(original_);
      writer_.set_number(start + raw.modrm.offset, jump_modrm);
      if (auto status = fix_pc_relative(start); !status) return status;
    }
    finish_push();
    return {};
  }

  /// The jump through an operand that is relative to rsp, which the push has moved by 8.
  Status put_stack_jump(const ZydisDecodedOperandMem& operand, uint8_t jump_modrm) {
    const auto& raw = decoded_.instruction.raw;
    constexpr int64_t word = 8;
    const int64_t displacement = raw.disp.value;
    if (operand.index == ZYDIS_REGISTER_NONE && displacement < 0 && displacement > -2 * word) {
      return refuse("it reads its target from where it writes its return address");
    }
    if (displacement > INT32_MAX - word) return refuse("its operand is too far from rsp");
    constexpr uint8_t wide_displacement = 2 << 6;
    writer_.put(original_.first(raw.modrm.offset));
    writer_.put({static_cast<uint8_t>((jump_modrm & 0x3F) | wide_displacement),
                 static_cast<uint8_t>(original_[raw.sib.offset])});
    writer_.put_number(static_cast<int32_t>(displacement + word));
    return {};
  }

  /// syscall leaves the address behind it in rcx (Intel SDM volume 2, SYSCALL): it is given the
  /// original's.
  Status system_call() {
    writer_.stop(Way::not_yet, out_.address);
    writer_.put(original_);
    writer_.stop(Way::done_syscall, next());
    writer_.put({0x48, 0xB9});  // mov rcx, imm64
    writer_.put_number(next().value);
    leave(next());
    return {};
  }

  const Decoded& decoded_;
  Bytes original_;
  Displaced& out_;
  SlotWriter writer_;
};

}  // namespace

std::optional<Displaced::Place> Displaced::place_of(uint64_t offset,
                                                    const GeneralRegisters& registers) const {
  const auto found = std::find_if(stops.begin(), stops.end(),
                                  [&](const Stop& stop) { return stop.offset == offset; });
  if (found == stops.end()) return std::nullopt;
  const bool executed = found->way == Way::done || found->way == Way::done_syscall;
  Place place{executed, found->pc, registers};
  place.registers.set_word(offsetof(user_regs_struct, rip), found->pc.value);
  if (found->way == Way::take_back_push) {
    constexpr size_t sp = offsetof(user_regs_struct, rsp);
    place.registers.set_word(sp, registers.word(sp) + 8);
  }
  if (found->way == Way::done_syscall) {
    place.registers.set_word(offsetof(user_regs_struct, rcx), found->pc.value);
  }
  return place;
}

Result<GeneralRegisters> Displaced::settle(const GeneralRegisters& registers) const {
  const Addr pc{registers.word(offsetof(user_regs_struct, rip))};
  const auto place = place_of(pc - slot, registers);
  if (!place) {
    return fail(
        ErrorCode::bad_request,
        fmt::format("{:#x} is not at an instruction of the slot at {:#x}", pc.value, slot.value));
  }
  return place->registers;
}

Result<Displaced> displace(Bytes instruction, Addr address, Addr slot) {
  const auto decoded = decode(instruction, address);
  if (!decoded) return tl::unexpected(decoded.error());
  const auto info = inspect(instruction, address);
  if (!info) return tl::unexpected(info.error());
  Displaced out;
  out.address = address;
  out.slot = slot;
  out.info = *info;
  if (auto status = Displacer(*decoded, instruction.first(info->length), out).run(); !status) {
    return tl::unexpected(status.error());
  }
  CLEW_CHECK(out.code.size() <= Displaced::max_size);
  return out;
}

}  // namespace clew::arch
