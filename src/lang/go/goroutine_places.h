#pragma once

#include <deque>
#include <string>
#include <unordered_map>

#include "lang/go/goroutine.h"
#include "stack/namer.h"

namespace clew::go {

/// A place in the source, each kept once, so that two are the same when their addresses are.
struct GoPlace {
  std::string function;  ///< empty when not known
  sym::SourceLine line;
  Addr pc;  ///< one of those that belong to it

  /// "main.f at main.go:12", not yet fit for a terminal.
  std::string description() const;
};

/// Where goroutines are, began and were made, by name. Needs no stop.
class GoroutinePlaces {
 public:
  explicit GoroutinePlaces(sym::ModuleMap modules) : namer_(std::move(modules)) {}

  /// The innermost place in the user's code; where there is none, current(). `all` are the
  /// goroutines that it belongs to, the same in every call.
  const GoPlace& user(const Goroutines& all, const Goroutine& goroutine);
  /// Where it stands itself.
  const GoPlace& current(const Goroutine& goroutine);
  /// The go statement that made it; without a function for the first goroutine.
  const GoPlace& go_statement(const Goroutine& goroutine);
  /// The function that it began with.
  const GoPlace& start(const Goroutine& goroutine);
  /// True for one of the runtime's own: see is_system_start().
  bool is_system(const Goroutine& goroutine);

  stack::Namer& namer() { return namer_; }

 private:
  const GoPlace* keep(const stack::PlaceFunction& function, Addr pc);
  const GoPlace& at(Addr lookup, bool outer);
  /// The functions at an address, innermost first; never empty.
  const std::vector<stack::PlaceFunction>& functions_at(Addr lookup);

  stack::Namer namer_;
  std::unordered_map<uint64_t, std::vector<stack::PlaceFunction>> from_table_;
  std::deque<GoPlace> places_;
  std::unordered_map<std::string, const GoPlace*> by_text_;
  std::unordered_map<uint64_t, const GoPlace*> known_;
  std::vector<const GoPlace*> user_;  ///< by number of the stack
};

}  // namespace clew::go
