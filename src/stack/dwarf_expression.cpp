#include "stack/dwarf_expression.h"

#include <dwarf.h>
#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "sym/byte_reader.h"

namespace clew::stack {
namespace {

tl::unexpected<Error> broken(std::string_view what) {
  return fail(ErrorCode::bad_data, fmt::format("a DWARF expression {}", what));
}

tl::unexpected<Error> lacks(std::string_view what) {
  return fail(ErrorCode::unavailable, fmt::format("{} is not known here", what));
}

template <typename T>
tl::unexpected<Error> pass_on(const T& failed) {
  return tl::unexpected<Error>(failed.error());
}

/// One evaluation: the stack, what has been described so far, and what may still be done.
class Machine {
 public:
  Machine(const Expression& expression, ExpressionContext& context, const ExpressionLimits& limits)
      : unit_(expression), context_(context), limits_(limits) {}

  Status start(std::span<const uint64_t> initial) {
    for (const uint64_t word : initial) {
      if (auto pushed = push(ExpressionValue(word)); !pushed) return pushed;
    }
    return {};
  }
  /// Runs one expression, or one that it calls.
  Status run(Bytes bytes);
  Result<Location> finish();

 private:
  Status step(uint8_t opcode);
  Status push_constant(uint8_t opcode);
  Status stack_operation(uint8_t opcode);
  Status arithmetic(uint8_t opcode);
  Status jump(uint8_t opcode);
  Status dereference(uint8_t opcode);
  Status register_operation(uint8_t opcode);
  Status typed_operation(uint8_t opcode);
  Status from_context(uint8_t opcode);
  Status describe(uint8_t opcode);
  Status end_piece(uint8_t opcode);
  Status call(uint8_t opcode);

  Status push(ExpressionValue value) {
    if (stack_.size() >= limits_.stack) return broken("fills its stack");
    stack_.push_back(value);
    return {};
  }
  Status push(const Result<uint64_t>& word) {
    return word ? push(ExpressionValue(*word)) : pass_on(word);
  }
  Status push(const Result<ExpressionValue>& value) {
    return value ? push(*value) : pass_on(value);
  }
  Result<ExpressionValue> pop() {
    if (stack_.empty()) return broken("takes a value from an empty stack");
    ExpressionValue value = stack_.back();
    stack_.pop_back();
    return value;
  }
  /// The type at a DIE's offset; 0 is the generic one (DWARF 5, 2.5.1.6).
  Result<ValueType> type_at(uint64_t offset) {
    return offset == 0 ? Result<ValueType>(ValueType{}) : context_.base_type(offset);
  }
  Result<std::vector<std::byte>> bytes_at(uint64_t address, size_t size);
  Status describe(Piece piece);
  uint64_t reference() {
    // In DWARF 2 a reference was as wide as an address (DW_OP_GNU_implicit_pointer).
    return reader_.sized(unit_.version == 2 ? 8 : unit_.offset_size);
  }

