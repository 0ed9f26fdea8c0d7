#include "view/flame_graph.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <memory>

#include "base/printable.h"

namespace clew {
namespace {

constexpr double picture_width = 1200;
constexpr double margin = 10;
constexpr double row_height = 17;
constexpr double head_height = 60;
constexpr double foot_height = 30;
/// Of a character of the font, near enough for cutting names where no script runs.
constexpr double letter_width = 7;
/// Nobody looks at more; a deep recursion is folded before.
constexpr size_t most_levels = 400;
constexpr size_t most_boxes = 50'000;

/// A function as it was called from one place.
struct Box {
  std::map<std::string, std::unique_ptr<Box>> callees;
  std::string module;
  size_t threads = 0;
  bool is_inlined = false;
  bool is_guess = false;
};

std::string escaped(std::string_view text) {
  std::string safe;
  for (const char c : text) {
    switch (c) {
      case '<':
        safe += "&lt;";
        break;
      case '>':
        safe += "&gt;";
        break;
      case '&':
        safe += "&amp;";
        break;
      case '"':
        safe += "&quot;";
        break;
      default:
        safe += c;
    }
  }
  return safe;
}

std::string name_of(const FrameView& frame) {
  if (!frame.function.empty()) return printable(frame.function);
  const std::string file = frame.module.substr(frame.module.find_last_of('/') + 1);
  return file.empty() ? "[unknown]" : fmt::format("[{}]", printable(file));
}

void add_groups(const std::vector<stack::StackGroup>& groups, stack::Namer& namer, Box& root) {
  for (const stack::StackGroup& group : groups) {
    auto frames = frame_views(group, namer);
    const auto repeats = find_repeats(frames);
    for (auto run = repeats.rbegin(); run != repeats.rend(); ++run) {
      const auto first = frames.begin() + static_cast<ptrdiff_t>(run->start);
      frames.erase(first, first + static_cast<ptrdiff_t>(run->length));
    }
    const size_t threads = group.threads.size();
    root.threads += threads;
    Box* box = &root;
    size_t level = 0;
    for (auto frame = frames.rbegin(); frame != frames.rend() && level < most_levels;
         ++frame, ++level) {
      auto& callee = box->callees[name_of(*frame)];
      if (callee == nullptr) {
        callee = std::make_unique<Box>();
        callee->module = frame->module.substr(frame->module.find_last_of('/') + 1);
        callee->is_inlined = frame->is_inlined;
        callee->is_guess = is_guess(frame->origin);
      }
      callee->threads += threads;
      box = callee.get();
    }
  }
}

/// Of a Go program goroutines and threads stand beside each other.
Box build_tree(const StackReport& report, stack::Namer& namer) {
  Box root;
  if (!report.is_go) {
    add_groups(report.groups, namer, root);
    return root;
  }
  for (const auto& [name, groups] :
       {std::pair("goroutines", &report.goroutine_groups), std::pair("threads", &report.groups)}) {
    if (groups->empty()) continue;
    auto& part = root.callees[name];
    part = std::make_unique<Box>();
    add_groups(*groups, namer, *part);
    root.threads += part->threads;
  }
  return root;
}

size_t depth_of(const Box& box) {
  size_t deepest = 0;
  for (const auto& [name, callee] : box.callees) deepest = std::max(deepest, depth_of(*callee));
  return deepest + 1;
}

/// One hue a module, so that what belongs together looks it; a little lighter or darker by name.
std::string color_of(const std::string& name, const Box& box) {
  const auto hash = [](std::string_view text) {
    uint32_t value = 2166136261;  // FNV-1a, so that the colours are the same in every run
    for (const char c : text) value = (value ^ static_cast<unsigned char>(c)) * 16777619;
    return value;
  };
  const unsigned hue = hash(box.module) % 360;
  const unsigned light = 62 + hash(name) % 16;
  return fmt::format("hsl({},{}%,{}%)", hue, box.is_inlined ? 35 : 65, light);
}

class Painter {
 public:
  Painter(const StackReport& report, const Box& root)
      : report_(report), root_(root), levels_(depth_of(root)) {}

