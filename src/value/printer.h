#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "value/value.h"

namespace clew::value {

/// How the children of a value are shown: in C's syntax {a = 1, b = 2}, {1, 2} and {[k] = v}.
enum class Shape : uint8_t {
  none,    ///< no children: the summary says it all
  fields,  ///< each child has a name
  list,    ///< numbered from 0: names are not shown, equal neighbours are folded
  map,     ///< each child has a key
};

/// One child of a container. Errors of its bytes stay in the value and are shown in its place.
struct Child {
  std::string name;          ///< of fields: "first", "[contained value]", "get()"
  std::optional<Value> key;  ///< of maps
  Value value;
};

/// Text that a value stands for: a std::string, a Rust str. It is read by the renderer, up to its
/// own limits; `length` may be any number that was found in memory.
struct Text {
  enum class Encoding : uint8_t { bytes, utf8, utf16, utf32 };
  Addr start;
  uint64_t length = 0;  ///< in units; ends earlier at a zero unit only if `ends_at_zero`
  Encoding encoding = Encoding::bytes;
  bool ends_at_zero = false;
  std::string prefix;  ///< L, u, U, b: what stands before the quotes
};

/// What a printer makes of a value.
struct Presentation {
  /// In front of the children, or alone: "std::vector of length 3, capacity 4". May be empty.
  std::string summary;
  /// Shown as a string in quotes, behind the summary if there is one.
  std::optional<Text> text;
  /// Show this value in place of the one that was asked for (behind the summary): an atomic's
  /// number, what a Box points to.
  std::optional<Value> stand_in;
  /// The summary has named the type of `stand_in`, which is shown without it, a pointer with what
  /// it points to: "error(*main.E) 0xc000012340 {code: 3}".
  bool names_stand_in = false;
  Shape shape = Shape::none;
  /// How many children next() is going to give, when that is known. Only for people and clients
  /// that page; nobody relies on it.
  std::optional<uint64_t> count;
  /// Gives one child after the other, nullopt behind the last one. An error ends the list and is
  /// shown as a mark at its end. The renderer stops calling at its limit of elements, so this needs
  /// no limit of its own, but each call must end: a search for the next used slot, a walk up a
  /// tree, must be bounded, and give bad_data when the bound is reached.
  std::function<Result<std::optional<Child>>()> next;
};

/// Shows the values of one type that it was made for.
class Printer {
 public:
  virtual ~Printer() = default;

  /// An error (fault, bad_data) says that the value makes no sense, such as a vector whose end lies
  /// before its start: it is shown as a mark, `<corrupt: the end lies before the start>`, and the
  /// raw fields behind it.
  virtual Result<Presentation> present(const Value& value) const = 0;
};

/// Which printers there are. The application makes one, hands it to whoever renders, and asks each
/// language to add its own: there is no registration by itself.
class PrinterSet {
 public:
  /// Looks at a type (without aliases and qualifiers) and returns a printer for it, or nullptr when
  /// it is none of its own. Called once for each type, so it is the place to check the shape and to
  /// look members up; the type outlives the printer.
  using Maker = std::function<std::unique_ptr<Printer>(const Type* type)>;

  /// Makers are asked in this order; the first printer is taken.
  void add(Maker maker) { makers_.push_back(std::move(maker)); }
  /// @return nullptr when the type is to be shown by its fields.
  const Printer* find(const Type* type) const;

 private:
  std::vector<Maker> makers_;
  mutable std::unordered_map<const Type*, std::unique_ptr<Printer>> known_;
};

}  // namespace clew::value
