// The instructions that unwind tables are written in (DWARF 5, 6.4.2).

#include <dwarf.h>

#include <algorithm>
#include <array>

#include "sym/unwind_entry.h"

namespace clew::sym {
namespace {

using Kind = RegisterRule::Kind;

/// Registers above are left out: vector registers, which no ABI that clew knows asks to save.
constexpr uint64_t register_count = 33;
/// Compilers nest one deep.
constexpr size_t most_remembered = 64;

struct Slot {
  bool has_rule = false;
  RegisterRule rule;
};

struct State {
  RegisterRule cfa;
  std::array<Slot, register_count> slots;
};

class Program {
 public:
  Program(const UnwindSection& section, const UnwindFunction& function, uint64_t address)
      : section_(section), common_(function.common), address_(address) {
    row_.start = function.start;
    row_.end = function.end;
  }

  bool run_common() {
    if (!run(common_.instructions)) return false;
    initial_ = state_;
    return true;
  }
  /// Up to the row that covers the address.
  bool run(Bytes instructions);
  Result<UnwindRow> finish();

 private:
  bool step(uint8_t opcode);
  bool step_extended(uint8_t opcode);
  bool define_cfa(uint8_t opcode);
  bool set_offset(uint8_t opcode);
  /// To the next row. Where that begins behind the address, the work is done.
  bool advance_to(uint64_t location);
  bool advance(uint64_t delta) { return advance_to(row_.start + delta * common_.code_alignment); }
  void set(uint64_t reg, RegisterRule rule) {
    if (reg < register_count) state_.slots[reg] = {true, rule};
  }
  void restore(uint64_t reg) {
    if (reg < register_count) state_.slots[reg] = initial_.slots[reg];
  }
  int64_t factored(uint64_t offset) const {
    return static_cast<int64_t>(offset * static_cast<uint64_t>(common_.data_alignment));
  }
  Bytes block() { return reader_.bytes(reader_.uleb()); }

