#include "view/disassembly_view.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "base/printable.h"
#include "sym/source_path.h"
#include "view/source_listing.h"
#include "view/thread_table.h"

namespace clew {
namespace {

/// Lines of source between two stretches of code that are shown though they have no code: comments,
/// declarations. More of them are another part of the file.
constexpr unsigned most_lines_between = 12;

class Renderer {
 public:
  Renderer(const DisassemblyOptions& options, SourceFiles& sources, const Style& style,
           const std::vector<DisassembledLine>& lines)
      : options_(options), sources_(sources), style_(style) {
    for (const DisassembledLine& line : lines)
      offset_width_ = std::max(offset_width_, offset(line).size());
  }

  std::string plain(const std::vector<DisassembledLine>& lines);
  std::string in_code_order(const std::vector<DisassembledLine>& lines);
  std::string in_line_order(const std::vector<DisassembledLine>& lines);

 private:
  std::string offset(const DisassembledLine& line) const;
  std::string instruction(const DisassembledLine& line) const;
  void add_source(const std::string& file, unsigned first, unsigned last);
  void add_heading(const std::string& file);

  const DisassemblyOptions& options_;
  SourceFiles& sources_;
  const Style& style_;
  size_t offset_width_ = 0;
  std::string text_;
};

/// Within its function; empty when that is not known.
std::string Renderer::offset(const DisassembledLine& line) const {
  const std::string& function = line.place.function;
  if (function.empty()) return {};
  return fmt::format("<{}+{}>", options_.function_names ? printable(function) : "",
                     line.place.offset);
}

std::string Renderer::instruction(const DisassembledLine& line) const {
  const bool is_current = options_.current && *options_.current == line.address;
  std::string text = is_current ? style_.current("=> ") : "   ";
  text += style_.address(hex_address(line.address.value));
  if (!line.place.function.empty())
    text += style_.faint(fmt::format(" {:<{}}", offset(line), offset_width_));
  text += "  ";
  if (options_.raw_bytes) {
    std::string bytes;
    for (const std::byte byte : line.bytes)
      bytes += fmt::format("{:02x} ", std::to_integer<unsigned>(byte));
    text += fmt::format("{:<31}", bytes);
  }
  text += line.text;
  if (!line.target.empty()) text += style_.faint(fmt::format(" <{}>", printable(line.target)));
  return text + "\n";
}

void Renderer::add_heading(const std::string& file) {
  text_ += style_.heading(printable(file)) + ":\n";
}

void Renderer::add_source(const std::string& file, unsigned first, unsigned last) {
  const auto source = sources_.open(file);
  if (!source) {
    text_ += style_.faint(fmt::format("     {}:{}\n", printable(sym::last_part(file)), last));
    return;
  }
  text_ += render_source(**source, first, last, std::nullopt, style_);
}

std::string Renderer::plain(const std::vector<DisassembledLine>& lines) {
  for (const DisassembledLine& line : lines) text_ += instruction(line);
  return std::move(text_);
}

std::string Renderer::in_code_order(const std::vector<DisassembledLine>& lines) {
  const sym::SourceLine* last = nullptr;
  std::map<std::string, unsigned> furthest;  // line shown so far, by file
  for (const DisassembledLine& line : lines) {
    const sym::SourceLine& source = line.place.line;
    const bool is_new = last == nullptr || source.file != last->file || source.line != last->line;
    if (is_new && source.line != 0) {
      if (last != nullptr) text_ += "\n";
      if (last == nullptr || source.file != last->file) add_heading(source.file);
      unsigned& reached = furthest[source.file];
      const bool goes_on =
          reached != 0 && source.line > reached && source.line - reached <= most_lines_between;
      add_source(source.file, goes_on ? reached + 1 : source.line, source.line);
      reached = std::max(reached, source.line);
    }
    if (source.line != 0) last = &source;
    text_ += instruction(line);
  }
  return std::move(text_);
}

std::string Renderer::in_line_order(const std::vector<DisassembledLine>& lines) {
  // What was inlined from other files comes behind the function's own.
  std::map<std::pair<std::string, unsigned>, std::vector<const DisassembledLine*>> by_line;
  for (const DisassembledLine& line : lines)
    by_line[{line.place.line.file, line.place.line.line}].push_back(&line);
  const std::string own = lines.empty() ? "" : lines.front().place.line.file;
  const auto add_file = [&](bool is_own) {
    const std::string* file = nullptr;
    for (const auto& [key, instructions] : by_line) {
      if ((key.first == own) != is_own) continue;
      if (file == nullptr || *file != key.first) add_heading(key.first);
      file = &key.first;
      add_source(key.first, key.second, key.second);
      for (const DisassembledLine* const line : instructions) text_ += instruction(*line);
      text_ += "\n";
    }
  };
  add_file(true);
  add_file(false);
  return std::move(text_);
}

}  // namespace

std::string render_disassembly(const std::vector<DisassembledLine>& lines,
                               const DisassemblyOptions& options, SourceFiles& sources,
                               const Style& style) {
  Renderer renderer(options, sources, style, lines);
  switch (options.source) {
    case DisassemblyOptions::Source::in_code_order:
      return renderer.in_code_order(lines);
    case DisassemblyOptions::Source::in_line_order:
      return renderer.in_line_order(lines);
    case DisassemblyOptions::Source::none:
      break;
  }
  return renderer.plain(lines);
}

}  // namespace clew
