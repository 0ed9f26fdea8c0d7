// Stacks of Go programs: goroutines and threads in `clew stacks` and `threads`, and the places
// where the runtime changes stacks.

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <regex>
#include <set>

#include "support.h"

namespace clew::test {
namespace {

namespace fs = std::filesystem;

bool has_program(const std::string& name) {
  return fs::exists(std::string(CLEW_FIXTURES) + "/go/" + name);
}

class GoStacks : public testing::Test {
 protected:
  void SetUp() override {
    if (!has_program("parked")) GTEST_SKIP() << "there is no Go compiler";
  }
};

json output_of(const Strings& arguments) {
  const Ran ran = run_clew(arguments, 60s);
  EXPECT_EQ(ran.status, 0) << ran.err;
  EXPECT_EQ(ran.err, "");
  json document = json::parse(ran.out, nullptr, false);
  EXPECT_FALSE(document.is_discarded()) << ran.out;
  return document;
}

json stacks_of(pid_t pid, const Strings& options = {}) {
  Strings arguments = {"stacks", std::to_string(pid), "--json"};
  arguments.insert(arguments.end(), options.begin(), options.end());
  return output_of(arguments);
}

Strings functions_of(const json& group) {
  Strings names;
  for (const json& frame : group["frames"]) names.push_back(frame["function"]);
  return names;
}

bool has_name(const Strings& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

/// True when the names come in that order, others between them or not.
bool has_in_order(const Strings& names, const Strings& wanted) {
  size_t next = 0;
  for (const std::string& name : names) {
    if (next < wanted.size() && name == wanted[next]) ++next;
  }
  return next == wanted.size();
}

std::string text_of(const Strings& names) {
  std::string text;
  for (const std::string& name : names) text += name + " < ";
  return text;
}

/// What every stack of a goroutine must be.
void expect_whole(const json& group) {
  const Strings names = functions_of(group);
  ASSERT_FALSE(names.empty());
  EXPECT_EQ(group["end"], "outermost") << text_of(names) << group["end_note"];
  EXPECT_EQ(names.back(), "runtime.goexit") << text_of(names);
  for (const json& frame : group["frames"]) EXPECT_EQ(frame["guess"], false) << text_of(names);
}

class GoStacksOf : public GoStacks, public testing::WithParamInterface<const char*> {};

INSTANTIATE_TEST_SUITE_P(Builds, GoStacksOf,
                         testing::Values("parked", "parked_stripped", "parked_pie", "parked_plain",
                                         "parked_pie_stripped"),
                         [](const auto& kind) { return std::string(kind.param); });

TEST_P(GoStacksOf, ShowEveryGoroutineWhereItIs) {
  Fixture target(std::string("go/") + GetParam());
  const json document = stacks_of(target.pid());
  EXPECT_EQ(document["go_version"], target.ready()["version"]);
  EXPECT_EQ(document["resumed"], true);
  EXPECT_EQ(document["goroutines_without_stack"], json::array());
  std::map<uint64_t, json> by_id;
  size_t count = 0;
  bool has_system = false;
  for (const json& group : document["goroutine_groups"]) {
    expect_whole(group);
    EXPECT_EQ(group["count"], group["goroutines"].size());
    // The runtime's own come last.
    EXPECT_FALSE(has_system && !group["system"].get<bool>());
    has_system = group["system"];
    count += group["count"].get<size_t>();
    for (const json& goroutine : group["goroutines"])
      EXPECT_TRUE(by_id.emplace(goroutine["id"].get<uint64_t>(), group).second);
  }
  EXPECT_TRUE(has_system);
  EXPECT_EQ(document["goroutine_count"], count);
  for (const json& entry : target.ready()["goroutines"]) {
    ASSERT_TRUE(by_id.contains(entry["id"])) << entry;
    const json& group = by_id[entry["id"]];
    EXPECT_TRUE(has_name(functions_of(group), entry["function"]))
        << entry << text_of(functions_of(group));
    for (const json& goroutine : group["goroutines"]) {
      if (goroutine["id"] != entry["id"]) continue;
      if (entry["state"] == "running") continue;
      EXPECT_EQ(goroutine["wait_reason"].is_null() ? goroutine["state"] : goroutine["wait_reason"],
                entry["state"]);
      EXPECT_EQ(goroutine["tid"].is_null(), entry["state"] != "syscall") << goroutine;
    }
  }
  // Lines too, of the very statement.
  const json& deep = by_id[target.ready()["goroutines"][13]["id"]];
  EXPECT_GT(deep["frames"].size(), 200u);
  for (const json& frame : deep["frames"]) {
    EXPECT_NE(frame.value("file", ""), "") << frame;
    EXPECT_GT(frame.value("line", 0), 0) << frame;
  }
  // Threads that run goroutines are not told of twice.
  std::set<pid_t> on_goroutines;
  for (const auto& [id, group] : by_id) {
    for (const json& goroutine : group["goroutines"]) {
      if (!goroutine["tid"].is_null()) on_goroutines.insert(goroutine["tid"].get<pid_t>());
    }
  }
  size_t threads = on_goroutines.size();
  for (const json& group : document["groups"]) {
    threads += group["count"].get<size_t>();
    for (const json& thread : group["threads"])
      EXPECT_FALSE(on_goroutines.contains(thread["tid"].get<pid_t>())) << thread;
  }
  EXPECT_EQ(document["thread_count"], threads);
  EXPECT_TRUE(is_untraced(target.pid()));
}

TEST_F(GoStacks, TheSameOnesAreOneGroupInEveryView) {
  Fixture target("go/parked");
  const std::string pid = std::to_string(target.pid());
  const Ran text = run_clew({"stacks", pid});
  // The fourth has a wrapper of the compiler's below it where the version of Go makes one.
  EXPECT_TRUE(std::regex_search(text.out, std::regex("[34] goroutines \\[chan receive\\]")))
      << text.out;
  EXPECT_NE(text.out.find("1 goroutine [syscall], "), std::string::npos) << text.out;
  EXPECT_NE(text.out.find(" on thread "), std::string::npos) << text.out;
  EXPECT_NE(text.out.find("without a goroutine: "), std::string::npos) << text.out;
  const Ran folded = run_clew({"stacks", pid, "--folded"});
  const std::regex line(
      "parked;goroutines;runtime.goexit;(main.main.*;)?main.receives;runtime.chanrecv1.* [1-4]\n");
  EXPECT_TRUE(std::regex_search(folded.out, line)) << folded.out;
  EXPECT_NE(folded.out.find("parked;threads;"), std::string::npos) << folded.out;
  const std::string path = scratch_folder() + "/goroutines.svg";
  const Ran svg = run_clew({"stacks", pid, "--svg", path});
  EXPECT_NE(svg.out.find(" goroutines and "), std::string::npos) << svg.out;
  const json each = stacks_of(target.pid(), {"--no-group"});
  EXPECT_EQ(each["goroutine_groups"].size(), each["goroutine_count"].get<size_t>());
}

TEST_F(GoStacks, ThreadsShowWhichGoroutineTheyRun) {
  Fixture target("go/parked");
  uint64_t in_call = 0;
  for (const json& entry : target.ready()["goroutines"]) {
    if (entry["function"] == "main.calls") in_call = entry["id"];
  }
  const json document = output_of({"threads", std::to_string(target.pid()), "--json"});
  std::map<uint64_t, pid_t> thread_of;
  for (const json& thread : document["threads"]) {
    if (!thread.contains("goroutine")) continue;
    EXPECT_TRUE(
        thread_of.emplace(thread["goroutine"].get<uint64_t>(), thread["tid"].get<pid_t>()).second)
        << document;
  }
  ASSERT_TRUE(thread_of.contains(in_call)) << document;
  const json goroutines =
      output_of({"goroutines", std::to_string(target.pid()), "--json", "--no-group"});
  for (const json& item : goroutines["goroutines"]) {
    if (item["id"] == in_call) {
      EXPECT_EQ(item["tid"], thread_of[in_call]);
    }
  }
  ClewProcess clew({"attach", std::to_string(target.pid()), "--batch", "-x", "threads"});
  clew.close_input();
  clew.wait(30s);
  EXPECT_NE(clew.out().find("GOROUTINE"), std::string::npos) << clew.out() << clew.err();
  Fixture other("sleepers", {"2"});
  const Ran none = run_clew({"threads", std::to_string(other.pid())});
  EXPECT_EQ(none.out.find("GOROUTINE"), std::string::npos) << none.out;
}

TEST_F(GoStacks, AreWholeWhereTheRuntimeChangesStacks) {
  Fixture target("go/crossings");
  std::map<std::string, size_t> seen;
  std::set<std::string> crossings;
  const unsigned attaches = rounds(40, 1000);
  for (unsigned i = 0; i < attaches; ++i) {
    const json document = stacks_of(target.pid(), {"--no-group"});
    for (const json& group : document["goroutine_groups"]) {
      const json& goroutine = group["goroutines"][0];
      const Strings names = functions_of(group);
      if (group["system"] == true && goroutine["tid"].is_null()) continue;
      SCOPED_TRACE(goroutine.dump());
      expect_whole(group);
      if (HasFailure()) return;
      for (const json& name : target.ready()["functions"]) {
        if (has_name(names, "main." + name.get<std::string>())) ++seen[name];
      }
      for (const char* const crossing :
           {"runtime.systemstack", "runtime.mcall", "runtime.morestack", "runtime.asyncPreempt"}) {
        if (has_name(names, crossing)) crossings.insert(crossing);
      }
    }
  }
  for (const json& name : target.ready()["functions"])
    EXPECT_GE(seen[name], name == "grows" ? 1 : attaches) << name;
  // Which of the moments are met is chance; these last.
  EXPECT_TRUE(crossings.contains("runtime.asyncPreempt"));
  EXPECT_GE(crossings.size(), 2u);
}

TEST_F(GoStacks, GoThroughC) {
  if (!has_program("cgo_crossings")) GTEST_SKIP() << "there is no C compiler for cgo";
  Fixture target("go/cgo_crossings");
  const json document = stacks_of(target.pid(), {"--no-group"});
  std::vector<Strings> stacks;
  for (const json& group : document["goroutine_groups"]) {
    stacks.push_back(functions_of(group));
    EXPECT_EQ(group["end"], "outermost") << text_of(stacks.back()) << group["end_note"];
  }
  const std::vector<Strings> wanted = {
      {"wait_in_c", "runtime.asmcgocall", "runtime.cgocall", "main.inC", "runtime.goexit"},
      {"wait_in_c", "runtime.asmcgocall", "main.goWaitsInC", "runtime.cgocallback", "crosscall2",
       "goWaitsInC", "call_back", "runtime.asmcgocall", "runtime.cgocall", "main.inGoInC",
       "runtime.goexit"},
      {"runtime.gopark", "main.goParks", "main.parkedInC", "runtime.goexit"},
      {"wait_in_c", "runtime.asmcgocall", "main.goWaitsInC", "runtime.cgocallback", "call_back",
       "runtime.asmcgocall", "main.goCallsAgain", "runtime.cgocallback", "call_back",
       "runtime.asmcgocall", "main.nested", "runtime.goexit"},
      {"wait_in_c", "on_signal", "wait_in_handler", "runtime.asmcgocall", "main.inHandler",
       "runtime.goexit"},
      // A thread of C's own: it does not begin with a goroutine.
      {"wait_in_c", "main.goWaitsInC", "runtime.cgocallback", "call_back", "thread_of_c"}};
  for (const Strings& names : wanted) {
    EXPECT_TRUE(std::any_of(stacks.begin(), stacks.end(),
                            [&](const Strings& stack) { return has_in_order(stack, names); }))
        << text_of(names) << "\n"
        << [&] {
             std::string all;
             for (const Strings& stack : stacks) all += text_of(stack) + "\n";
             return all;
           }();
  }
}

// mcall is where the scheduler's stack begins, but until it has gone there it is called like
// others.
TEST(StackInMcall, OfAGoroutineThatIsAboutToLeaveItsStack) {
  Fixture target("go/storm");
  const Ran ran =
      run_clew({"attach", std::to_string(target.pid()), "--batch", "-x", "break *runtime.mcall",
                "-x", "continue", "-x", "bt", "-x", "stepi", "-x", "bt", "-x", "goroutine"},
               60s);
  EXPECT_EQ(ran.status, 0) << ran.err;
  const size_t first = ran.out.find("#0 ");
  const size_t second = ran.out.find("#0 ", first + 1);
  ASSERT_NE(second, std::string::npos) << ran.out;
  EXPECT_TRUE(has(ran.out.substr(first, second - first), "runtime.goexit ()")) << ran.out;
  EXPECT_TRUE(has(ran.out.substr(second), "runtime.goexit ()")) << ran.out;
  // In the list as well it is where its source is.
  const size_t start = ran.out.rfind("goroutine ");
  const std::string line = ran.out.substr(start, ran.out.find('\n', start) - start);
  EXPECT_TRUE(has(line, "running, at ")) << ran.out;
  // One that is at its end has no source any more.
  if (!has(ran.out, "runtime.goexit1 ()")) {
    EXPECT_FALSE(has(line, "runtime.mcall")) << ran.out;
  }
}

}  // namespace
}  // namespace clew::test
