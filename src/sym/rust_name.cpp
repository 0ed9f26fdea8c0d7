// Rust's v0 mangling: RFC 2603, and "v0 Symbol Format" in the book of rustc, whose names of rules
// are used. libiberty has a reader of it as well; but that one follows references into what
// encloses them, and counts to any number of lifetimes, so that a short name keeps it for ever. Nor
// does it know constants other than numbers and characters.

#include "sym/rust_name.h"

#include <fmt/format.h>

#include <cstdint>
#include <optional>

#include "base/printable.h"
#include "base/utf8.h"
#include "sym/rust_name_cursor.h"

namespace clew::sym {
namespace {

constexpr size_t longest_text = 65536;
/// Within one another. rustc's own reader has the same limit.
constexpr int deepest = 500;
/// Paths, types and constants that are looked at, those that references lead to each time anew.
/// Nearly all of them write something, so that the limit of text comes first.
constexpr int most_steps = 65536;
constexpr uint64_t most_lifetimes = 4096;

std::string_view basic_type(char tag) {
  switch (tag) {
    case 'a':
      return "i8";
    case 'b':
      return "bool";
    case 'c':
      return "char";
    case 'd':
      return "f64";
    case 'e':
      return "str";
    case 'f':
      return "f32";
    case 'h':
      return "u8";
    case 'i':
      return "isize";
    case 'j':
      return "usize";
    case 'l':
      return "i32";
    case 'm':
      return "u32";
    case 'n':
      return "i128";
    case 'o':
      return "u128";
    case 'p':
      return "_";
    case 's':
      return "i16";
    case 't':
      return "u16";
    case 'u':
      return "()";
    case 'v':
      return "...";
    case 'x':
      return "i64";
    case 'y':
      return "u64";
    case 'z':
      return "!";
    default:
      return {};
  }
}

/// Reads and writes in one go, from the front to the back.
class RustName : private RustNameCursor {
 public:
  explicit RustName(std::string_view name) : RustNameCursor(name) {}

  /// symbol-name
  std::string run() {
    path(true);
    if (is_ok() && !is_at_end()) silently([&] { path(false); });  // the instantiating crate
    return is_ok() && is_at_end() ? std::move(text_) : std::string();
  }

 private:
  /// One path, type or constant.
  class Level {
   public:
    explicit Level(RustName& name) : name_(name) {
      if (++name_.depth_ > deepest || ++name_.steps_ > most_steps) name_.wrong();
    }
    ~Level() { --name_.depth_; }
    Level(const Level&) = delete;
    Level& operator=(const Level&) = delete;

   private:
    RustName& name_;
  };

  // --- What is written

  void write(std::string_view text) {
    if (!is_ok() || is_silent_) return;
    if (text.size() > longest_text - text_.size()) return wrong();
    text_ += text;
  }

  void write_number(uint64_t number) { write(fmt::to_string(number)); }

  void write_lifetime(uint64_t index) {
    if (index == 0) return write("'_");
    if (index > lifetimes_) return wrong();
    const uint64_t depth = lifetimes_ - index;
    write(depth < 26 ? fmt::format("'{}", static_cast<char>('a' + depth))
                     : fmt::format("'_{}", depth));
  }

  /// One character within quotes, as Rust's debug format writes it.
  void write_escaped(uint32_t code, std::string_view text, char quote) {
    if (code == '\t') return write("\\t");
    if (code == '\r') return write("\\r");
    if (code == '\n') return write("\\n");
    if (printable_length(text) != text.size()) return write(fmt::format("\\u{{{:x}}}", code));
    if (text == "\\" || text.front() == quote) write("\\");
    write(text);
  }

  // --- What is read

  static std::optional<uint64_t> hex_number(std::string_view digits) {
    if (digits.empty() || digits.size() > 16) return std::nullopt;
    uint64_t number = 0;
    for (const char c : digits) number = number << 4 | *hex_digit(c);
    return number;
  }

  template <typename Read>
  void silently(Read read) {
    const bool was_silent = is_silent_;
    is_silent_ = true;
    read();
    is_silent_ = was_silent;
  }

  /// Reads elements up to 'E'. @return how many there were.
  template <typename Read>
  size_t list(std::string_view separator, Read read) {
    size_t count = 0;
    for (; is_ok() && !eat('E'); ++count) {
      if (count > 0) write(separator);
      read();
    }
    return count;
  }

  /// backref; its tag was read already. It leads backwards, to what began before it. Where nothing
  /// is written it need not be followed.
  template <typename Read>
  void reference(Read read) {
    const size_t tag = at() - 1;
    const uint64_t target = number_62();
    if (target >= tag) return wrong();
    if (!is_ok() || is_silent_) return;
    const size_t behind = at();
    go_to(target);
    read();
    go_to(behind);
  }

