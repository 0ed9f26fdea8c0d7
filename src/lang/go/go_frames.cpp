#include "lang/go/go_frames.h"

#include <dwarf.h>

#include <algorithm>

#include "lang/go/build_info.h"
#include "lang/go/code_facts.h"
#include "sym/code.h"

namespace clew::go {

GoFrames::GoFrames(sym::ModuleMap modules) : modules_(std::move(modules)) {
  const auto& all = modules_.modules();
  has_go_ = std::any_of(all.begin(), all.end(), [](const sym::LoadedModule& loaded) {
    return is_go_image(loaded.module->image());
  });
}

stack::RuntimeFrameFacts GoFrames::facts(const stack::RawFrame& frame) {
  constexpr size_t most_known = 65'536;
  if (known_.size() >= most_known) known_.clear();
  const auto [found, is_new] = known_.try_emplace(frame.lookup.value);
  if (is_new) found->second = look_up(frame.lookup);
  return found->second;
}

stack::RuntimeFrameFacts GoFrames::look_up(Addr lookup) const {
  stack::RuntimeFrameFacts facts;
  const sym::LoadedModule* const loaded = modules_.find(lookup);
  if (loaded == nullptr || !is_go_image(loaded->module->image())) return facts;
  const auto functions = sym::functions_at(*loaded->module, loaded->to_file(lookup));
  if (functions.empty() || functions.back().language != DW_LANG_Go) return facts;
  facts.is_own = true;
  facts.is_outermost = is_outermost_function(functions.back().name);
  facts.interrupts = is_interruption(functions.back().name);
  return facts;
}

}  // namespace clew::go
