#pragma once

// The frames of every thread as gdb and as `clew stacks` have them, and whether two are the same.

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <map>

#include "support.h"

namespace clew::test {

namespace fs = std::filesystem;

inline std::string word_of(const std::string& text) { return text.substr(0, text.find(' ')); }

/// tid → frames as frames.py has them; null without gdb.
inline json frames_by_gdb(pid_t pid) {
  if (!fs::exists("/usr/bin/gdb")) return nullptr;
  ClewProcess::Options options;
  options.program = "/usr/bin/gdb";
  options.environment = {"DEBUGINFOD_URLS"};
  ClewProcess gdb({"-p", std::to_string(pid), "-batch", "-nx", "-x",
                   std::string(CLEW_SOURCE_DIR) + "/tests/cli/gdb/frames.py"},
                  options);
  gdb.close_input();
  EXPECT_TRUE(gdb.wait(60s)) << "gdb did not end";
  const size_t at = gdb.out().find("STACKS ");
  if (at == std::string::npos) {
    ADD_FAILURE() << "gdb said: " << gdb.out() << gdb.err();
    return nullptr;
  }
  return json::parse(gdb.out().substr(at + 7, gdb.out().find('\n', at) - at - 7));
}

inline std::map<pid_t, json> frames_by_clew(pid_t pid) {
  ClewProcess::Options options;
  options.environment = {"DEBUGINFOD_URLS"};
  const Ran ran = run_clew({"stacks", std::to_string(pid), "--json", "--no-group"}, 60s, options);
  EXPECT_EQ(ran.status, 0) << ran.err;
  std::map<pid_t, json> found;
  const json document = json::parse(ran.out, nullptr, false);
  if (document.is_discarded()) return found;
  for (const json& group : document["groups"])
    found[group["threads"][0]["tid"].get<pid_t>()] = group["frames"];
  return found;
}

/// "long int" and "long" are one type.
inline std::string with_short_types(std::string name) {
  for (size_t at = name.find("long int"); at != name.npos; at = name.find("long int"))
    name.erase(at + 4, 4);
  return name;
}

/// gdb writes the parameters behind the name, and of a lambda only the operator.
inline bool is_beginning_of(const std::string& ours, const std::string& theirs) {
  const std::string call = "operator()";
  return with_short_types(theirs).starts_with(with_short_types(ours) + "(") ||
         (ours.ends_with("::" + call) && theirs.starts_with(call));
}

/// The two debuggers write names in ways of their own; the linker's name is the same for both.
inline bool is_same_function(const json& clew, const json& gdb) {
  const std::string ours = clew["function"], theirs = gdb["function"];
  // Of symbols at the same address each takes another one.
  if (gdb["linkage_name"] == "" || theirs.empty()) return true;
  if (ours == theirs || ours == gdb["linkage_name"] || is_beginning_of(ours, theirs)) return true;
  if (clew.value("linkage_name", "") == gdb["linkage_name"]) return true;
  // A lambda's scope is not in gdb's name.
  return ours.ends_with("::" + theirs) || ours.substr(0, ours.find('(')) == word_of(theirs);
}

/// `spins`: it runs, and stands elsewhere each time.
inline void expect_same_frame(const json& ours, const json& theirs, bool spins,
                              const std::string& what) {
  if (!spins) {
    EXPECT_EQ(ours["pc"], fmt::format("{:#x}", theirs["pc"].get<uint64_t>())) << what;
    // gdb has no lines for code where a stub of the C library has them.
    const auto line = theirs["line"].get<unsigned>();
    EXPECT_TRUE(line == 0 || ours.value("line", 0U) == line) << what;
  }
  EXPECT_TRUE(is_same_function(ours, theirs)) << what;
  EXPECT_EQ(ours["inlined"], theirs["inlined"]) << what;
  EXPECT_EQ(ours.value("signal_frame", false), theirs["signal_frame"]) << what;
}

}  // namespace clew::test
