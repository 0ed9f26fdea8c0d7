#include "session/location.h"

#include <dwarf.h>
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <map>

#include "base/printable.h"
#include "base/regular_expression.h"
#include "lang/go/build_info.h"
#include "lang/go/runtime_code.h"
#include "session/traced_function.h"
#include "sym/source_path.h"

namespace clew {
namespace {

/// More than anybody means; each costs two system calls whenever all threads are held.
constexpr size_t most_matching = 5000;

std::string_view trimmed(std::string_view text) {
  while (text.starts_with(' ') || text.starts_with('\t')) text.remove_prefix(1);
  while (text.ends_with(' ') || text.ends_with('\t')) text.remove_suffix(1);
  return text;
}

std::optional<unsigned> parse_number(std::string_view text) {
  unsigned number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

/// 'file.c':12 and 'f(int)' are gdb's way to keep odd names together.
std::string_view unquoted(std::string_view text) {
  text = trimmed(text);
  if (text.size() >= 2 && text.front() == text.back() &&
      (text.front() == '\'' || text.front() == '"'))
    return text.substr(1, text.size() - 2);
  return text;
}

/// The ':' between a file and what follows; npos when there is none. Those of "::" are not it, nor
/// any in quotes or behind a bracket.
size_t find_separator(std::string_view text) {
  char quote = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    if (quote != 0) {
      if (text[i] == quote) quote = 0;
      continue;
    }
    if (text[i] == '\'' || text[i] == '"') quote = text[i];
    if (text[i] == '(' || text[i] == '<') return text.npos;
    if (text[i] != ':') continue;
    if (i + 1 < text.size() && text[i + 1] == ':') {
      ++i;
    } else {
      return i;
    }
  }
  return text.npos;
}

Result<Location> parse_relative(std::string_view text) {
  Location location;
  location.kind = Location::Kind::relative;
  const auto number = parse_number(trimmed(text.substr(1)));
  if (!number)
    return fail(ErrorCode::bad_request,
                fmt::format("\"{}\" is no offset of lines", printable(text)));
  location.offset = text.front() == '-' ? -int64_t{*number} : int64_t{*number};
  return location;
}

/// Finds what a location means, module by module.
class Resolver {
 public:
  Resolver(Symbols& symbols, const LocationContext& context)
      : symbols_(symbols), context_(context) {}

  Result<std::vector<CodeLocation>> resolve(const Location& location);

 private:
  using Locations = std::vector<CodeLocation>;
  Result<Locations> resolve_address(const std::string& expression) const;
  Result<Locations> resolve_line(const std::string& file, unsigned line) const;
  Result<Locations> resolve_function(const Location& location) const;
  Result<Locations> resolve_matching(const std::string& expression) const;
  CodeLocation describe(const sym::LoadedModule& module, uint64_t address) const;

