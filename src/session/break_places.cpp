#include "session/break_places.h"

#include <elf.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "arch/displace.h"
#include "base/printable.h"
#include "sym/code.h"
#include "sym/demangle.h"

namespace clew {
namespace {

std::string base_name(const std::string& path) { return path.substr(path.find_last_of('/') + 1); }

/// "file:line" taken apart; the line is 0 when the text is not of that form.
std::pair<std::string, unsigned> split_line(const std::string& text) {
  const size_t colon = text.rfind(':');
  unsigned line = 0;
  if (colon == text.npos || colon == 0) return {text, 0};
  const char* const end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data() + colon + 1, end, line);
  if (error != std::errc() || at != end) return {text, 0};
  return {text.substr(0, colon), line};
}

void add_place(std::vector<CodePlace>& places, const Symbols& symbols, Addr address) {
  const bool known = std::any_of(places.begin(), places.end(),
                                 [&](const CodePlace& p) { return p.address == address; });
  if (!known) places.push_back({address, describe_code(symbols, address)});
}

void add_line(std::vector<CodePlace>& places, const Symbols& symbols, const std::string& file,
              unsigned line) {
  for (const sym::LoadedModule& loaded : symbols.modules().modules()) {
    // One place for each copy of the line: the first address of each function that has it.
    std::vector<uint64_t> entries;
    for (const sym::LineRange& range : sym::code_of_line(*loaded.module, file, line).ranges) {
      if (!range.is_statement) continue;
      const auto functions = sym::functions_at(*loaded.module, range.start);
      const uint64_t entry = functions.empty() ? range.start : functions.front().entry;
      if (std::find(entries.begin(), entries.end(), entry) != entries.end()) continue;
      entries.push_back(entry);
      const uint64_t at =
          entry == range.start ? sym::after_prologue(*loaded.module, entry) : range.start;
      add_place(places, symbols, loaded.to_runtime(at));
    }
  }
}

/// True when `typed` names the function, with or without its scopes and parameters.
bool names(const std::string& full, const std::string& typed) {
  const std::string plain = full.substr(0, full.find('('));
  if (full == typed || plain == typed) return true;
  return plain.size() > typed.size() + 2 && plain.ends_with(typed) &&
         plain.compare(plain.size() - typed.size() - 2, 2, "::") == 0;
}

void add_function(std::vector<CodePlace>& places, const Symbols& symbols, const std::string& name) {
  for (const sym::LoadedModule& loaded : symbols.modules().modules()) {
    for (const sym::Symbol& symbol : loaded.module->symbols().by_address()) {
      if (symbol.type != STT_FUNC) continue;
      // Demangling every name would take long: a mangled one has the plain name in it.
      const std::string last = name.substr(name.rfind(':') == name.npos ? 0 : name.rfind(':') + 1);
      if (symbol.name.find(last.substr(0, last.find('('))) == symbol.name.npos) continue;
      if (symbol.name != name && !names(sym::demangle(symbol.name), name)) continue;
      add_place(places, symbols,
                loaded.to_runtime(sym::after_prologue(*loaded.module, symbol.address)));
    }
  }
}

}  // namespace

std::string describe_code(const Symbols& symbols, Addr address) {
  const sym::LoadedModule* const loaded = symbols.modules().find(address);
  if (loaded == nullptr) return fmt::format("{:#x}", address.value);
  const uint64_t at = loaded->to_file(address);
  const auto functions = sym::functions_at(*loaded->module, at);
  std::string text;
  if (const auto line = sym::line_at(*loaded->module, at); line && line->line > 0)
    text = fmt::format("{}:{}", printable(base_name(line->file)), line->line);
  if (functions.empty()) {
    return text.empty() ? fmt::format("{}+{:#x}", printable(loaded->module->name()), at) : text;
  }
  const std::string name = printable(functions.front().name);
  if (!text.empty()) return fmt::format("{} in {}", text, name);
  const uint64_t offset = at - functions.front().entry;
  return fmt::format("{}{} in {}", name, offset == 0 ? "" : fmt::format("+{}", offset),
                     printable(loaded->module->name()));
}

Result<std::vector<CodePlace>> break_places(
    const std::string& text, const Symbols& symbols,
    const std::function<Result<uint64_t>(const std::string&)>& number) {
  std::vector<CodePlace> places;
  if (text.empty())
    return fail(ErrorCode::bad_request, "where? Give a function, FILE:LINE or *ADDRESS");
  if (text.front() == '*') {
    const auto address = number(text.substr(1));
    if (!address) return tl::unexpected(address.error());
    add_place(places, symbols, {*address});
    return places;
  }
  const auto [file, line] = split_line(text);
  if (line > 0) {
    add_line(places, symbols, file, line);
    if (places.empty()) {
      return fail(ErrorCode::not_found,
                  fmt::format("no code is known for line {} of {}", line, printable(file)));
    }
    return places;
  }
  add_function(places, symbols, text);
  if (places.empty())
    return fail(ErrorCode::not_found, fmt::format("no function \"{}\" is known", printable(text)));
  return places;
}

}  // namespace clew
