#pragma once

#include <optional>
#include <unordered_map>
#include <vector>

#include "stack/frame.h"
#include "sym/kept_places.h"
#include "sym/module_map.h"

namespace clew::stack {

/// One function that a place in the code belongs to.
struct PlaceFunction {
  sym::FunctionAt function;
  /// Where it is: for the function around an inlined copy, the line of that call.
  std::optional<sym::SourceLine> line;
};

/// What there is at one address, by name.
struct Place {
  Addr address;
  const sym::LoadedModule* module = nullptr;  ///< nullptr for code of no file
  /// Innermost first; the last is the real function, the others are copies inlined into it. Never
  /// empty: where nothing is known there is one without a name.
  std::vector<PlaceFunction> functions;

  /// Offset in the module's own address space; the address itself without a module.
  uint64_t offset() const { return module == nullptr ? address.value : module->to_file(address); }
};

/// Gives names to frames. Remembers what it has found, by address.
class Namer {
 public:
  explicit Namer(sym::ModuleMap modules) : modules_(std::move(modules)) {}
  /// Takes over what is known from other times, for places of which no DIEs are wanted. `kept` must
  /// outlive it and takes over what is new.
  void use(sym::KeptPlaces& kept) { kept_ = &kept; }

  const sym::ModuleMap& modules() const { return modules_; }
  Namer(const Namer&) = delete;
  Namer& operator=(const Namer&) = delete;

  /// Lives as long as the Namer.
  const Place& place(Addr lookup);
  const Place& place(const RawFrame& frame) { return place(frame.lookup); }

  /// Every frame with names, the inlined ones as frames of their own.
  Stack name(RawStack raw);

 private:
  sym::CodePlace look_up(const sym::LoadedModule& loaded, uint64_t at) const;

  sym::ModuleMap modules_;
  sym::KeptPlaces* kept_ = nullptr;
  std::unordered_map<uint64_t, Place> places_;
};

}  // namespace clew::stack