  Symbols& symbols_;
  const LocationContext& context_;
};

CodeLocation Resolver::describe(const sym::LoadedModule& module, uint64_t address) const {
  CodeLocation found;
  found.address = found.stop = module.to_runtime(address);
  found.module = module.module->name();
  const auto functions = sym::functions_at(*module.module, address);
  if (!functions.empty()) {
    found.function = functions.front().name;
    found.is_inlined = functions.front().is_inlined;
    if (functions.back().entry == address)
      found.stop = module.to_runtime(body_of(*module.module, functions.back()));
  }
  if (auto line = sym::line_at(*module.module, address)) found.line = std::move(*line);
  return found;
}

Result<Resolver::Locations> Resolver::resolve_address(const std::string& expression) const {
  if (!context_.evaluate)
    return fail(ErrorCode::bad_request,
                "an address cannot be computed here: name a line or function");
  const auto address = context_.evaluate(expression);
  if (!address) return tl::unexpected(address.error());
  const sym::LoadedModule* const module = symbols_.modules().find(Addr{*address});
  CodeLocation found;
  if (module != nullptr) found = describe(*module, module->to_file({*address}));
  // Who names an address means that one.
  found.address = found.stop = {*address};
  return Locations{std::move(found)};
}

Result<Resolver::Locations> Resolver::resolve_line(const std::string& file, unsigned line) const {
  struct InModule {
    const sym::LoadedModule* module;
    sym::LineCode code;
  };
  std::vector<InModule> all;
  unsigned nearest = 0;
  for (const sym::LoadedModule& module : symbols_.modules().modules()) {
    sym::LineCode code = sym::code_of_line(*module.module, file, line);
    if (code.ranges.empty()) continue;
    const unsigned found = code.ranges.front().line.line;
    if (nearest == 0 || found < nearest) nearest = found;
    all.push_back({&module, std::move(code)});
  }
  if (all.empty()) {
    return fail(ErrorCode::not_found,
                fmt::format("there is no code for {}:{} or a line after it: `info sources {}` "
                            "searches the files with debug information",
                            printable(file), line, printable(sym::last_part(file))));
  }
  Locations found;
  for (const InModule& part : all) {
    if (part.code.ranges.front().line.line != nearest) continue;
    // Once in each function, and in each copy of an inlined one: where it begins there.
    std::map<std::pair<uint64_t, const void*>, uint64_t> starts, of_wrappers;
    for (const sym::LineRange& range : part.code.ranges) {
      const auto functions = sym::functions_at(*part.module->module, range.start);
      const bool is_wrapper = !functions.empty() && functions.back().language == DW_LANG_Go &&
                              go::is_wrapper(*part.module->module, range.start);
      std::pair<uint64_t, const void*> key{0, nullptr};
      if (!functions.empty()) key = {functions.back().entry, functions.front().die.addr};
      const auto [known, is_new] =
          (is_wrapper ? of_wrappers : starts).try_emplace(key, range.start);
      if (!is_new) known->second = std::min(known->second, range.start);
    }
    // What Go's compiler makes of a go or defer statement runs later, perhaps on another goroutine:
    // the line is the statement itself.
    if (starts.empty()) starts = std::move(of_wrappers);
    for (const auto& [key, start] : starts) found.push_back(describe(*part.module, start));
  }
  return found;
}

Result<Resolver::Locations> Resolver::resolve_function(const Location& location) const {
  const auto query = sym::NameQuery::parse(location.name);
  if (!query) return tl::unexpected(query.error());
  const std::string file = sym::normal_path(location.file);
  Locations found;
  for (const LoadedFunction& function : symbols_.functions(*query)) {
    CodeLocation place = describe(function.module, function.function.entry);
    if (!file.empty() && !sym::path_ends_with(sym::normal_path(place.line.file), file)) continue;
    place.function = function.function.name;
    place.is_inlined = function.function.is_inlined;
    found.push_back(std::move(place));
  }
  if (!found.empty()) return found;
  const std::string where = file.empty() ? "" : " in " + printable(file);
  return fail(ErrorCode::not_found,
              fmt::format("there is no function \"{}\"{}: `info functions REGEX` searches",
                          printable(location.name), where));
}

Result<Resolver::Locations> Resolver::resolve_matching(const std::string& expression) const {
  const auto regex = RegularExpression::compile(expression);
  if (!regex) return tl::unexpected(regex.error());
  const auto functions = find_symbol_functions(symbols_, **regex);
  if (functions.size() > most_matching) {
    return fail(ErrorCode::bad_request,
                fmt::format("\"{}\" matches {} functions: {} at the most", printable(expression),
                            functions.size(), most_matching));
  }
  if (functions.empty()) {
    return fail(ErrorCode::not_found,
                fmt::format("no function matches \"{}\": `info functions REGEX` searches",
                            printable(expression)));
  }
  Locations found;
  for (const SymbolFunction& function : functions) {
    CodeLocation place = describe(function.module, function.address);
    place.function = function.name;
    place.is_inlined = false;
    found.push_back(std::move(place));
  }
  return found;
}

Result<std::vector<CodeLocation>> Resolver::resolve(const Location& location) {
  const sym::SourceLine& current = context_.line;
  switch (location.kind) {
    case Location::Kind::address:
      return resolve_address(location.expression);
    case Location::Kind::function:
      return resolve_function(location);
    case Location::Kind::matching:
      return resolve_matching(location.name);
    case Location::Kind::line:
      if (!location.file.empty()) return resolve_line(location.file, location.line);
      break;
    case Location::Kind::current:
    case Location::Kind::relative:
      break;
  }
  if (current.file.empty() || current.line == 0) {
    return fail(ErrorCode::bad_request,
                "there is no current line: say FILE:LINE, or select a thread in code with lines");
  }
  if (location.kind == Location::Kind::line) return resolve_line(current.file, location.line);
  const int64_t line = int64_t{current.line} + location.offset;
  if (line < 1 || line > UINT32_MAX)
    return fail(ErrorCode::bad_request, fmt::format("there is no line {}", line));
  return resolve_line(current.file, static_cast<unsigned>(line));
}

}  // namespace

Result<Location> parse_location(std::string_view text) {
  text = trimmed(text);
  Location location;
  if (text.empty()) return location;
  if (text.front() == '*') {
    location.kind = Location::Kind::address;
    location.expression = trimmed(text.substr(1));
    if (location.expression.empty())
      return fail(ErrorCode::bad_request, "an address is missing behind '*'");
    return location;
  }
  constexpr std::string_view matching = "-r ";
  if (text.starts_with(matching) || text == trimmed(matching)) {
    location.kind = Location::Kind::matching;
    location.name = unquoted(text.substr(std::min(text.size(), matching.size())));
    if (location.name.empty()) return fail(ErrorCode::bad_request, "-r needs a regular expression");
    return location;
  }
  if (text.front() == '+' || text.front() == '-') return parse_relative(text);
  const size_t separator = find_separator(text);
  std::string_view rest = text;
  if (separator != text.npos) {
    location.file = unquoted(text.substr(0, separator));
    rest = trimmed(text.substr(separator + 1));
  }
  if (rest.empty() || (separator != text.npos && location.file.empty())) {
    return fail(ErrorCode::bad_request,
                fmt::format("\"{}\" is no location: FILE:LINE, LINE, +N, FUNCTION, FILE:FUNCTION, "
                            "*ADDRESS or -r REGEX",
                            printable(text)));
  }
  if (const auto line = parse_number(rest)) {
    location.kind = Location::Kind::line;
    location.line = *line;
    if (*line == 0) return fail(ErrorCode::bad_request, "lines count from 1");
    return location;
  }
  location.kind = Location::Kind::function;
  location.name = unquoted(rest);
  return location;
}

std::string CodeLocation::description() const {
  std::string text;
  if (!line.file.empty() && line.line != 0)
    text = fmt::format("{}:{}", printable(sym::last_part(line.file)), line.line);
  if (!function.empty())
    text += fmt::format("{}{}{}", text.empty() ? "" : " in ", printable(function),
                        is_inlined ? " (inlined)" : "");
  if (!text.empty()) return text;
  return module.empty() ? fmt::format("{:#x}", address.value)
                        : fmt::format("{:#x} in {}", address.value, printable(module));
}

Result<std::vector<CodeLocation>> resolve_location(Symbols& symbols, const Location& location,
                                                   const LocationContext& context) {
  auto found = Resolver(symbols, context).resolve(location);
  if (!found) return found;
  std::stable_sort(found->begin(), found->end(), [](const CodeLocation& a, const CodeLocation& b) {
    return a.address < b.address;
  });
  return found;
}

uint64_t body_of(const sym::Module& module, const sym::FunctionAt& function) {
  const bool is_go = function.language == DW_LANG_Go ||
                     (function.language == 0 && go::is_go_image(module.image()));
  return is_go ? go::after_prologue(module, function.entry)
               : sym::after_prologue(module, function.entry);
}

}  // namespace clew
