#include "stack/namer.h"

namespace clew::stack {

sym::CodePlace Namer::look_up(const sym::LoadedModule& loaded, uint64_t at) const {
  const sym::CodePlace* const known = kept_ == nullptr ? nullptr : kept_->find(loaded.module, at);
  if (known != nullptr) return *known;
  sym::CodePlace place{sym::functions_at(*loaded.module, at), sym::line_at(*loaded.module, at)};
  if (kept_ != nullptr) kept_->add(loaded.module, at, place);
  return place;
}

const Place& Namer::place(Addr lookup) {
  const auto [found, is_new] = places_.try_emplace(lookup.value);
  Place& place = found->second;
  if (!is_new) return place;
  place.address = lookup;
  place.module = modules_.find(lookup);
  if (place.module == nullptr) {
    place.functions.emplace_back();
    return place;
  }
  auto [functions, line] = look_up(*place.module, place.offset());
  for (sym::FunctionAt& function : functions) {
    std::optional<sym::SourceLine> next;
    if (function.is_inlined) next = function.call_site;
    place.functions.push_back({std::move(function), std::move(line)});
    line = std::move(next);
  }
  if (place.functions.empty()) place.functions.push_back({{}, std::move(line)});
  return place;
}

Stack Namer::name(RawStack raw) {
  Stack stack;
  stack.raw = std::move(raw);
  for (unsigned physical = 0; physical < stack.raw.frames.size(); ++physical) {
    const Place& found = place(stack.raw.frames[physical]);
    for (const PlaceFunction& part : found.functions) {
      Frame& frame = stack.frames.emplace_back();
      frame.level = static_cast<unsigned>(stack.frames.size() - 1);
      frame.physical = physical;
      frame.function = part.function;
      frame.line = part.line;
      if (found.module != nullptr) frame.module = *found.module;
    }
  }
  return stack;
}

}  // namespace clew::stack
