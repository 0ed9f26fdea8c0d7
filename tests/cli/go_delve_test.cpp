// What clew says of Go programs beside what delve says of the same ones: goroutines with states and
// stacks, variables of every kind, arguments and locals at several stops. Where the two differ, the
// test says why clew is right.

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <regex>
#include <set>

#include "delve.h"
#include "go_support.h"

namespace clew::test {
namespace {

/// reflect.Kind, as delve passes it on.
enum Kind {
  boolean = 1,
  array = 17,
  channel = 18,
  function = 19,
  interface = 20,
  map = 21,
  pointer = 22,
  slice = 23,
  text = 24,
  structure = 25,
  unsafe_pointer = 26
};

class BesideDelve : public GoTest {
 protected:
  void SetUp() override {
    GoTest::SetUp();
    if (!IsSkipped() && delve_path().empty())
      GTEST_SKIP() << "delve (dlv) is not installed: there is nothing to compare with";
  }
};

// ---- goroutines ----

json document_of(const Strings& arguments) {
  const Ran ran = run_clew(arguments, 60s);
  EXPECT_EQ(ran.status, 0) << ran.err;
  json document = json::parse(ran.out, nullptr, false);
  EXPECT_FALSE(document.is_discarded()) << ran.out.substr(0, 500);
  return document;
}

struct Frame {
  std::string function, file;
  int64_t line = 0;
  bool operator==(const Frame&) const = default;
};
std::ostream& operator<<(std::ostream& out, const Frame& frame) {
  return out << frame.function << " at " << frame.file << ":" << frame.line;
}

std::string last_part(const std::string& path) { return path.substr(path.find_last_of('/') + 1); }

std::string function_of(const json& location) {
  return location.contains("function") && !location["function"].is_null()
             ? location["function"]["name"].get<std::string>()
             : "";
}

std::vector<Frame> frames_of(const json& locations) {
  std::vector<Frame> frames;
  for (const json& one : locations)
    frames.push_back({function_of(one), last_part(one.value("file", "")), one.value("line", 0)});
  return frames;
}

struct Ours {
  std::map<uint64_t, json> goroutines;
  std::map<uint64_t, std::vector<Frame>> stacks;
};

Ours ours_of(pid_t pid) {
  Ours ours;
  const json listed = document_of({"goroutines", std::to_string(pid), "--json", "--no-group"});
  for (const json& item : listed["goroutines"]) ours.goroutines[item["id"]] = item;
  const json stacks = document_of({"stacks", std::to_string(pid), "--json"});
  for (const json& group : stacks["goroutine_groups"]) {
    std::vector<Frame> frames;
    for (const json& frame : group["frames"]) {
      frames.push_back({frame.value("function", ""), last_part(frame.value("file", "")),
                        frame.value("line", 0)});
    }
    for (const json& goroutine : group["goroutines"]) ours.stacks[goroutine["id"]] = frames;
  }
  return ours;
}

/// delve's numbers are the runtime's; what they are called is in the program.
const char* state_of(int64_t status) {
  switch (status) {
    case 1:
      return "runnable";
    case 2:
      return "running";
    case 3:
      return "syscall";
    case 4:
      return "waiting";
    default:
      return "?";
  }
}

void compare_goroutine(const json& theirs, const json& item,
                       std::map<int64_t, std::string>& words) {
  EXPECT_EQ(item["state"], state_of(theirs["status"].get<int64_t>()));
  // delve leaves the number of the reason as it was before the goroutine went on.
  if (item["state"] == "waiting") {
    const std::string reason = item["wait_reason"];
    const auto [known, is_new] = words.try_emplace(theirs["waitReason"].get<int64_t>(), reason);
    EXPECT_EQ(known->second, reason) << "one number, two words";
  }
  const int64_t tid = item["tid"].is_null() ? 0 : item["tid"].get<int64_t>();
  EXPECT_EQ(tid, theirs["threadID"]);
  EXPECT_EQ(item["start_location"]["function"], function_of(theirs["startLoc"]));
  // The first goroutine has no go statement: delve shows what the runtime's assembly has left
  // there.
  if (!item["go_location"].is_null() && item["id"] != 1) {
    EXPECT_EQ(item["go_location"]["function"], function_of(theirs["goStatementLoc"]));
    EXPECT_EQ(item["go_location"]["line"], theirs["goStatementLoc"]["line"]);
  }
}

/// Takes what delve does otherwise about C out of both stacks.
void leave_out_c(std::vector<Frame>& theirs, std::vector<Frame>& ours) {
  // Where the stack changes, and behind the outermost frame, delve has one that is none.
  std::erase_if(theirs, [](const Frame& frame) { return frame.function.empty(); });
  for (Frame& frame : theirs) {
    if (frame.function.starts_with("C.")) frame.function.erase(0, 2);
    // One address with several names.
    if (frame.function.ends_with("__clone3")) frame.function = "clone3";
  }
  // In older programs it takes what lies on the thread's stack there for one with a name.
  for (size_t i = 0; i + 2 < theirs.size(); ++i) {
    if (theirs[i].function == "runtime.asmcgocall" && theirs[i + 2].function == "runtime.cgocall")
      theirs.erase(theirs.begin() + static_cast<ptrdiff_t>(i) + 1);
  }
  // What C calls in Go stands there once, between crosscall2 and the function in C.
  const auto repeats = std::unique(theirs.begin(), theirs.end(), [](const auto& a, const auto& b) {
    return a == b && a.file == "_cgo_export.c";
  });
  theirs.erase(repeats, theirs.end());
  // Of programs of Go 1.18 delve does not find who has called back from C.
  if (!theirs.empty() && theirs.back().file == "_cgo_export.c")
    ours.resize(std::min(ours.size(), theirs.size()));
  // A handler of signals has its own frame, and what it has interrupted stands at its very
  // instruction; delve takes both for a call.
  const auto handler = std::find_if(ours.begin(), ours.end(), [](const Frame& frame) {
    return frame.function == "__restore_rt";
  });
  if (handler == ours.end() || handler + 1 == ours.end()) return;
  // In one run of some fifty delve's stack ends with the handler, where clew's goes on to the
  // goroutine's beginning.
  if (const auto behind = static_cast<size_t>(handler - ours.begin()); theirs.size() == behind) {
    ours.resize(behind);
    return;
  }
  const auto interrupted = ours.erase(handler);
  const auto same = std::find_if(theirs.begin(), theirs.end(), [&](const Frame& frame) {
    return frame.function == interrupted->function;
  });
  if (same != theirs.end()) same->line = interrupted->line;
}

void compare_stack(std::vector<Frame> theirs, std::vector<Frame> ours, bool is_parked) {
  leave_out_c(theirs, ours);
  ASSERT_FALSE(ours.empty());
  ASSERT_FALSE(theirs.empty());
  if (is_parked) {
    // Where a parked goroutine goes on is behind a call that has not returned. clew, like the
    // runtime's own traces, shows the line of the call, delve that of the instruction behind it.
    EXPECT_EQ(ours.front().function, theirs.front().function);
    EXPECT_LE(ours.front().line, theirs.front().line);
    ours.front() = theirs.front();
  }
  EXPECT_EQ(ours, theirs);
}

void compare_all(pid_t pid) {
  const Ours ours = ours_of(pid);
  Delve delve(pid);
  ASSERT_TRUE(delve.is_ok());
  const json listed = delve.call("ListGoroutines", {{"Start", 0}, {"Count", 0}});
  std::set<uint64_t> our_ids, their_ids;
  std::map<int64_t, std::string> words;
  for (const auto& [id, item] : ours.goroutines) our_ids.insert(id);
  for (const json& goroutine : listed["Goroutines"]) {
    const uint64_t id = goroutine["id"];
    // Kept ready for threads of C's own that may call Go some day: it has never run, and is in none
    // of the runtime's traces.
    constexpr int dead_extra = 11;
    if (goroutine["status"] == dead_extra) continue;
    SCOPED_TRACE(fmt::format("goroutine {}", id));
    their_ids.insert(id);
    const auto found = ours.goroutines.find(id);
    // Which are on threads, and where, changes between the two looks.
    const bool moves = goroutine["status"] == 2 || goroutine["status"] == 1 ||
                       (found != ours.goroutines.end() && found->second["state"] == "running");
    if (found == ours.goroutines.end() || moves) continue;
    compare_goroutine(goroutine, found->second, words);
    const json stack = delve.call("Stacktrace", {{"Id", id}, {"Depth", 300}, {"Full", false}});
    compare_stack(frames_of(stack["Locations"]), ours.stacks.at(id), goroutine["status"] == 4);
  }
  EXPECT_EQ(our_ids, their_ids);
}

class GoroutinesBesideDelve : public BesideDelve,
                              public testing::WithParamInterface<const char*> {};

INSTANTIATE_TEST_SUITE_P(Builds, GoroutinesBesideDelve,
                         testing::Values("parked", "parked_pie", "parked_plain", "many", "values",
                                         "values_debug", "cgo_crossings", "calls"),
                         [](const auto& build) { return std::string(build.param); });

TEST_P(GoroutinesBesideDelve, HaveTheSameStatesAndStacks) {
  if (!std::filesystem::exists(std::string(CLEW_FIXTURES) + "/go/" + GetParam()))
    GTEST_SKIP() << "it was not built";
  const bool is_many = std::string(GetParam()) == "many";
  Fixture target(std::string("go/") + GetParam(), is_many ? Strings{"200"} : Strings{});
  compare_all(target.pid());
}

// ---- values ----

std::string rendered(const json& v, bool is_inside);

/// In Go's escapes, as far as the fixtures have any.
std::string quoted(const std::string& bytes) {
  std::string out = "\"";
  for (const char c : bytes) {
    if (c == '"' || c == '\\') {
      out += std::string("\\") + c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (static_cast<unsigned char>(c) < 32) {
      out += fmt::format("\\{:03o}", static_cast<unsigned>(c));
    } else {
      out += c;
    }
  }
  return out + "\"";
}

std::string list_of(const json& children, const char* open, const char* close) {
  std::string out;
  for (const json& child : children) out += (out.empty() ? open : ", ") + rendered(child, true);
  return (out.empty() ? open : out) + close;
}

std::string fields_of(const json& v) {
  std::string out = "{";
  for (const json& child : v["children"]) {
    if (child["name"] == "_") continue;
    out += (out.size() > 1 ? ", " : "") + child["name"].get<std::string>() + ": " +
           rendered(child, true);
  }
  return out + "}";
}

std::string map_of(const json& v) {
  const json& parts = v["children"];
  std::string out =
      fmt::format("{} (len {})", v["type"].get<std::string>(), v["len"].get<int64_t>());
  for (size_t i = 0; i + 1 < parts.size(); i += 2) {
    out += (i == 0 ? " = {" : ", ") + ("[" + rendered(parts[i], true)) +
           "] = " + rendered(parts[i + 1], true);
  }
  if (parts.empty()) return out;
  return out + (parts.size() < 2 * v["len"].get<size_t>() ? "...}" : "}");
}

std::string pointer_of(const json& v, bool is_inside) {
  const std::string type = v["type"];
  const auto address = std::stoull(v["value"].get<std::string>());
  if (address == 0) return "(" + type + ")(nil)";
  std::string out = fmt::format("({})({:#x})", type, address);
  const json& target = v["children"][0];
  if (is_inside || target["kind"] == pointer) return out;
  return target["kind"] == structure ? out + " " + fields_of(target)
                                     : out + " = " + rendered(target, true);
}

std::string interface_of(const json& v) {
  const json& data = v["children"][0];
  const std::string type = v["type"];
  if (data["kind"] == 0) return type + "(nil)";
  const std::string dynamic = data["type"];
  std::string inner;
  if (data["kind"] == pointer) {
    const auto address = std::stoull(data["value"].get<std::string>());
    inner = address == 0 ? "nil" : fmt::format("{:#x} {}", address, fields_of(data["children"][0]));
  } else {
    inner = data["kind"] == structure ? fields_of(data) : rendered(data, true);
  }
  return fmt::format("{}({}) {}", type, dynamic, inner);
}

/// delve's variable in the form that clew's `print` has.
std::string rendered(const json& v, bool is_inside = false) {
  const std::string type = v["type"];
  const std::string value = v["value"];
  switch (v["kind"].get<int>()) {
    case text:
      return quoted(value) + (v["len"].get<size_t>() > value.size() ? "..." : "");
    case slice:
      if (v["base"] == 0) return type + "(nil)";
      return fmt::format("{} (len {}, cap {}){}", type, v["len"].get<int64_t>(),
                         v["cap"].get<int64_t>(),
                         v["children"].empty() ? "" : list_of(v["children"], " = [", "]"));
    case array:
      return list_of(v["children"], "[", "]");
    case map:
      return v["base"] == 0 ? type + "(nil)" : map_of(v);
    case structure:
      return (type.starts_with("struct {") ? "" : type + " ") + fields_of(v);
    case pointer:
      return pointer_of(v, is_inside);
    case interface:
      return interface_of(v);
    case function:
      if (value.empty()) return "(" + type + ")(nil)";
      return value + (v["children"].empty() ? "" : " " + fields_of(v));
    default:
      if (value == "+Inf") return "inf";
      return value;
  }
}

/// The names of the fields of `kinds` in the fixture's source, in order.
Strings fields_of_kinds() {
  std::ifstream source(CLEW_SOURCE_DIR "/tests/fixtures/go/values/kinds.go");
  std::stringstream whole;
  whole << source.rdbuf();
  std::string body = whole.str();
  body = body.substr(body.find("type kinds struct {") + 19);
  body.resize(body.find("\n}"));
  Strings names;
  const std::regex name("^\\s*(\\w+)(,\\s*|\\s+)");
  std::stringstream lines(body);
  std::string line;
  while (std::getline(lines, line)) {
    std::smatch found;
    bool has_more = true;
    while (has_more && std::regex_search(line, found, name)) {
      names.push_back(found[1]);
      has_more = found[2].str().starts_with(",");
      line = found.suffix();
    }
  }
  return names;
}

/// What clew shows by what it means, and delve by what it is made of.
const std::map<std::string, std::string> shown_otherwise = {
    {"Complex64", "delve writes (1 + 2i), Go's own %v is (1+2i)"},
    {"Complex128", "the same"},
    {"Zero", "delve leaves out the fraction and the zone of a time; Go's own String has both"},
    {"Noon", "the same"},
    {"Zoned", "the same"},
    {"NoDuration", "delve shows a number of nanoseconds; Go's own String is 0s"},
    {"Duration", "the same"},
    {"Short", "the same"},
    {"Negative", "the same"},
    {"PointerToPointer", "clew adds which variable it points into"},
    {"Unsafe", "the same"},
    {"EmptyChan", "delve shows runtime.hchan; clew length, capacity, elements and who waits"},
    {"FullChan", "the same"},
    {"ClosedChan", "the same"},
    {"WaitedFor", "the same"},
    {"SentTo", "the same"},
    {"Receive", "the same"},
    {"NilChan", "delve shows a channel that is nil as one that is empty"},
    {"Free", "delve shows the words of a lock; clew whether it is locked"},
    {"Held", "the same"},
    {"FreeRW", "the same"},
    {"Read", "the same"},
    {"Writer", "the same"},
    {"Group", "the same"},
    {"Once", "the same"},
    {"Done", "the same"},
    {"Atomics", "delve shows how an atomic is made; clew its value"},
    {"Box", "the same"},
    {"Background", "clew shows contexts as the chain that they are"},
    {"Valued", "the same"},
    {"Cancelled", "the same"},
    {"Deadline", "the same"},
};

/// What each command has printed: the text behind "$1 = " and so on.
std::vector<std::string> printed(const std::string& out) {
  std::vector<std::string> values;
  const std::regex line("(?:^|\n)\\$\\d+ = ([^\n]*)");
  for (std::sregex_iterator at(out.begin(), out.end(), line), end; at != end; ++at)
    values.push_back((*at)[1]);
  return values;
}

TEST_F(BesideDelve, EveryKindOfValueIsTheSame) {
  Fixture target("go/values_debug");
  const Strings names = fields_of_kinds();
  ASSERT_GT(names.size(), 90u);
  Strings commands = {"set print repeats unlimited"};
  for (const std::string& name : names) commands.push_back("print main.all." + name);
  const Ran ran = at_prompt(target.pid(), commands);
  const std::vector<std::string> ours = printed(ran.out);
  ASSERT_EQ(ours.size(), names.size()) << ran.err;
  Delve delve(target.pid());
  ASSERT_TRUE(delve.is_ok());
  size_t compared = 0;
  for (size_t i = 0; i < names.size(); ++i) {
    if (shown_otherwise.contains(names[i])) continue;
    const json theirs = delve.call("Eval", {{"Scope", {{"GoroutineID", -1}, {"Frame", 0}}},
                                            {"Expr", "main.all." + names[i]},
                                            {"Cfg", Delve::limits()}});
    ASSERT_TRUE(theirs.contains("Variable")) << names[i] << ": " << theirs;
    EXPECT_EQ(ours[i], rendered(theirs["Variable"])) << names[i];
    ++compared;
  }
  EXPECT_EQ(compared, names.size() - shown_otherwise.size()) << "a field of kinds has gone";
}

// ---- several stops ----

/// name → value, of those that can be told in one word.
std::map<std::string, std::string> plain(const json& variables) {
  std::map<std::string, std::string> found;
  for (const json& one : variables) {
    const int kind = one["kind"];
    if (kind == channel || kind == function) continue;
    found[one["name"]] = rendered(one);
  }
  return found;
}

/// The lines "name = value" of what clew printed.
std::map<std::string, std::string> assigned(const std::string& out) {
  std::map<std::string, std::string> found;
  const std::regex line("(?:^|\n)([~\\w]+) = ([^\n]*)");
  for (std::sregex_iterator at(out.begin(), out.end(), line), end; at != end; ++at)
    found[(*at)[1]] = (*at)[2];
  return found;
}

TEST_F(BesideDelve, ArgumentsLocalsAndStacksAreTheSameAtSeveralStops) {
  for (const char* const mark : {"in-twice", "send", "select", "unlock", "area", "return"}) {
    SCOPED_TRACE(mark);
    // One goroutine at a time comes by, always with the same numbers.
    Fixture target("go/steps_slow", {"1"});
    const unsigned line = line_of(mark);
    const Ran ran = at_prompt(target.pid(), {fmt::format("tbreak main.go:{}", line), "continue",
                                             "wait", "bt", "args", "locals"});
    ASSERT_EQ(ran.status, 0) << ran.err;
    std::vector<Frame> ours;
    const std::regex frame("\n#\\d+ +0x[0-9a-f]+ (\\S+) (?:\\([^\n]*\\) )?at (\\S+):(\\d+)");
    for (std::sregex_iterator at(ran.out.begin(), ran.out.end(), frame), end; at != end; ++at)
      ours.push_back({(*at)[1], (*at)[2], std::stol((*at)[3])});

    Delve delve(target.pid());
    ASSERT_TRUE(delve.is_ok());
    const std::string file = CLEW_SOURCE_DIR "/tests/fixtures/go/steps/main.go";
    json made = delve.call("CreateBreakpoint", {{"Breakpoint", {{"file", file}, {"line", line}}}});
    ASSERT_TRUE(made.contains("Breakpoint")) << made;
    const json state = delve.call("Command", {{"name", "continue"}});
    ASSERT_TRUE(state.contains("State")) << state;
    const json scope = {{"GoroutineID", state["State"]["currentGoroutine"]["id"]}, {"Frame", 0}};
    const json request = {{"Scope", scope}, {"Cfg", Delve::limits()}};
    auto theirs = plain(delve.call("ListFunctionArgs", request)["Args"]);
    theirs.merge(plain(delve.call("ListLocalVars", request)["Variables"]));
    const json stack = delve.call("Stacktrace", {{"Id", -1}, {"Depth", 50}, {"Full", false}});
    delve.call("ClearBreakpoint", {{"Id", made["Breakpoint"]["id"]}});

    EXPECT_EQ(ours, frames_of(stack["Locations"])) << ran.out;
    auto own = assigned(ran.out);
    std::erase_if(own, [](const auto& one) { return one.second.find("chan") != one.second.npos; });
    EXPECT_EQ(own, theirs) << ran.out;
    EXPECT_FALSE(theirs.empty());
  }
}

}  // namespace
}  // namespace clew::test
