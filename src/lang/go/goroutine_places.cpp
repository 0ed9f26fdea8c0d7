#include "lang/go/goroutine_places.h"

#include <fmt/format.h>

#include "lang/go/code_facts.h"
#include "sym/go_table.h"
#include "sym/source_path.h"

namespace clew::go {

std::string GoPlace::description() const {
  std::string text = function.empty() ? fmt::format("{:#x}", pc.value) : function;
  if (!line.file.empty() && line.line != 0)
    text += fmt::format(" at {}:{}", sym::last_part(line.file), line.line);
  return text;
}

const GoPlace* GoroutinePlaces::keep(const stack::PlaceFunction& function, Addr pc) {
  GoPlace place{function.function.name, function.line.value_or(sym::SourceLine{}), pc};
  place.line.column = 0;
  std::string text = place.function.empty() ? fmt::format("{:#x}", pc.value)
                                            : fmt::format("{}\n{}:{}", place.function,
                                                          place.line.file, place.line.line);
  const auto [found, is_new] = by_text_.try_emplace(std::move(text), nullptr);
  if (is_new) found->second = &places_.emplace_back(std::move(place));
  return found->second;
}

/// The linker's table has them at hand, where the debug information of a whole package would have
/// to be read. It writes the types of generic functions as "[...]": those are looked up there.
const std::vector<stack::PlaceFunction>& GoroutinePlaces::functions_at(Addr lookup) {
  const auto [found, is_new] = from_table_.try_emplace(lookup.value);
  std::vector<stack::PlaceFunction>& functions = found->second;
  if (is_new) {
    const sym::LoadedModule* const loaded = namer_.modules().find(lookup);
    const sym::GoTable* const table = loaded == nullptr ? nullptr : sym::go_table(*loaded->module);
    if (table != nullptr) {
      for (const sym::GoTable::Place& place : table->places(loaded->to_file(lookup))) {
        if (place.function.find("[...]") != place.function.npos) {
          functions.clear();
          break;
        }
        stack::PlaceFunction& one = functions.emplace_back();
        one.function.name = place.function;
        one.line = sym::SourceLine{std::string(place.file), place.line, 0};
      }
    }
  }
  return functions.empty() ? namer_.place(lookup).functions : functions;
}

/// `outer`: of functions that are inlined into each other the outermost.
const GoPlace& GoroutinePlaces::at(Addr lookup, bool outer) {
  const GoPlace*& known = known_[lookup.value << 1 | (outer ? 1 : 0)];
  if (known == nullptr) {
    const auto& functions = functions_at(lookup);
    known = keep(outer ? functions.back() : functions.front(), lookup);
  }
  return *known;
}

const GoPlace& GoroutinePlaces::current(const Goroutine& goroutine) {
  return at(StackWord::of(goroutine.pc.value, goroutine.is_exact).lookup(), false);
}

const GoPlace& GoroutinePlaces::go_statement(const Goroutine& goroutine) {
  return at(goroutine.go_pc.value == 0 ? Addr{} : goroutine.go_pc - 1, false);
}

const GoPlace& GoroutinePlaces::start(const Goroutine& goroutine) {
  return at(goroutine.start_pc, true);
}

bool GoroutinePlaces::is_system(const Goroutine& goroutine) {
  return is_system_start(start(goroutine).function);
}

const GoPlace& GoroutinePlaces::user(const Goroutines& all, const Goroutine& goroutine) {
  if (goroutine.stack == Goroutine::none) return current(goroutine);
  if (user_.size() <= goroutine.stack) user_.resize(all.stacks.size());
  const GoPlace*& known = user_[goroutine.stack];
  if (known != nullptr) return *known;
  for (const StackWord word : all.stacks[goroutine.stack]) {
    for (const stack::PlaceFunction& function : functions_at(word.lookup())) {
      if (!is_user_function(function.function.name)) continue;
      known = keep(function, word.pc());
      return *known;
    }
  }
  known = &current(goroutine);
  return *known;
}

}  // namespace clew::go