  const UnwindSection& section_;
  const UnwindCommon& common_;
  uint64_t address_;
  UnwindRow row_;
  State state_, initial_;
  std::vector<State> remembered_;
  Bytes instructions_;
  ByteReader reader_;
  bool done_ = false;
};

bool Program::run(Bytes instructions) {
  instructions_ = instructions;
  reader_ = ByteReader(instructions);
  while (!done_ && !reader_.at_end()) {
    if (!step(reader_.u8())) return false;
  }
  return !reader_.failed();
}

bool Program::advance_to(uint64_t location) {
  if (location < row_.start) return false;
  if (location > address_) {
    row_.end = std::min(row_.end, location);
    done_ = true;
  } else {
    row_.start = location;
  }
  return true;
}

bool Program::step(uint8_t opcode) {
  const uint64_t low = opcode & 0x3f;
  switch (opcode & 0xc0) {
    case DW_CFA_advance_loc:
      return advance(low);
    case DW_CFA_offset:
      set(low, {Kind::at_offset, 0, factored(reader_.uleb()), {}});
      return true;
    case DW_CFA_restore:
      restore(low);
      return true;
    default:
      return step_extended(opcode);
  }
}

bool Program::step_extended(uint8_t opcode) {
  switch (opcode) {
    case DW_CFA_nop:
      return true;
    case DW_CFA_set_loc: {
      const uint64_t place =
          section_.address + static_cast<uint64_t>(reader_.position() - section_.bytes.data());
      const auto location = read_encoded(reader_, common_.pointer_encoding, place, 0);
      return location && advance_to(*location);
    }
    case DW_CFA_advance_loc1:
      return advance(reader_.u8());
    case DW_CFA_advance_loc2:
      return advance(reader_.u16());
    case DW_CFA_advance_loc4:
      return advance(reader_.u32());
    case DW_CFA_MIPS_advance_loc8:
      return advance(reader_.u64());
    case DW_CFA_restore_extended:
      restore(reader_.uleb());
      return true;
    case DW_CFA_undefined:
      set(reader_.uleb(), {Kind::undefined, 0, 0, {}});
      return true;
    case DW_CFA_same_value:
      set(reader_.uleb(), {Kind::same_value, 0, 0, {}});
      return true;
    case DW_CFA_register: {
      const uint64_t reg = reader_.uleb();
      const uint64_t other = reader_.uleb();
      if (other > UINT16_MAX) return false;
      set(reg, {Kind::in_register, static_cast<uint16_t>(other), 0, {}});
      return true;
    }
    case DW_CFA_remember_state:
      if (remembered_.size() == most_remembered) return false;
      remembered_.push_back(state_);
      return true;
    case DW_CFA_restore_state:
      if (remembered_.empty()) return false;
      state_ = remembered_.back();
      remembered_.pop_back();
      return true;
    case DW_CFA_expression:
    case DW_CFA_val_expression: {
      const uint64_t reg = reader_.uleb();
      set(reg,
          {opcode == DW_CFA_expression ? Kind::at_expression : Kind::is_expression, 0, 0, block()});
      return true;
    }
    case DW_CFA_GNU_args_size:
      (void)reader_.uleb();
      return true;
    case DW_CFA_def_cfa:
    case DW_CFA_def_cfa_sf:
    case DW_CFA_def_cfa_register:
    case DW_CFA_def_cfa_offset:
    case DW_CFA_def_cfa_offset_sf:
    case DW_CFA_def_cfa_expression:
      return define_cfa(opcode);
    default:
      return set_offset(opcode);
  }
}

bool Program::define_cfa(uint8_t opcode) {
  RegisterRule& cfa = state_.cfa;
  if (opcode == DW_CFA_def_cfa_expression) {
    cfa = {Kind::is_expression, 0, 0, block()};
    return true;
  }
  if (opcode == DW_CFA_def_cfa || opcode == DW_CFA_def_cfa_sf ||
      opcode == DW_CFA_def_cfa_register) {
    const uint64_t reg = reader_.uleb();
    if (reg > UINT16_MAX) return false;
    // A register alone keeps the offset, which only a rule of that form has.
    if (opcode == DW_CFA_def_cfa_register && cfa.kind != Kind::in_register) return false;
    cfa.kind = Kind::in_register;
    cfa.reg = static_cast<uint16_t>(reg);
  } else if (cfa.kind != Kind::in_register) {
    return false;
  }
  if (opcode == DW_CFA_def_cfa || opcode == DW_CFA_def_cfa_offset) {
    cfa.offset = static_cast<int64_t>(reader_.uleb());
  } else if (opcode == DW_CFA_def_cfa_sf || opcode == DW_CFA_def_cfa_offset_sf) {
    cfa.offset = factored(static_cast<uint64_t>(reader_.sleb()));
  }
  return true;
}

bool Program::set_offset(uint8_t opcode) {
  const uint64_t reg = reader_.uleb();
  switch (opcode) {
    case DW_CFA_offset_extended:
      set(reg, {Kind::at_offset, 0, factored(reader_.uleb()), {}});
      return true;
    case DW_CFA_offset_extended_sf:
      set(reg, {Kind::at_offset, 0, factored(static_cast<uint64_t>(reader_.sleb())), {}});
      return true;
    case DW_CFA_val_offset:
      set(reg, {Kind::is_offset, 0, factored(reader_.uleb()), {}});
      return true;
    case DW_CFA_val_offset_sf:
      set(reg, {Kind::is_offset, 0, factored(static_cast<uint64_t>(reader_.sleb())), {}});
      return true;
    case DW_CFA_GNU_negative_offset_extended:
      set(reg, {Kind::at_offset, 0, -factored(reader_.uleb()), {}});
      return true;
    default:
      return false;
  }
}

Result<UnwindRow> Program::finish() {
  if (state_.cfa.kind != Kind::in_register && state_.cfa.kind != Kind::is_expression)
    return fail(ErrorCode::bad_data, "the unwind table gives no frame address");
  row_.cfa = state_.cfa;
  for (uint16_t reg = 0; reg < register_count; ++reg) {
    if (state_.slots[reg].has_rule) row_.rules.emplace_back(reg, state_.slots[reg].rule);
  }
  row_.return_address = common_.return_address;
  row_.is_signal_frame = common_.is_signal_frame;
  return std::move(row_);
}

}  // namespace

Result<UnwindRow> row_at(const UnwindSection& section, const UnwindFunction& function,
                         uint64_t address) {
  Program program(section, function, address);
  if (!program.run_common() || !program.run(function.instructions))
    return fail(ErrorCode::bad_data, "the unwind table is broken");
  return program.finish();
}

}  // namespace clew::sym