  std::string paint();

 private:
  void paint_box(const std::string& name, const Box& box, double start, size_t level);

  double height() const {
    return head_height + static_cast<double>(levels_) * row_height + foot_height;
  }

  /// What is counted.
  std::string_view what() const { return report_.is_go ? "stack" : "thread"; }

  const StackReport& report_;
  const Box& root_;
  size_t levels_;
  size_t boxes_ = 0;
  std::string text_;
};

void Painter::paint_box(const std::string& name, const Box& box, double start, size_t level) {
  if (++boxes_ > most_boxes) return;
  const double scale =
      (picture_width - 2 * margin) / static_cast<double>(std::max<size_t>(root_.threads, 1));
  const double x = margin + start * scale;
  const double width = static_cast<double>(box.threads) * scale;
  const double y = head_height + static_cast<double>(levels_ - 1 - level) * row_height;
  const double share =
      100.0 * static_cast<double>(box.threads) / static_cast<double>(root_.threads);
  std::string note = box.module.empty() ? "" : " in " + printable(box.module);
  if (box.is_inlined) note += ", inlined";
  if (box.is_guess) note += ", a guess";
  text_ += fmt::format(
      "<g class=\"f\" data-s=\"{}\" data-n=\"{}\" data-l=\"{}\" data-name=\"{}\"><title>{}{}: {} "
      "{}{}, "
      "{:.1f}%</title><rect x=\"{:.2f}\" y=\"{:.0f}\" width=\"{:.2f}\" height=\"{:.0f}\" "
      "fill=\"{}\"{}/>",
      start, box.threads, level, escaped(name), escaped(name), escaped(note), box.threads, what(),
      box.threads == 1 ? "" : "s", share, x, y, std::max(width - 0.5, 0.3), row_height - 1,
      color_of(name, box), box.is_guess ? " stroke=\"#555\" stroke-dasharray=\"3\"" : "");
  // Characters, not bytes: a cut must not go through one.
  const auto letters = static_cast<size_t>(std::max(0.0, (width - 6) / letter_width));
  std::string shown;
  size_t count = 0;
  for (size_t at = 0; at < name.size();) {
    const size_t length = std::max<size_t>(printable_length(std::string_view(name).substr(at)), 1);
    if (++count > letters) {
      if (letters < 3) {
        shown.clear();
      } else {
        shown += "…";
      }
      break;
    }
    shown += name.substr(at, length);
    at += length;
  }
  text_ += fmt::format("<text x=\"{:.2f}\" y=\"{:.0f}\">{}</text></g>\n", x + 3, y + row_height - 5,
                       escaped(shown));
  for (const auto& [callee_name, callee] : box.callees) {
    paint_box(callee_name, *callee, start, level + 1);
    start += static_cast<double>(callee->threads);
  }
}

constexpr std::string_view style_sheet = R"(<style>
text { font: 12px monospace; fill: #111; pointer-events: none; }
.title { font: 17px sans-serif; } .small { font: 12px sans-serif; fill: #555; }
.button { pointer-events: all; cursor: pointer; fill: #05a; }
.f { cursor: pointer; } .f:hover rect { stroke: #000; }
.found rect { fill: #e0e !important; } .faded { opacity: 0.5; } .hidden { display: none; }
</style>
)";

constexpr std::string_view script = R"(<script><![CDATA[
'use strict';
(function () {
  const svg = document.documentElement;
  const margin = 10, letter = 7;
  const boxes = Array.from(document.getElementsByClassName('f')).map(function (g) {
    const title = g.querySelector('title').textContent;
    return { g: g, title: title, name: g.dataset.name,
             start: +g.dataset.s, count: +g.dataset.n, level: +g.dataset.l,
             rect: g.querySelector('rect'), text: g.querySelector('text') };
  });
  const all = boxes[0];
  let view = all;
  function draw() {
    const width = svg.viewBox.baseVal.width - 2 * margin;
    const scale = width / view.count;
    boxes.forEach(function (b) {
      const end = b.start + b.count, viewEnd = view.start + view.count;
      const around = b.level < view.level && b.start <= view.start && end >= viewEnd;
      const inside = b.level >= view.level && b.start >= view.start && end <= viewEnd;
      b.g.classList.toggle('hidden', !around && !inside);
      b.g.classList.toggle('faded', around);
      if (!around && !inside) return;
      const x = around ? margin : margin + (b.start - view.start) * scale;
      const w = around ? width : b.count * scale;
      b.rect.setAttribute('x', x);
      b.rect.setAttribute('width', Math.max(w - 0.5, 0.3));
      b.text.setAttribute('x', x + 3);
      const room = Math.floor((w - 6) / letter), letters = Array.from(b.name);
      b.text.textContent = letters.length <= room ? b.name
        : room < 3 ? '' : letters.slice(0, room).join('') + '…';
    });
  }
  const status = document.getElementById('status');
  function search(what) {
    if (what === null) return;
    let test;
    try { test = new RegExp(what, 'i'); } catch (e) { status.textContent = String(e); return; }
    // Threads below a hit are counted once, however often it calls itself.
    let threads = 0, until = -1;
    boxes.slice().sort(function (a, b) { return a.start - b.start || a.level - b.level; })
      .forEach(function (b) {
        const hit = what !== '' && test.test(b.title);
        b.g.classList.toggle('found', hit);
        if (hit && b.start + b.count > until) {
          threads += b.start + b.count - Math.max(b.start, until);
          until = b.start + b.count;
        }
      });
    status.textContent = what === '' ? '' : 'found in ' + threads + ' of ' + all.count +
      ' ' + svg.dataset.what + 's (' + (100 * threads / all.count).toFixed(1) + '%)';
  }
  boxes.forEach(function (b) {
    b.g.addEventListener('click', function () { view = view === b ? all : b; draw(); });
    b.g.addEventListener('mouseover', function () {
      document.getElementById('detail').textContent = b.title;
    });
  });
  function ask() { search(window.prompt('Look for (a regular expression):', '')); }
  document.getElementById('search').addEventListener('click', ask);
  document.getElementById('reset').addEventListener('click', function () { view = all; draw(); });
  window.addEventListener('keydown', function (e) {
    if (e.key === 'f' && (e.ctrlKey || e.metaKey)) { e.preventDefault(); ask(); }
    if (e.key === 'Escape') { view = all; search(''); draw(); }
  });
  draw();
})();
]]></script>
)";

std::string Painter::paint() {
  text_ = fmt::format(
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {0} {1}\" width=\"100%\" "
      "preserveAspectRatio=\"xMidYMin\" data-what=\"{2}\">\n"
      "<rect width=\"{0}\" height=\"{1}\" fill=\"#fafafa\"/>\n",
      picture_width, height(), what());
  text_ += style_sheet;
  text_ += fmt::format(
      "<text class=\"title\" x=\"{0}\" y=\"24\">{1} (process {2}): {3} {7}{4}</text>\n"
      "<text class=\"small button\" id=\"reset\" x=\"{0}\" y=\"44\">whole picture</text>\n"
      "<text class=\"small button\" id=\"search\" x=\"{5}\" y=\"24\" "
      "text-anchor=\"end\">search</text>\n"
      "<text class=\"small\" id=\"status\" x=\"{5}\" y=\"44\" text-anchor=\"end\"></text>\n"
      "<text class=\"small\" id=\"detail\" x=\"{0}\" y=\"{6}\"></text>\n",
      margin, escaped(report_.name), report_.pid, root_.threads, root_.threads == 1 ? "" : "s",
      picture_width - margin, height() - 10, what());
  paint_box(report_.name, root_, 0, 0);
  text_ += script;
  return text_ + "</svg>\n";
}

}  // namespace

std::string stacks_to_svg(const StackReport& report, stack::Namer& namer) {
  const Box root = build_tree(report, namer);
  return Painter(report, root).paint();
}

}  // namespace clew