  /// [binder], and what it is in force for.
  template <typename Read>
  void in_binder(Read read) {
    const uint64_t count = optional_number_62('G');
    if (count > most_lifetimes - lifetimes_) return wrong();
    if (is_silent_) {
      lifetimes_ += count;
    } else if (count > 0) {
      write("for<");
      for (uint64_t i = 0; i < count; ++i) {
        if (i > 0) write(", ");
        ++lifetimes_;
        write_lifetime(1);
      }
      write("> ");
    }
    read();
    lifetimes_ -= count;
  }

  // --- Paths

  /// @param is_value whether generic arguments are behind "::".
  void path(bool is_value) {
    const Level level(*this);
    switch (const char tag = next()) {
      case 'C':
        optional_number_62('s');
        return write(identifier().text());
      case 'N':
        return nested_path(is_value);
      case 'M':
      case 'X':
        optional_number_62('s');
        silently([&] { path(false); });  // where the impl stands
        return implementation(tag == 'X');
      case 'Y':
        return implementation(true);
      case 'I':
        path(is_value);
        write(is_value ? "::<" : "<");
        list(", ", [&] { generic_argument(); });
        return write(">");
      case 'B':
        return reference([&] { path(is_value); });
      default:
        return wrong();
    }
  }

  void nested_path(bool is_value) {
    const char space = next();
    if (!is_lower(space) && !is_upper(space)) return wrong();
    path(is_value);
    const uint64_t disambiguator = optional_number_62('s');
    const Identifier name = identifier();
    if (is_lower(space)) {
      if (!name.is_empty()) write("::" + name.text());
      return;
    }
    write("::{");
    write(space == 'C' ? "closure" : space == 'S' ? "shim" : std::string(1, space));
    if (!name.is_empty()) write(":" + name.text());
    write("#");
    write_number(disambiguator);
    write("}");
  }

  void implementation(bool is_of_trait) {
    write("<");
    type();
    if (is_of_trait) {
      write(" as ");
      path(false);
    }
    write(">");
  }

  void generic_argument() {
    if (eat('L')) return write_lifetime(number_62());
    if (eat('K')) return constant(false);
    type();
  }

  // --- Types

  void type() {
    const Level level(*this);
    const char tag = next();
    if (const std::string_view basic = basic_type(tag); !basic.empty()) return write(basic);
    switch (tag) {
      case 'R':
      case 'Q':
        return reference_type(tag == 'Q');
      case 'P':
      case 'O':
        write(tag == 'P' ? "*const " : "*mut ");
        return type();
      case 'A':
      case 'S':
        write("[");
        type();
        if (tag == 'A') {
          write("; ");
          constant(true);
        }
        return write("]");
      case 'T':
        return tuple([&] { type(); });
      case 'F':
        return in_binder([&] { function_type(); });
      case 'D':
        return trait_object();
      case 'W':
        type();
        write(" is ");
        return pattern();
      case 'B':
        return reference([&] { type(); });
      default:
        if (!is_ok()) return;
        go_to(at() - 1);
        path(false);
    }
  }

  template <typename Read>
  void tuple(Read read) {
    write("(");
    if (list(", ", read) == 1) write(",");
    write(")");
  }

  void reference_type(bool is_mutable) {
    write("&");
    if (eat('L')) {
      if (const uint64_t lifetime = number_62(); lifetime != 0) {
        write_lifetime(lifetime);
        write(" ");
      }
    }
    if (is_mutable) write("mut ");
    type();
  }

  void function_type() {
    if (eat('U')) write("unsafe ");
    if (eat('K')) {
      std::string abi = "C";
      if (!eat('C')) {
        const Identifier name = identifier();
        if (name.ascii.empty() || !name.punycode.empty()) return wrong();
        abi = name.ascii;
        for (char& c : abi) c = c == '_' ? '-' : c;
      }
      write("extern \"" + abi + "\" ");
    }
    write("fn(");
    list(", ", [&] { type(); });
    write(")");
    if (eat('u')) return;
    write(" -> ");
    type();
  }

  void trait_object() {
    write("dyn ");
    in_binder([&] { list(" + ", [&] { bound(); }); });
    if (!eat('L')) return wrong();
    if (const uint64_t lifetime = number_62(); lifetime != 0) {
      write(" + ");
      write_lifetime(lifetime);
    }
  }

  /// dyn-trait: the types of a trait are among its generic arguments: Iterator<Item = u8>.
  void bound() {
    bool is_open = open_path();
    while (eat('p')) {
      write(is_open ? ", " : "<");
      is_open = true;
      write(identifier().text());
      write(" = ");
      type();
    }
    if (is_open) write(">");
  }

