#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace clew::lang {

enum class Op : uint8_t {
  none,
  // Of two operands.
  add,
  subtract,
  multiply,
  divide,
  remainder,
  shift_left,
  shift_right,
  bit_and,
  bit_or,
  bit_xor,
  bit_clear,  ///< Go's &^
  logic_and,
  logic_or,
  equal,
  not_equal,
  less,
  less_equal,
  greater,
  greater_equal,
  repeat,      ///< p@n
  member_at,   ///< object.*member
  pointer_at,  ///< pointer->*member
  // Of one.
  plus,
  negate,
  complement,
  logic_not,
  dereference,
  address,
  pre_increment,
  pre_decrement,
  post_increment,
  post_decrement,
};

struct Node;

/// How a type is made of another, in the order in which it is done.
struct TypeStep {
  enum class Kind : uint8_t {
    pointer,
    reference,
    rvalue_reference,
    array,
    function,
    qualifier,
    slice,   ///< Go's []T
    map,     ///< Go's map[K]T: the one parameter is K
    channel  ///< Go's chan T; the qualifier says which kind: "chan ", "<-chan ", "chan<- "
  };
  Kind kind = Kind::pointer;
  std::optional<uint64_t> count;                             ///< of arrays
  std::string qualifier;                                     ///< "const"
  std::vector<std::unique_ptr<struct TypeName>> parameters;  ///< of functions and maps
  bool is_variadic = false;
};

/// A type as it was typed.
struct TypeName {
  enum class Tag : uint8_t { any, structure, union_type, enumeration };
  Tag tag = Tag::any;     ///< said "struct", "union", "enum"
  std::string name;       ///< with scopes and arguments
  bool is_basic = false;  ///< "unsigned long": the language's own
  std::vector<TypeStep> steps;
  size_t column = 0;
};

enum class NodeKind : uint8_t {
  integer,            ///< number, text is the suffix
  floating,           ///< floating, text is the suffix
  character,          ///< number, text is the prefix
  string,             ///< text, suffix
  boolean,            ///< number
  null_pointer,       ///< nullptr
  name,               ///< text with scopes, file
  dollar,             ///< text: "$rax"
  unary,              ///< op, one part
  binary,             ///< op, two parts
  conditional,        ///< three parts
  comma,              ///< two parts
  assign,             ///< two parts; op when it is +=
  cast,               ///< type, one part
  dynamic_cast_,      ///< the same
  reinterpret,        ///< {type} address: what lies there
  size_of_type,       ///< type
  size_of_value,      ///< one part
  alignment_of_type,  ///< type
  type_id_of_type,    ///< type: C++'s typeid(T)
  type_id_of_value,   ///< one part
  member,             ///< text, one part: a.b and a->b
  arrow,              ///< the same for ->
  index,              ///< two parts
  slice,              ///< three or four parts: a[1:4], of Go a[1:4:8]
  assertion,          ///< type, one part: Go's x.(T)
  call,               ///< what is called and its arguments
  composite,          ///< Go's T{…}: type, nullptr where it is left out; its parts
  keyed,              ///< a part of that with its field or index: two parts
};

/// A part of an expression. Trees are at most `most_depth` deep, however long their text is.
struct Node {
  NodeKind kind = NodeKind::integer;
  Op op = Op::none;
  size_t column = 0;  ///< of what names it: an operator, a name
  size_t depth = 1;
  uint64_t number = 0;
  bool is_decimal = true;
  long double floating = 0;
  std::string text, suffix;
  std::string file;                          ///< of names: only what that file defines
  std::vector<std::unique_ptr<Node>> parts;  ///< of slices nullptr where an end is left out
  std::unique_ptr<TypeName> type;

  static constexpr size_t most_depth = 200;
};
using NodePtr = std::unique_ptr<Node>;
using TypeNamePtr = std::unique_ptr<TypeName>;

/// What a text was: one of both.
struct Parsed {
  NodePtr expression;
  TypeNamePtr type;
};

}  // namespace clew::lang