  const Expression& unit_;
  ExpressionContext& context_;
  const ExpressionLimits& limits_;
  Bytes bytes_;
  sym::ByteReader reader_;
  std::vector<ExpressionValue> stack_;
  /// What a location description says that still waits for its DW_OP_piece or the end.
  std::optional<Piece> described_;
  Location location_;
  size_t steps_ = 0;
  size_t depth_ = 0;
};

Status Machine::run(Bytes bytes) {
  if (depth_ >= limits_.calls) return broken("calls others too deeply");
  ++depth_;
  const Bytes outer_bytes = std::exchange(bytes_, bytes);
  const sym::ByteReader outer = std::exchange(reader_, sym::ByteReader(bytes));
  while (!reader_.at_end()) {
    if (++steps_ > limits_.steps) return broken("does not come to an end");
    const uint8_t opcode = reader_.u8();
    if (auto done = step(opcode); !done) return done;
    if (reader_.failed()) return broken("is cut short");
  }
  bytes_ = outer_bytes;
  reader_ = outer;
  --depth_;
  return {};
}

Status Machine::step(uint8_t opcode) {
  if (opcode == DW_OP_piece || opcode == DW_OP_bit_piece) return end_piece(opcode);
  // A description is a location's last word (DWARF 5, 2.6.1.1).
  if (described_ && opcode != DW_OP_nop && opcode != DW_OP_GNU_uninit)
    return broken("goes on behind a location");
  if (opcode >= DW_OP_lit0 && opcode <= DW_OP_lit31)
    return push(ExpressionValue(opcode - unsigned{DW_OP_lit0}));
  if (opcode >= DW_OP_reg0 && opcode <= DW_OP_bregx) return register_operation(opcode);
  switch (opcode) {
    case DW_OP_addr:
    case DW_OP_const1u:
    case DW_OP_const1s:
    case DW_OP_const2u:
    case DW_OP_const2s:
    case DW_OP_const4u:
    case DW_OP_const4s:
    case DW_OP_const8u:
    case DW_OP_const8s:
    case DW_OP_constu:
    case DW_OP_consts:
    case DW_OP_addrx:
    case DW_OP_constx:
    case DW_OP_GNU_addr_index:
    case DW_OP_GNU_const_index:
      return push_constant(opcode);
    case DW_OP_dup:
    case DW_OP_drop:
    case DW_OP_over:
    case DW_OP_pick:
    case DW_OP_swap:
    case DW_OP_rot:
      return stack_operation(opcode);
    case DW_OP_deref:
    case DW_OP_deref_size:
    case DW_OP_deref_type:
    case DW_OP_GNU_deref_type:
      return dereference(opcode);
    case DW_OP_skip:
    case DW_OP_bra:
      return jump(opcode);
    case DW_OP_const_type:
    case DW_OP_GNU_const_type:
    case DW_OP_regval_type:
    case DW_OP_GNU_regval_type:
    case DW_OP_convert:
    case DW_OP_GNU_convert:
    case DW_OP_reinterpret:
    case DW_OP_GNU_reinterpret:
      return typed_operation(opcode);
    case DW_OP_push_object_address:
    case DW_OP_call_frame_cfa:
    case DW_OP_form_tls_address:
    case DW_OP_GNU_push_tls_address:
    case DW_OP_entry_value:
    case DW_OP_GNU_entry_value:
    case DW_OP_GNU_parameter_ref:
    case DW_OP_GNU_variable_value:
      return from_context(opcode);
    case DW_OP_stack_value:
    case DW_OP_implicit_value:
    case DW_OP_implicit_pointer:
    case DW_OP_GNU_implicit_pointer:
      return describe(opcode);
    case DW_OP_call2:
    case DW_OP_call4:
    case DW_OP_call_ref:
      return call(opcode);
    case DW_OP_nop:
    case DW_OP_GNU_uninit:
      return {};
    case DW_OP_xderef:
    case DW_OP_xderef_size:
    case DW_OP_xderef_type:
      return fail(ErrorCode::unsupported, "a DWARF expression uses address spaces");
    default:
      return arithmetic(opcode);
  }
}

Status Machine::push_constant(uint8_t opcode) {
  const auto signed_word = [](int64_t number) {
    return ExpressionValue(static_cast<uint64_t>(number));
  };
  switch (opcode) {
    case DW_OP_addr: {
      const uint64_t address = reader_.u64();
      return reader_.failed() ? Status() : push(context_.relocated(address));
    }
    case DW_OP_const1u:
      return push(ExpressionValue(reader_.u8()));
    case DW_OP_const1s:
      return push(signed_word(reader_.number<int8_t>()));
    case DW_OP_const2u:
      return push(ExpressionValue(reader_.u16()));
    case DW_OP_const2s:
      return push(signed_word(reader_.number<int16_t>()));
    case DW_OP_const4u:
      return push(ExpressionValue(reader_.u32()));
    case DW_OP_const4s:
      return push(signed_word(reader_.number<int32_t>()));
    case DW_OP_const8u:
    case DW_OP_const8s:
      return push(ExpressionValue(reader_.u64()));
    case DW_OP_constu:
      return push(ExpressionValue(reader_.uleb()));
    case DW_OP_consts:
      return push(signed_word(reader_.sleb()));
    default:
      break;
  }
  const uint64_t index = reader_.uleb();
  if (reader_.failed()) return {};
  const bool is_address = opcode == DW_OP_addrx || opcode == DW_OP_GNU_addr_index;
  return push(is_address ? context_.address_at(index) : context_.constant_at(index));
}

Status Machine::stack_operation(uint8_t opcode) {
  const auto copy = [&](size_t depth) -> Status {
    if (depth >= stack_.size()) return broken("looks below the bottom of its stack");
    return push(ExpressionValue(stack_[stack_.size() - 1 - depth]));
  };
  const auto need = [&](size_t count) { return stack_.size() >= count; };
  switch (opcode) {
    case DW_OP_dup:
      return copy(0);
    case DW_OP_over:
      return copy(1);
    case DW_OP_pick:
      return copy(reader_.u8());
    case DW_OP_drop: {
      const auto dropped = pop();
      return dropped ? Status() : pass_on(dropped);
    }
    case DW_OP_swap:
      if (!need(2)) return broken("swaps what is not there");
      std::swap(stack_.end()[-1], stack_.end()[-2]);
      return {};
    default:  // DW_OP_rot: the top becomes the third
      if (!need(3)) return broken("rotates what is not there");
      std::rotate(stack_.end() - 3, stack_.end() - 1, stack_.end());
      return {};
  }
}

Status Machine::arithmetic(uint8_t opcode) {
  if (opcode == DW_OP_plus_uconst) {
    const uint64_t addend = reader_.uleb();
    const auto value = pop();
    if (!value) return pass_on(value);
    if (value->type().is_floating()) return broken("adds an integer to a floating-point number");
    return push(ExpressionValue::integer(value->type(), value->word() + addend));
  }
  const bool is_unary = opcode == DW_OP_abs || opcode == DW_OP_neg || opcode == DW_OP_not;
  const bool is_binary =
      (opcode >= DW_OP_and && opcode <= DW_OP_xor) || (opcode >= DW_OP_eq && opcode <= DW_OP_ne);
  if (!is_unary && !is_binary) {
    return fail(ErrorCode::unsupported,
                fmt::format("a DWARF expression has the unknown operation {:#x}", opcode));
  }
  const auto right = pop();
  if (!right) return pass_on(right);
  if (is_unary) return push(apply_unary(opcode, *right));
  const auto left = pop();
  return left ? push(apply_binary(opcode, *left, *right)) : pass_on(left);
}

Status Machine::jump(uint8_t opcode) {
  const auto distance = reader_.number<int16_t>();
  if (reader_.failed()) return {};
  if (opcode == DW_OP_bra) {
    const auto condition = pop();
    if (!condition) return pass_on(condition);
    if (condition->is_zero()) return {};
  }
  const auto to = static_cast<int64_t>(bytes_.size() - reader_.left()) + distance;
  if (to < 0 || to > static_cast<int64_t>(bytes_.size())) return broken("jumps out of itself");
  reader_ = sym::ByteReader(bytes_.subspan(static_cast<size_t>(to)));
  return {};
}

Result<std::vector<std::byte>> Machine::bytes_at(uint64_t address, size_t size) {
  std::vector<std::byte> bytes(size);
  if (auto read = context_.read_memory(address, bytes); !read) return pass_on(read);
  return bytes;
}

Status Machine::dereference(uint8_t opcode) {
  ValueType type;
  size_t size = sizeof(uint64_t);
  if (opcode != DW_OP_deref) size = reader_.u8();
  if (opcode == DW_OP_deref_type || opcode == DW_OP_GNU_deref_type) {
    const auto found = type_at(reader_.uleb());
    if (!found) return pass_on(found);
    type = *found;
    if (size != type.size) return broken("reads a value of another size than its type has");
  }
  if (reader_.failed()) return {};
  if (size == 0 || size > 16 || (!type.is_floating() && size > sizeof(uint64_t)))
    return broken(fmt::format("reads a value of {} bytes", size));
  const auto address = pop();
  if (!address) return pass_on(address);
  auto bytes = bytes_at(address->word(), size);
  if (!bytes) return pass_on(bytes);
  // DW_OP_deref_size widens with zeros (DWARF 5, 2.5.1.3).
  if (bytes->size() < type.size) bytes->resize(type.size);
  return push(ExpressionValue::from_bytes(type, *bytes));
}

Status Machine::register_operation(uint8_t opcode) {
  if (opcode <= DW_OP_reg31 || opcode == DW_OP_regx) {
    Piece piece;
    piece.kind = Piece::Kind::in_register;
    piece.number = opcode == DW_OP_regx ? reader_.uleb() : opcode - unsigned{DW_OP_reg0};
    return describe(std::move(piece));
  }
  if (opcode == DW_OP_fbreg) {
    const int64_t offset = reader_.sleb();
    const auto base = reader_.failed() ? Result<uint64_t>(0) : context_.frame_base();
    return base ? push(ExpressionValue(*base + static_cast<uint64_t>(offset))) : pass_on(base);
  }
  const uint64_t number = opcode == DW_OP_bregx ? reader_.uleb() : opcode - unsigned{DW_OP_breg0};
  const int64_t offset = reader_.sleb();
  if (reader_.failed()) return {};
  if (number > UINT16_MAX) return broken(fmt::format("names register {}", number));
  const auto word = context_.register_word(static_cast<unsigned>(number));
  return word ? push(ExpressionValue(*word + static_cast<uint64_t>(offset))) : pass_on(word);
}

Status Machine::typed_operation(uint8_t opcode) {
  if (opcode == DW_OP_const_type || opcode == DW_OP_GNU_const_type) {
    const auto type = type_at(reader_.uleb());
    const Bytes bytes = reader_.bytes(reader_.u8());
    if (!type) return pass_on(type);
    return reader_.failed() ? Status() : push(ExpressionValue::from_bytes(*type, bytes));
  }
  if (opcode == DW_OP_regval_type || opcode == DW_OP_GNU_regval_type) {
    const uint64_t number = reader_.uleb();
    const auto type = type_at(reader_.uleb());
    if (!type) return pass_on(type);
    if (reader_.failed()) return {};
    if (number > UINT16_MAX) return broken(fmt::format("names register {}", number));
    const auto bytes = context_.register_bytes(static_cast<unsigned>(number), type->size);
    return bytes ? push(ExpressionValue::from_bytes(*type, *bytes)) : pass_on(bytes);
  }
  const auto type = type_at(reader_.uleb());
  if (!type) return pass_on(type);
  const auto value = pop();
  if (!value) return pass_on(value);
  if (opcode == DW_OP_convert || opcode == DW_OP_GNU_convert) return push(value->converted(*type));
  return push(value->reinterpreted(*type));
}

Status Machine::from_context(uint8_t opcode) {
  switch (opcode) {
    case DW_OP_push_object_address:
      return push(context_.object_address());
    case DW_OP_call_frame_cfa:
      return push(context_.call_frame_cfa());
    case DW_OP_form_tls_address:
    case DW_OP_GNU_push_tls_address: {
      const auto offset = pop();
      return offset ? push(context_.tls_address(offset->word())) : pass_on(offset);
    }
    case DW_OP_entry_value:
    case DW_OP_GNU_entry_value: {
      Expression inner = unit_;
      inner.bytes = reader_.bytes(reader_.uleb());
      return reader_.failed() ? Status() : push(context_.entry_value(inner));
    }
    case DW_OP_GNU_parameter_ref: {
      const uint64_t offset = reader_.u32();
      return reader_.failed() ? Status() : push(context_.parameter_value(offset));
    }
    default: {  // DW_OP_GNU_variable_value
      const uint64_t offset = reference();
      return reader_.failed() ? Status() : push(context_.variable_value(offset));
    }
  }
}

Status Machine::describe(Piece piece) {
  described_ = std::move(piece);
  return {};
}

Status Machine::describe(uint8_t opcode) {
  Piece piece;
  if (opcode == DW_OP_stack_value) {
    const auto value = pop();
    if (!value) return pass_on(value);
    piece.kind = Piece::Kind::value;
    piece.bytes = value->bytes();
  } else if (opcode == DW_OP_implicit_value) {
    const Bytes bytes = reader_.bytes(reader_.uleb());
    piece.kind = Piece::Kind::value;
    piece.bytes.assign(bytes.begin(), bytes.end());
  } else {
    piece.kind = Piece::Kind::implicit_pointer;
    piece.number = reference();
    piece.byte_offset = reader_.sleb();
  }
  return describe(std::move(piece));
}

Status Machine::end_piece(uint8_t opcode) {
  if (location_.pieces.size() >= limits_.pieces) return broken("has too many pieces");
  Piece piece;
  if (described_) {
    piece = std::move(*described_);
    described_.reset();
  } else if (!stack_.empty()) {
    piece.kind = Piece::Kind::memory;
    piece.number = stack_.back().word();
  }
  stack_.clear();
  const uint64_t size = reader_.uleb();
  if (opcode == DW_OP_bit_piece) {
    piece.bit_size = size;
    piece.bit_offset = reader_.uleb();
  } else if (size <= UINT64_MAX / 8) {
    piece.bit_size = size * 8;
  } else {
    return broken("has a piece of an absurd size");
  }
  location_.pieces.push_back(std::move(piece));
  return {};
}

Status Machine::call(uint8_t opcode) {
  const bool in_unit = opcode != DW_OP_call_ref;
  const uint64_t offset = opcode == DW_OP_call2   ? reader_.u16()
                          : opcode == DW_OP_call4 ? reader_.u32()
                                                  : reference();
  if (reader_.failed()) return {};
  const auto callee = context_.called(offset, in_unit);
  if (!callee) return pass_on(callee);
  return run(callee->bytes);
}

Result<Location> Machine::finish() {
  if (!location_.pieces.empty()) {
    if (described_) return broken("has a location behind its last piece");
    return std::move(location_);
  }
  Piece piece;
  if (described_) {
    piece = std::move(*described_);
  } else if (!stack_.empty()) {
    piece.kind = Piece::Kind::memory;
    piece.number = stack_.back().word();
  }
  location_.pieces.push_back(std::move(piece));
  return std::move(location_);
}

}  // namespace

Result<uint64_t> ExpressionContext::register_word(unsigned dwarf) {
  return lacks(fmt::format("register {}", dwarf));
}

Result<std::vector<std::byte>> ExpressionContext::register_bytes(unsigned dwarf, size_t size) {
  const auto word = register_word(dwarf);
  if (!word) return pass_on(word);
  const Bytes bytes = bytes_of(*word);
  if (size > bytes.size()) return lacks(fmt::format("the whole of register {}", dwarf));
  return std::vector<std::byte>(bytes.begin(), bytes.begin() + static_cast<ptrdiff_t>(size));
}

Status ExpressionContext::read_memory(uint64_t, MutableBytes) { return lacks("memory"); }

Result<uint64_t> ExpressionContext::relocated(uint64_t) { return lacks("an address"); }

Result<uint64_t> ExpressionContext::address_at(uint64_t) {
  return lacks("the unit's table of addresses");
}

Result<uint64_t> ExpressionContext::constant_at(uint64_t) {
  return lacks("the unit's table of addresses");
}

Result<uint64_t> ExpressionContext::frame_base() { return lacks("the base of the frame"); }

Result<uint64_t> ExpressionContext::call_frame_cfa() { return lacks("the address of the frame"); }

Result<uint64_t> ExpressionContext::object_address() { return lacks("the object's address"); }

Result<uint64_t> ExpressionContext::tls_address(uint64_t) {
  return lacks("the thread's own storage");
}

Result<Expression> ExpressionContext::called(uint64_t, bool) {
  return lacks("another entry's location");
}

Result<ExpressionValue> ExpressionContext::entry_value(const Expression&) {
  return lacks("a value from before the call");
}

Result<ExpressionValue> ExpressionContext::parameter_value(uint64_t) {
  return lacks("a parameter from before the call");
}

Result<ExpressionValue> ExpressionContext::variable_value(uint64_t) {
  return lacks("another variable");
}

Result<ValueType> ExpressionContext::base_type(uint64_t) { return lacks("the type of a value"); }

Result<Location> evaluate(const Expression& expression, ExpressionContext& context,
                          std::span<const uint64_t> initial, const ExpressionLimits& limits) {
  Machine machine(expression, context, limits);
  if (auto started = machine.start(initial); !started) return pass_on(started);
  if (auto ran = machine.run(expression.bytes); !ran) return pass_on(ran);
  return machine.finish();
}

Result<uint64_t> as_word(const Location& location) {
  if (location.pieces.size() == 1) {
    const Piece& piece = location.pieces.front();
    if (piece.kind == Piece::Kind::memory) return piece.number;
    if (piece.kind == Piece::Kind::value && piece.bytes.size() <= sizeof(uint64_t)) {
      uint64_t word = 0;
      std::memcpy(&word, piece.bytes.data(), piece.bytes.size());
      return word;
    }
  }
  return broken("computes no number where one is needed");
}

}  // namespace clew::stack