  /// A path, but of one with generic arguments not the '>'. @return whether that is missing.
  bool open_path() {
    const Level level(*this);
    bool is_open = false;
    if (eat('B')) {
      reference([&] { is_open = open_path(); });
    } else if (eat('I')) {
      path(false);
      write("<");
      list(", ", [&] { generic_argument(); });
      is_open = true;
    } else {
      path(false);
    }
    return is_open;
  }

  /// Of a pattern type. rustc 1.95 makes such names; nothing describes them.
  void pattern() {
    const Level level(*this);
    switch (next()) {
      case 'R':
        constant(true);
        write("..=");
        return constant(true);
      case 'O':
        list(" | ", [&] { pattern(); });
        return;
      case 'u':
        return write("!null");
      default:
        return wrong();
    }
  }

  // --- Constants

  /// @param is_inside within another expression: only there can those that are no literals be
  /// without braces.
  void constant(bool is_inside) {
    const Level level(*this);
    const char tag = next();
    switch (tag) {
      case 'p':
        return write("_");
      case 'B':
        return reference([&] { constant(is_inside); });
      case 'b':
        return boolean();
      case 'c':
        return character();
      case 'a':
      case 'i':
      case 'l':
      case 'n':
      case 's':
      case 'x':
        if (eat('n')) write("-");
        return number();
      case 'h':
      case 'j':
      case 'm':
      case 'o':
      case 't':
      case 'y':
        return number();
      case 'R':
        if (eat('e')) return string();  // &*"text"
        break;
      default:
        break;
    }
    if (!is_inside) write("{");
    expression(tag);
    if (!is_inside) write("}");
  }

  void expression(char tag) {
    switch (tag) {
      case 'R':
      case 'Q':
        write(tag == 'R' ? "&" : "&mut ");
        return constant(true);
      case 'e':
        write("*");
        return string();
      case 'A':
        write("[");
        list(", ", [&] { constant(true); });
        return write("]");
      case 'T':
        return tuple([&] { constant(true); });
      case 'V':
        return structure();
      default:
        return wrong();
    }
  }

  void structure() {
    path(true);
    switch (next()) {
      case 'U':
        return;
      case 'T':
        write("(");
        list(", ", [&] { constant(true); });
        return write(")");
      case 'S':
        write(" { ");
        list(", ", [&] {
          optional_number_62('s');
          write(identifier().text());
          write(": ");
          constant(true);
        });
        return write(" }");
      default:
        return wrong();
    }
  }

  void number() {
    const std::string_view digits = hex_digits();
    if (digits.empty()) return wrong();
    if (const auto number = hex_number(digits)) return write_number(*number);
    write("0x");
    write(digits);
  }

  void boolean() {
    const std::string_view digits = hex_digits();
    if (digits != "0" && digits != "1") return wrong();
    write(digits == "1" ? "true" : "false");
  }

  void character() {
    const auto code = hex_number(hex_digits());
    if (!code || !is_character(*code)) return wrong();
    std::string text;
    append_utf8(text, static_cast<uint32_t>(*code));
    write("'");
    write_escaped(static_cast<uint32_t>(*code), text, '\'');
    write("'");
  }

  /// The bytes of a text in UTF-8, in hexadecimal.
  void string() {
    const std::string_view digits = hex_digits();
    if (digits.size() % 2 != 0) return wrong();
    std::string bytes;
    for (size_t i = 0; i < digits.size(); i += 2)
      bytes += static_cast<char>(*hex_digit(digits[i]) << 4 | *hex_digit(digits[i + 1]));
    write("\"");
    for (std::string_view rest = bytes; is_ok() && !rest.empty();) {
      const Utf8Character first = first_character(rest);
      if (first.length == 0) return wrong();
      write_escaped(first.code, rest.substr(0, first.length), '"');
      rest.remove_prefix(first.length);
    }
    write("\"");
  }

  std::string text_;
  bool is_silent_ = false;
  int depth_ = 0;
  int steps_ = 0;
  uint64_t lifetimes_ = 0;  ///< that binders around have introduced
};

}  // namespace

std::string demangle_rust_v0(std::string_view mangled) {
  if (!mangled.starts_with("_R")) return {};
  mangled.remove_prefix(2);
  // A digit here is the version of an encoding to come.
  if (mangled.empty() || !RustNameCursor::is_upper(mangled.front())) return {};
  constexpr std::string_view letters =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_";
  if (mangled.find_first_not_of(letters) != mangled.npos) return {};
  return RustName(mangled).run();
}

}  // namespace clew::sym
