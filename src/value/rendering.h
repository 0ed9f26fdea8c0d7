#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "value/printer.h"
#include "value/value.h"

namespace clew::value {

/// A letter behind print/ or x/.
enum class Format : uint8_t {
  natural,
  hex,               ///< x
  decimal,           ///< d
  unsigned_decimal,  ///< u
  octal,             ///< o
  binary,            ///< t
  character,         ///< c
  address,           ///< a
  string,            ///< s
  floating,          ///< f
  hex_padded,        ///< z
  instruction,       ///< i, of x alone
};

/// How values are shown, and where that ends. `set print …` changes it.
struct PrintOptions {
  Format format = Format::natural;
  bool raw = false;              ///< no printers: the fields as they are
  uint64_t elements = 200;       ///< of one array or container; 0 is without limit
  uint64_t string_length = 200;  ///< units of one string; 0 is without limit
  unsigned depth = 20;           ///< of values within values
  unsigned repeats = 10;         ///< equal neighbours from this many on are folded; 0 is never
  bool pretty = false;           ///< one member a line
  bool dynamic_types = true;     ///< objects of C++ by what they really are
  bool symbols = true;           ///< <main+4> behind pointers
  bool static_members = true;
  bool unions = true;  ///< what is in unions within other values
  bool array_indexes = false;
  bool null_stop = false;      ///< arrays of characters end at the first zero
  bool addresses = true;       ///< of pointers and references
  bool pointer_types = false;  ///< (int *) in front of a pointer that is shown by itself
  bool follow = true;          ///< of Go: what a pointer that is shown by itself points to
  /// Ends the rendering, with marks that there is more: the target waits for it.
  Deadline deadline;

  /// Whatever the limits above are: no rendering has more nodes than this. Even a value that is
  /// nothing but containers in containers ends.
  static constexpr size_t most_nodes = 4'000'000;
  /// No string longer than this is read, in units.
  static constexpr uint64_t most_units = uint64_t{16} << 20;
  static constexpr unsigned most_depth = 200;
};

/// A value made fit to be shown: a tree of names and texts, from which text for people and JSON are
/// made. All texts that came from the target are printable already.
struct Rendering {
  enum class Kind : uint8_t {
    scalar,  ///< `text` is the value
    string,  ///< `text` is the value, in quotes
    fields,
    list,
    map,
    tuple,   ///< of Rust: (1, 2)
    missing  ///< no value: `text` is the reason, in <>
  };

  Kind kind = Kind::scalar;
  std::string name;            ///< what its parent calls it: a field, "[3]", a key
  bool is_name_shown = true;   ///< false for elements of lists and anonymous members
  const Type* type = nullptr;  ///< see type_text(); nullptr for what is no value
  /// In front of everything: "(B *) ", "@0x7ffe10: ".
  std::string prefix;
  std::string text;  ///< the value, or what it is called in front of the children
  std::vector<Rendering> children;
  uint64_t repeats = 1;           ///< it stands for so many equal neighbours
  std::optional<uint64_t> count;  ///< how many children there would be without limits
  bool is_cut = false;            ///< there is more: a limit was reached
  std::string mark;               ///< an error behind the children: "<cannot read memory at 0x10>"
  std::optional<Addr> address;    ///< of the value itself, when it lies in memory
};

/// How a language writes its values. The language's own part of rendering is here and in printers;
/// all else is one for all.
struct Syntax {
  std::string_view equals = " = ";  ///< between a field and its value
  std::string_view fields = " = ";  ///< between what a structure is called and its fields
  char list_open = '{', list_close = '}';
};
const Syntax& syntax_of(int language);

/// " <main+4>" for an address that has a name; empty otherwise.
std::string address_suffix(Target& target, Addr address);

/// Makes the tree. @return a tree whatever the value holds: what cannot be read or shown is a
/// missing node with its reason.
Rendering render(const Value& value, const PrinterSet& printers, const PrintOptions& options);

/// The tree in the language's syntax: on one line, or on several with `pretty`. `indent` is that of
/// the first line.
std::string to_text(const Rendering& rendering, const Syntax& syntax, const PrintOptions& options,
                    unsigned indent = 0);

}  // namespace clew::value
