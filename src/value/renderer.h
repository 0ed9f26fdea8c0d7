#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "value/rendering.h"

namespace clew::value {

/// One rendering: counts what has been made, so that it ends.
class Renderer {
 public:
  Renderer(Target& target, const PrinterSet& printers, const PrintOptions& options)
      : target_(target), printers_(printers), options_(options) {}

  /// Of a value that is shown by itself.
  Rendering root(const Value& value);

 private:
  Rendering render(const Value& value, unsigned depth);
  void plain(const Value& value, const Type* type, unsigned depth, Rendering& node);
  std::string pointer_type_of(const Value& value, const Rendering& node) const;

  // Without parts.
  void scalar(const Value& value, const Type* type, Rendering& node);
  void pointer(const Value& value, const Type* type, Rendering& node);
  void function(const Value& value, Rendering& node);
  void go_pointer(const Value& value, Rendering& node) const;
  bool may_follow(const Value& pointer) const;
  Rendering followed(const Value& pointer, const std::string& lead, unsigned depth);
  Rendering named_stand_in(const Value& value, const std::string& summary, unsigned depth);
  void member_pointer(const Value& value, const Type* type, Rendering& node);
  std::string symbol_of(Addr address) const;
  std::string pointed_bytes(const Value& value, uint64_t count, Addr address) const;
  std::string pointed_text(const Value& value, const Type* target, Addr address) const;
  std::string string_of(const Text& text, const Value& value, std::string& mark) const;

  // With parts.
  void reference(const Value& value, unsigned depth, Rendering& node);
  void structure(const Value& value, const Type* type, unsigned depth, Rendering& node);
  void add_member(const Value& value, const Member& member, unsigned depth, Rendering& node);
  void variant(const Value& value, const Type* type, unsigned depth, Rendering& node);
  void array(const Value& value, const Type* type, unsigned depth, Rendering& node);
  bool text_array(const Value& value, const Type* type, Rendering& node);
  void elements(const Value& value, const Type* type, uint64_t count, unsigned depth,
                Rendering& node);
  void presented(const Value& value, const Printer& printer, unsigned depth, Rendering& node);
  void add_children(const Presentation& presentation, unsigned depth, Rendering& node);
  void collect_children(const Presentation& presentation, unsigned depth, Rendering& node);

  bool is_full(Rendering& node);
  bool is_too_deep(unsigned depth, Rendering& node) const;
  uint64_t element_limit() const { return options_.elements == 0 ? UINT64_MAX : options_.elements; }
  uint64_t unit_limit() const {
    return options_.string_length == 0 ? PrintOptions::most_units
                                       : std::min(options_.string_length, PrintOptions::most_units);
  }

  Target& target_;
  const PrinterSet& printers_;
  const PrintOptions& options_;
  size_t nodes_ = 0;
  std::vector<const void*> statics_;  // the static members that are being shown
  std::vector<uint64_t> following_;   // pointers whose targets are being shown
  size_t followed_ = 0;
};

/// Turns a node into the mark of an error: "<cannot read memory at 0x10>".
void make_missing(Rendering& node, const std::string& reason);

/// How characters of a type are encoded, and what stands in front of their quotes.
Text::Encoding encoding_of(const Type* character);
std::string text_prefix(const Type* character);

}  // namespace clew::value
