#include "view/frame_lines.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "base/printable.h"
#include "view/thread_table.h"

namespace clew {
namespace {

constexpr size_t longest_period = 4;
/// Shorter runs are shown as they are.
constexpr size_t shortest_run = 10;

std::string_view file_name(std::string_view path) {
  return path.substr(path.find_last_of('/') + 1);
}

FrameView make_view(const stack::PlaceFunction& part, const sym::LoadedModule* module,
                    uint64_t offset) {
  FrameView view;
  view.function = part.function.name;
  view.linkage_name = part.function.linkage_name;
  view.line = part.line;
  view.is_inlined = part.function.is_inlined;
  if (module != nullptr) view.module = module->module->path();
  view.offset = offset;
  return view;
}

std::string note_of(const FrameView& frame) {
  switch (frame.origin) {
    case stack::FrameOrigin::frame_pointer:
      return " (guess: by frame pointer)";
    case stack::FrameOrigin::scan:
      return " (guess: by a word on the stack)";
    default:
      break;
  }
  if (frame.is_signal_frame) return " (signal frame)";
  return frame.is_inlined ? " (inlined)" : "";
}

bool repeats(const std::vector<FrameView>& frames, size_t at, size_t period) {
  return at + period < frames.size() && frames[at].looks_like(frames[at + period]);
}

}  // namespace

bool FrameView::looks_like(const FrameView& other) const {
  if (function.empty() && pc != other.pc) return false;
  return function == other.function && module == other.module && line == other.line &&
         is_inlined == other.is_inlined && is_signal_frame == other.is_signal_frame &&
         is_guess(origin) == is_guess(other.origin);
}

std::vector<FrameView> frame_views(const stack::Stack& stack) {
  std::vector<FrameView> views;
  views.reserve(stack.frames.size());
  for (const stack::Frame& frame : stack.frames) {
    const stack::RawFrame& raw = stack.physical(frame);
    const sym::LoadedModule* const module = frame.module ? &*frame.module : nullptr;
    FrameView view = make_view({frame.function, frame.line}, module,
                               module == nullptr ? raw.pc.value : module->to_file(raw.pc));
    view.level = frame.level;
    view.pc = raw.pc;
    view.is_signal_frame = raw.is_signal_frame;
    view.origin = raw.origin;
    views.push_back(std::move(view));
  }
  return views;
}

std::vector<FrameView> frame_views(const stack::StackGroup& group, stack::Namer& namer) {
  std::vector<FrameView> views;
  views.reserve(group.frames.size());
  for (const stack::StackGroup::Frame& frame : group.frames) {
    const stack::Place& place = namer.place(frame.lookup);
    const uint64_t offset =
        place.module == nullptr ? frame.pc.value : place.module->to_file(frame.pc);
    for (const stack::PlaceFunction& part : place.functions) {
      FrameView view = make_view(part, place.module, offset);
      view.level = static_cast<unsigned>(views.size());
      view.pc = frame.pc;
      view.is_signal_frame = frame.is_signal_frame;
      view.origin = frame.origin;
      views.push_back(std::move(view));
    }
  }
  return views;
}

std::string describe_frame(const FrameView& frame) {
  // The C libraries have no symbol for it, but there is nothing unknown about it.
  if (frame.is_signal_frame && frame.function.empty()) {
    return "signal frame" +
           (frame.module.empty() ? std::string() : " in " + printable(file_name(frame.module)));
  }
  std::string text =
      frame.function.empty() ? hex_address(frame.pc.value) : printable(frame.function);
  // Where the debug information has no plain name, the parameters' types stand in it already.
  if (!frame.arguments.empty()) text += " " + frame.arguments;
  if (frame.line && frame.line->line != 0 && !frame.line->file.empty()) {
    text += fmt::format(" at {}:{}", printable(file_name(frame.line->file)), frame.line->line);
  } else if (frame.module.empty()) {
    text += " in no file";
  } else if (frame.function.empty()) {
    text += fmt::format(" in {}+{:#x}", printable(file_name(frame.module)), frame.offset);
  } else {
    text += fmt::format(" in {}", printable(file_name(frame.module)));
  }
  return text + note_of(frame);
}

std::vector<RepeatedFrames> find_repeats(const std::vector<FrameView>& frames) {
  std::vector<RepeatedFrames> found;
  size_t at = 0;
  while (at < frames.size()) {
    RepeatedFrames best;
    for (size_t period = 1; period <= longest_period; ++period) {
      size_t length = 0;
      while (repeats(frames, at + length, period)) ++length;
      // Of `length` + `period` frames the first and the last turn stay.
      if (length >= shortest_run && length > best.length + best.period) {
        best = {at + period, (length / period - 1) * period, period};
      }
    }
    if (best.length > 0) found.push_back(best);
    at = best.length > 0 ? best.start + best.length : at + 1;
  }
  return found;
}

std::string render_frames(const std::vector<FrameView>& frames, const FrameLineOptions& options,
                          const Style& style) {
  const auto repeated = options.fold_repeats ? find_repeats(frames) : std::vector<RepeatedFrames>();
  auto next = repeated.begin();
  std::string text;
  for (size_t i = 0; i < frames.size(); ++i) {
    if (next != repeated.end() && i == next->start) {
      text += options.indent +
              style.faint(next->period == 1 ? fmt::format("    … {} more of the same", next->length)
                                            : fmt::format("    … {} more, each {} the same",
                                                          next->length, next->period)) +
              "\n";
      i += next->length - 1;
      ++next;
      continue;
    }
    const FrameView& frame = frames[i];
    const std::string level = fmt::format("#{:<3}", frame.level);
    const bool is_selected = options.selected && *options.selected == frame.level;
    text += options.indent + (is_selected ? style.current(level) : style.faint(level)) + " ";
    if (options.addresses) text += style.address(hex_address(frame.pc.value)) + " ";
    std::string words = describe_frame(frame);
    // Once is enough for an address that stands for an unknown function.
    const std::string address = hex_address(frame.pc.value);
    if (options.addresses && words.starts_with(address)) words.replace(0, address.size(), "?");
    text += words + "\n" + frame.details;
  }
  return text;
}

std::string describe_end(stack::StackEnd end, const std::string& note) {
  if (end == stack::StackEnd::outermost) return {};
  return fmt::format("the stack is cut off here: {}", printable(note));
}

std::string_view origin_name(stack::FrameOrigin origin) {
  switch (origin) {
    case stack::FrameOrigin::registers:
      return "registers";
    case stack::FrameOrigin::cfi:
      return "tables";
    case stack::FrameOrigin::signal:
      return "signal";
    case stack::FrameOrigin::runtime:
      return "runtime";
    case stack::FrameOrigin::frame_pointer:
      return "frame_pointer";
    case stack::FrameOrigin::scan:
      return "scan";
  }
  return "registers";
}

std::string_view end_name(stack::StackEnd end) {
  switch (end) {
    case stack::StackEnd::outermost:
      return "outermost";
    case stack::StackEnd::no_tables:
      return "no_tables";
    case stack::StackEnd::bad_memory:
      return "bad_memory";
    case stack::StackEnd::cycle:
      return "cycle";
    case stack::StackEnd::depth_limit:
      return "depth_limit";
  }
  return "outermost";
}

nlohmann::ordered_json frames_to_json(const std::vector<FrameView>& frames) {
  auto list = nlohmann::ordered_json::array();
  for (const FrameView& frame : frames) {
    nlohmann::ordered_json item;
    item["level"] = frame.level;
    item["pc"] = fmt::format("{:#x}", frame.pc.value);
    item["function"] = printable(frame.function);
    if (!frame.linkage_name.empty()) item["linkage_name"] = printable(frame.linkage_name);
    item["module"] = printable(frame.module);
    item["offset"] = fmt::format("{:#x}", frame.offset);
    if (frame.line && !frame.line->file.empty()) {
      item["file"] = printable(frame.line->file);
      item["line"] = frame.line->line;
      if (frame.line->column != 0) item["column"] = frame.line->column;
    }
    item["inlined"] = frame.is_inlined;
    if (frame.is_signal_frame) item["signal_frame"] = true;
    item["found_by"] = origin_name(frame.origin);
    item["guess"] = is_guess(frame.origin);
    list.push_back(std::move(item));
  }
  return list;
}

}  // namespace clew
