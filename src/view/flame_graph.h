#pragma once

#include <string>

#include "view/stack_report.h"

namespace clew {

/// The stacks of all threads as one picture, the outermost functions at the bottom, each as wide as
/// it has threads. One SVG file that needs nothing else: a browser shows it, a click widens a
/// function, and Ctrl-F or the corner asks what to look for.
std::string stacks_to_svg(const StackReport& report, stack::Namer& namer);

}  // namespace clew
