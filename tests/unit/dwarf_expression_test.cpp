#include "stack/dwarf_expression.h"

#include <dwarf.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

namespace clew::stack {
namespace {

using testing::HasSubstr;

constexpr uint64_t type_int = 0x20, type_unsigned_char = 0x21, type_double = 0x22,
                   type_float = 0x23;

/// Registers 0 to 9 hold 100 times their number; memory at an address holds its low byte.
class Context final : public ExpressionContext {
 public:
  Result<uint64_t> register_word(unsigned dwarf) override {
    if (dwarf < 10) return 100 * uint64_t{dwarf};
    return fail(ErrorCode::unavailable, "not saved");
  }
  Status read_memory(uint64_t address, MutableBytes into) override {
    if (address >= 0x10000) return fail(ErrorCode::fault, "no memory");
    for (std::byte& byte : into) byte = static_cast<std::byte>(address++);
    return {};
  }
  Result<uint64_t> relocated(uint64_t address) override { return address + 0x1000000; }
  Result<uint64_t> address_at(uint64_t index) override { return 0x5000 + index; }
  Result<uint64_t> constant_at(uint64_t index) override { return 0x6000 + index; }
  Result<uint64_t> frame_base() override { return 0x7000; }
  Result<uint64_t> call_frame_cfa() override { return 0x8000; }
  Result<uint64_t> tls_address(uint64_t offset) override { return 0x9000 + offset; }
  Result<Expression> called(uint64_t offset, bool in_unit) override {
    Expression callee;
    if (in_unit && callees.contains(offset)) callee.bytes = callees[offset];
    return callee;
  }
  Result<ExpressionValue> entry_value(const Expression& inner) override {
    return ExpressionValue(std::to_integer<uint64_t>(inner.bytes[0]));
  }
  Result<ValueType> base_type(uint64_t offset) override {
    if (offset == type_int) return ValueType::of(DW_ATE_signed, 4);
    if (offset == type_unsigned_char) return ValueType::of(DW_ATE_unsigned_char, 1);
    if (offset == type_double) return ValueType::of(DW_ATE_float, 8);
    if (offset == type_float) return ValueType::of(DW_ATE_float, 4);
    return ValueType::of(DW_ATE_complex_float, 8);
  }

  std::map<uint64_t, std::vector<std::byte>> callees;
};

std::vector<std::byte> bytes(std::initializer_list<int> list) {
  std::vector<std::byte> made;
  for (const int b : list) made.push_back(static_cast<std::byte>(b));
  return made;
}

class DwarfExpression : public testing::Test {
 protected:
  Result<Location> run(std::initializer_list<int> list, std::vector<uint64_t> initial = {}) {
    Expression expression;
    const auto code = bytes(list);
    expression.bytes = code;
    return evaluate(expression, context_, initial);
  }
  /// What is left on the stack.
  uint64_t word(std::initializer_list<int> list, std::vector<uint64_t> initial = {}) {
    const auto location = run(list, std::move(initial));
    if (!location) {
      ADD_FAILURE() << location.error().text;
      return 0xdead;
    }
    return as_word(*location).value_or(0xdead);
  }
  std::string error(std::initializer_list<int> list) {
    const auto location = run(list);
    return location ? "no error" : location.error().text;
  }

