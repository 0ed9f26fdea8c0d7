#pragma once

#include <span>
#include <string_view>

#include "cli/debug/debugger.h"

namespace clew::cli {

/// What `info NAME …` tells of.
struct InfoTopic {
  std::string_view name;
  size_t shortest = 1;       ///< as many of its letters suffice
  std::string_view usage;    ///< what follows the name
  std::string_view summary;  ///< one line
  Status (*run)(Debugger&, const Arguments&);
  void (*prepare)(Debugger&, const Arguments&) = nullptr;  ///< see DebugCommand
};

// The topics of each file here; a name that several begin with means the first.
std::span<const InfoTopic> process_topics();
std::span<const InfoTopic> value_topics();
std::span<const InfoTopic> code_topics();
std::span<const InfoTopic> name_topics();
std::span<const InfoTopic> module_topics();

/// All of them.
std::span<const InfoTopic> info_topics();

}  // namespace clew::cli
