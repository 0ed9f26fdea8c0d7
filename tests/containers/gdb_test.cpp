// What clew shows of libstdc++'s containers, beside what gdb shows with the printers that come with
// GCC.

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <array>
#include <cstdio>
#include <regex>

#include "live_values.h"

namespace clew::test {
namespace {

/// What gdb prints for each variable; empty when there is no gdb.
std::map<std::string, std::string> ask_gdb(pid_t pid, const Strings& names) {
  std::string command = fmt::format("gdb -nx -batch -p {} -ex 'set width 0'", pid);
  for (const std::string& name : names)
    command += fmt::format(" -ex 'echo @{0} ' -ex 'print data::{0}'", name);
  std::map<std::string, std::string> lines;
  std::FILE* const output = ::popen((command + " 2>/dev/null < /dev/null").c_str(), "r");
  if (output == nullptr) return lines;
  std::string text;
  std::array<char, 4096> buffer{};
  while (const size_t got = std::fread(buffer.data(), 1, buffer.size(), output))
    text.append(buffer.data(), got);
  ::pclose(output);
  static const std::regex line(R"(@(\w+) ?\$\d+ = (.*))");
  for (std::sregex_iterator at(text.begin(), text.end(), line), end; at != end; ++at)
    lines[(*at)[1]] = (*at)[2];
  return lines;
}

/// gdb keeps the inline namespace of some containers in their names, and numbers the elements of
/// lists and sets.
std::string as_clew_writes(const std::string& name, const std::string& text) {
  static const std::regex inner("std::__cxx11::");
  static const std::regex number(R"(\[\d+\] = )");
  std::string plain = std::regex_replace(text, inner, "std::");
  const bool is_numbered = plain.find("set ") != std::string::npos || name.starts_with("list") ||
                           name.starts_with("forward");
  if (is_numbered && !name.starts_with("bitset")) plain = std::regex_replace(plain, number, "");
  return plain;
}

TEST(BesideGdb, ContainersOfLibstdcxx) {
  if (!ShownProgram::exists("cpp-gcc-O0")) GTEST_SKIP() << "not built here";
  ShownProgram program("cpp-gcc-O0");
  lang::add_cpp_printers(program.printers());
  // Not among them: what gdb has no printer for in GCC 12, or where clew says more or says it
  // shorter (adaptors, paths, bits as 1 and 0, tuples counted from 1, containers in optionals).
  const Strings names = {"string_empty",
                         "string_short",
                         "string_long",
                         "string_odd",
                         "string_utf8",
                         "string_repeats",
                         "wide_string",
                         "string16",
                         "string32",
                         "view_empty",
                         "view",
                         "vector_empty",
                         "vector_one",
                         "vector_many",
                         "vector_strings",
                         "vector_nested",
                         "vector_points",
                         "deque_empty",
                         "deque_many",
                         "deque_strings",
                         "initializer",
                         "bitset",
                         "bitset_large",
                         "span",
                         "list_empty",
                         "list_many",
                         "list_chars",
                         "list_wide",
                         "forward_empty",
                         "forward_many",
                         "forward_wide",
                         "map_empty",
                         "map_one",
                         "map_nested",
                         "map_chars",
                         "map_wide",
                         "multimap",
                         "set_empty",
                         "set_many",
                         "set_chars",
                         "set_wide",
                         "multiset",
                         "map_points",
                         "unordered_one",
                         "unordered_string",
                         "unordered_chars",
                         "unordered_multi",
                         "unordered_set",
                         "unordered_many",
                         "unordered_strings",
                         "pair",
                         "pair_point",
                         "tuple_empty",
                         "optional_none",
                         "optional_some",
                         "optional_string",
                         "variant_number",
                         "variant_string",
                         "any_none",
                         "unique_none",
                         "shared_none",
                         "unordered_multiset"};
  auto said = ask_gdb(program.pid(), names);
  if (said.empty()) GTEST_SKIP() << "no gdb here, or it cannot attach";
  if (said["string_empty"] != "\"\"") GTEST_SKIP() << "gdb has no printers for libstdc++ here";
  unsigned compared = 0;
  for (const std::string& name : names) {
    const std::string theirs = as_clew_writes(name, said[name]);
    const std::string ours = program.show("data::" + name);
    // Names that are those of templates too are ambiguous to gdb, and some nodes have no type
    // there.
    if (theirs.empty()) continue;
    const bool is_whole =
        theirs.find(" = {") != std::string::npos || theirs == ours || theirs.front() == '"';
    EXPECT_EQ(is_whole ? ours : ours.substr(0, theirs.size()), theirs) << name;
    ++compared;
  }
  EXPECT_GT(compared, 50U);
}

}  // namespace
}  // namespace clew::test