  Context context_;
};

TEST_F(DwarfExpression, PushesConstants) {
  EXPECT_EQ(word({DW_OP_lit31}), 31U);
  EXPECT_EQ(word({DW_OP_const1u, 0xff}), 0xffU);
  EXPECT_EQ(word({DW_OP_const1s, 0xff}), ~uint64_t{0});
  EXPECT_EQ(word({DW_OP_const2u, 0x34, 0x12}), 0x1234U);
  EXPECT_EQ(word({DW_OP_const2s, 0xfe, 0xff}), ~uint64_t{1});
  EXPECT_EQ(word({DW_OP_const4u, 1, 0, 0, 0x80}), 0x80000001U);
  EXPECT_EQ(word({DW_OP_const4s, 0, 0, 0, 0x80}), 0xffffffff80000000U);
  EXPECT_EQ(word({DW_OP_const8u, 1, 2, 3, 4, 5, 6, 7, 8}), 0x0807060504030201U);
  EXPECT_EQ(word({DW_OP_constu, 0xe5, 0x8e, 0x26}), 624485U);
  EXPECT_EQ(word({DW_OP_consts, 0x7f}), ~uint64_t{0});
  EXPECT_EQ(word({DW_OP_addr, 0x10, 0, 0, 0, 0, 0, 0, 0}), 0x1000010U);
  EXPECT_EQ(word({DW_OP_addrx, 3}), 0x5003U);
  EXPECT_EQ(word({DW_OP_GNU_addr_index, 3}), 0x5003U);
  EXPECT_EQ(word({DW_OP_constx, 3}), 0x6003U);
}

TEST_F(DwarfExpression, MovesValuesOnTheStack) {
  EXPECT_EQ(word({DW_OP_lit1, DW_OP_lit2, DW_OP_drop}), 1U);
  EXPECT_EQ(word({DW_OP_lit1, DW_OP_lit2, DW_OP_swap, DW_OP_minus}), 1U);
  EXPECT_EQ(word({DW_OP_lit1, DW_OP_lit2, DW_OP_over}), 1U);
  EXPECT_EQ(word({DW_OP_lit7, DW_OP_lit1, DW_OP_lit2, DW_OP_pick, 2}), 7U);
  // 1 2 3 becomes 3 1 2.
  EXPECT_EQ(word({DW_OP_lit1, DW_OP_lit2, DW_OP_lit3, DW_OP_rot}), 2U);
  EXPECT_EQ(word({DW_OP_lit1, DW_OP_lit2, DW_OP_lit3, DW_OP_rot, DW_OP_drop, DW_OP_drop}), 3U);
  EXPECT_THAT(error({DW_OP_drop}), HasSubstr("empty stack"));
  EXPECT_THAT(error({DW_OP_lit1, DW_OP_pick, 1}), HasSubstr("below the bottom"));
  EXPECT_THAT(error({DW_OP_lit1, DW_OP_swap}), HasSubstr("swaps"));
  EXPECT_THAT(error({DW_OP_lit1, DW_OP_lit1, DW_OP_rot}), HasSubstr("rotates"));
}

TEST_F(DwarfExpression, ComputesWithTheGenericType) {
  EXPECT_EQ(word({DW_OP_lit7, DW_OP_lit3, DW_OP_minus}), 4U);
  EXPECT_EQ(word({DW_OP_lit3, DW_OP_lit7, DW_OP_minus}), static_cast<uint64_t>(-4));
  EXPECT_EQ(word({DW_OP_const1s, 0xf9, DW_OP_lit2, DW_OP_div}), static_cast<uint64_t>(-3));
  EXPECT_EQ(word({DW_OP_lit7, DW_OP_lit4, DW_OP_mod}), 3U);
  EXPECT_EQ(word({DW_OP_const1s, 0xff, DW_OP_lit31, DW_OP_shr}), 0x1ffffffffU);
  EXPECT_EQ(word({DW_OP_const1s, 0x80, DW_OP_lit2, DW_OP_shra}), static_cast<uint64_t>(-32));
  EXPECT_EQ(word({DW_OP_lit1, DW_OP_const1u, 64, DW_OP_shl}), 0U);
  EXPECT_EQ(word({DW_OP_const1s, 0xff, DW_OP_lit1, DW_OP_lt}), 1U);
  EXPECT_EQ(word({DW_OP_lit5, DW_OP_neg, DW_OP_abs}), 5U);
  EXPECT_EQ(word({DW_OP_lit0, DW_OP_not}), ~uint64_t{0});
  EXPECT_EQ(word({DW_OP_lit6, DW_OP_lit3, DW_OP_xor}), 5U);
  EXPECT_EQ(word({DW_OP_lit6, DW_OP_plus_uconst, 0x80, 1}), 134U);
  EXPECT_THAT(error({DW_OP_lit1, DW_OP_lit0, DW_OP_div}), HasSubstr("divides by zero"));
  EXPECT_THAT(error({DW_OP_lit1, DW_OP_lit0, DW_OP_mod}), HasSubstr("divides by zero"));
  // INT64_MIN / -1 must not trap.
  EXPECT_EQ(word({DW_OP_lit1, DW_OP_const1u, 63, DW_OP_shl, DW_OP_const1s, 0xff, DW_OP_div}),
            uint64_t{1} << 63);
}

TEST_F(DwarfExpression, JumpsBothWays) {
  EXPECT_EQ(word({DW_OP_lit1, DW_OP_skip, 1, 0, DW_OP_lit2}), 1U);
  EXPECT_EQ(word({DW_OP_lit1, DW_OP_lit0, DW_OP_bra, 1, 0, DW_OP_lit2}), 2U);
  // Counts down from 5: 5 4 3 2 1 0.
  EXPECT_EQ(word({DW_OP_lit5, DW_OP_lit1, DW_OP_minus, DW_OP_dup, DW_OP_bra, 0xfa, 0xff}), 0U);
  EXPECT_THAT(error({DW_OP_skip, 0xfd, 0xff}), HasSubstr("does not come to an end"));
  EXPECT_THAT(error({DW_OP_skip, 0xfc, 0xff}), HasSubstr("jumps out"));
  EXPECT_THAT(error({DW_OP_skip, 1, 0}), HasSubstr("jumps out"));
  EXPECT_THAT(error({DW_OP_lit1, DW_OP_skip, 0xfc, 0xff}), HasSubstr("fills its stack"));
}

TEST_F(DwarfExpression, ReadsRegistersAndMemory) {
  EXPECT_EQ(word({DW_OP_breg7, 0x78}), 692U);
  EXPECT_EQ(word({DW_OP_bregx, 9, 8}), 908U);
  EXPECT_EQ(word({DW_OP_fbreg, 0x70}), 0x7000U - 16);
  EXPECT_EQ(word({DW_OP_call_frame_cfa}), 0x8000U);
  EXPECT_EQ(word({DW_OP_lit16, DW_OP_form_tls_address}), 0x9010U);
  EXPECT_EQ(word({DW_OP_lit16, DW_OP_deref}), 0x1716151413121110U);
  EXPECT_EQ(word({DW_OP_lit16, DW_OP_deref_size, 2}), 0x1110U);
  EXPECT_EQ(word({DW_OP_entry_value, 1, DW_OP_reg5}), uint64_t{DW_OP_reg5});
  EXPECT_THAT(error({DW_OP_breg10, 0}), "not saved");
  EXPECT_THAT(error({DW_OP_addr, 0, 0, 0, 0, 0, 0, 0, 0, DW_OP_deref}), "no memory");
  EXPECT_THAT(error({DW_OP_push_object_address}), HasSubstr("object's address"));
  EXPECT_THAT(error({DW_OP_lit16, DW_OP_deref_size, 9}), HasSubstr("9 bytes"));
  EXPECT_THAT(error({DW_OP_lit16, DW_OP_deref_size, 0}), HasSubstr("0 bytes"));
}

TEST_F(DwarfExpression, ComputesWithBaseTypes) {
  // (double)-7 / (double)2, as an int.
  EXPECT_EQ(word({DW_OP_const1s, 0xf9, DW_OP_convert, type_double, DW_OP_lit2, DW_OP_convert,
                  type_double, DW_OP_div, DW_OP_convert, type_int, DW_OP_convert, 0}),
            static_cast<uint64_t>(-3));
  // 200 + 100 in eight bits.
  EXPECT_EQ(word({DW_OP_const1u, 200, DW_OP_convert, type_unsigned_char, DW_OP_const1u, 100,
                  DW_OP_convert, type_unsigned_char, DW_OP_plus}),
            44U);
  // 1.5f by its bytes, doubled.
  const auto location = run({DW_OP_const_type, type_float, 4, 0, 0, 0xc0, 0x3f, DW_OP_dup,
                             DW_OP_plus, DW_OP_stack_value});
  ASSERT_TRUE(location) << location.error().text;
  EXPECT_EQ(location->pieces[0].bytes, bytes({0, 0, 0x40, 0x40}));
  EXPECT_EQ(word({DW_OP_const_type, type_float, 4, 0, 0, 0xc0, 0x3f, DW_OP_reinterpret, type_int}),
            0x3fc00000U);
  EXPECT_EQ(word({DW_OP_regval_type, 3, type_unsigned_char}), 300U & 0xff);
  EXPECT_EQ(word({DW_OP_const1u, 0x80, DW_OP_deref_type, 4, type_int}),
            static_cast<uint64_t>(int64_t{static_cast<int32_t>(0x83828180)}));
  EXPECT_THAT(error({DW_OP_lit1, DW_OP_convert, type_int, DW_OP_lit1, DW_OP_plus}),
              HasSubstr("different types"));
  EXPECT_THAT(error({DW_OP_lit1, DW_OP_convert, 0x7f}), HasSubstr("encoding"));
  EXPECT_THAT(error({DW_OP_lit1, DW_OP_convert, type_double, DW_OP_not}),
              HasSubstr("floating-point"));
}

TEST_F(DwarfExpression, DescribesWhereAnObjectIs) {
  auto location = run({DW_OP_breg7, 8});
  ASSERT_TRUE(location);
  EXPECT_EQ(location->pieces[0].kind, Piece::Kind::memory);
  EXPECT_EQ(location->pieces[0].number, 708U);
  location = run({DW_OP_reg5});
  EXPECT_EQ(location->pieces[0].kind, Piece::Kind::in_register);
  EXPECT_EQ(location->pieces[0].number, 5U);
  location = run({DW_OP_lit9, DW_OP_stack_value});
  EXPECT_EQ(location->pieces[0].kind, Piece::Kind::value);
  EXPECT_EQ(location->pieces[0].bytes, bytes({9, 0, 0, 0, 0, 0, 0, 0}));
  location = run({DW_OP_implicit_value, 3, 1, 2, 3});
  EXPECT_EQ(location->pieces[0].bytes, bytes({1, 2, 3}));
  location = run({DW_OP_implicit_pointer, 0x78, 0x56, 0, 0, 0x7c});
  EXPECT_EQ(location->pieces[0].kind, Piece::Kind::implicit_pointer);
  EXPECT_EQ(location->pieces[0].number, 0x5678U);
  EXPECT_EQ(location->pieces[0].byte_offset, -4);
  location = run({});
  EXPECT_EQ(location->pieces[0].kind, Piece::Kind::absent);
}

TEST_F(DwarfExpression, PutsPiecesTogether) {
  const auto location =
      run({DW_OP_reg3, DW_OP_piece, 4, DW_OP_piece, 2, DW_OP_breg7, 0, DW_OP_bit_piece, 9, 3});
  ASSERT_TRUE(location) << location.error().text;
  ASSERT_EQ(location->pieces.size(), 3U);
  EXPECT_EQ(location->pieces[0].kind, Piece::Kind::in_register);
  EXPECT_EQ(location->pieces[0].bit_size, 32U);
  EXPECT_EQ(location->pieces[1].kind, Piece::Kind::absent);
  EXPECT_EQ(location->pieces[1].bit_size, 16U);
  EXPECT_EQ(location->pieces[2].kind, Piece::Kind::memory);
  EXPECT_EQ(location->pieces[2].number, 700U);
  EXPECT_EQ(location->pieces[2].bit_size, 9U);
  EXPECT_EQ(location->pieces[2].bit_offset, 3U);
  EXPECT_FALSE(as_word(*location));
  EXPECT_THAT(error({DW_OP_reg3, DW_OP_lit0}), HasSubstr("behind a location"));
  EXPECT_THAT(error({DW_OP_piece, 4, DW_OP_reg3}), HasSubstr("behind its last piece"));
}

TEST_F(DwarfExpression, CallsOtherExpressions) {
  context_.callees[1] = bytes({DW_OP_lit1, DW_OP_plus});
  context_.callees[2] = bytes({DW_OP_call2, 2, 0});
  EXPECT_EQ(word({DW_OP_lit4, DW_OP_call2, 1, 0, DW_OP_lit2, DW_OP_mul}), 10U);
  EXPECT_EQ(word({DW_OP_lit4, DW_OP_call4, 1, 0, 0, 0}), 5U);
  // Without a location nothing happens.
  EXPECT_EQ(word({DW_OP_lit4, DW_OP_call2, 9, 0}), 4U);
  EXPECT_THAT(error({DW_OP_call2, 2, 0}), HasSubstr("too deeply"));
}

TEST_F(DwarfExpression, BeginsWithWhatIsGiven) {
  EXPECT_EQ(word({DW_OP_plus_uconst, 8}, {0x100}), 0x108U);
  EXPECT_EQ(word({DW_OP_minus}, {0x100, 1}), 0xffU);
}

TEST_F(DwarfExpression, EndsWellWhenItIsCutShort) {
  EXPECT_THAT(error({DW_OP_const8u, 1, 2}), HasSubstr("cut short"));
  EXPECT_THAT(error({DW_OP_addr, 1}), HasSubstr("cut short"));
  EXPECT_THAT(error({DW_OP_breg0}), HasSubstr("cut short"));
  EXPECT_THAT(error({DW_OP_implicit_value, 0x7f, 1}), HasSubstr("cut short"));
  EXPECT_THAT(error({DW_OP_entry_value, 5, 1}), HasSubstr("cut short"));
  EXPECT_THAT(error({DW_OP_lo_user + 5}), HasSubstr("unknown operation"));
  EXPECT_THAT(error({DW_OP_regval_type, 0xff, 0xff, 0xff, 0xff, 0x7f, 0}),
              HasSubstr("names register"));
}

}  // namespace
}  // namespace clew::stack
