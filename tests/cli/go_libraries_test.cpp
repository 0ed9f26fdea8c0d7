// Code of Go that is no program: libraries that C loads (-buildmode=c-shared), with a runtime of
// their own, and plugins.

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "go_support.h"

namespace clew::test {
namespace {

using testing::HasSubstr;

std::string path_of(const std::string& name) { return std::string(CLEW_FIXTURES) + "/go/" + name; }

class GoLibraries : public GoTest {
 protected:
  /// How many goroutines `clew goroutines` finds in a function.
  static long count_in(pid_t pid, const std::string& function) {
    const Ran ran = run_clew({"goroutines", std::to_string(pid), "--json", "--no-group"}, 60s);
    EXPECT_EQ(ran.status, 0) << ran.err;
    const json document = json::parse(ran.out, nullptr, false);
    const json& all = document["goroutines"];
    return std::count_if(all.begin(), all.end(), [&](const json& one) {
      return one["user_location"].value("function", "") == function;
    });
  }
};

class GoLibrary : public GoLibraries, public testing::WithParamInterface<const char*> {
 protected:
  void SetUp() override {
    if (!std::filesystem::exists(path_of(GetParam())))
      GTEST_SKIP() << "there is no C compiler for cgo";
  }
  bool is_stripped() const { return std::string(GetParam()) != "library"; }
};

INSTANTIATE_TEST_SUITE_P(Builds, GoLibrary, testing::Values("library", "library_stripped"));

TEST_P(GoLibrary, ShowsItsGoroutinesAndTheirBreakpoints) {
  Fixture target("go_loader", {path_of(GetParam()), "3"});
  const auto worker = std::to_string(target.ready().value("worker", 0));
  EXPECT_EQ(count_in(target.pid(), "main.waits"), 3);
  const Ran ran = at_prompt(
      target.pid(), {"break main.tick --goroutine " + worker, "continue", "print $goid", "continue",
                     "finish", "info breakpoints", "goroutine", "print main.table"});
  EXPECT_THAT(ran.out, HasSubstr("goroutine " + worker + ", hit breakpoint 1")) << ran.err;
  EXPECT_THAT(ran.out, HasSubstr("$1 = " + worker + "\n"));
  EXPECT_THAT(ran.out, HasSubstr("by goroutine " + worker + "\n"));
  EXPECT_EQ(hits_of(ran.out, 1), 2u) << ran.out << ran.err;
  EXPECT_THAT(ran.out, HasSubstr("in main.Start.func1"));
  if (!is_stripped()) {
    EXPECT_THAT(ran.out, HasSubstr("map[string]int (len 2)"));
  }
}

TEST_P(GoLibrary, StopsInWhatCCalls) {
  Fixture target("go_loader", {path_of(GetParam()), "1"});
  const Ran ran = at_prompt(target.pid(), {"break main.add", "continue", "bt", "print $goid > 0"});
  EXPECT_THAT(ran.out, HasSubstr("tid " + std::to_string(target.tids()[0]))) << ran.err;
  for (const char* const function : {"main.add", "runtime.cgocallback", "call_in"})
    EXPECT_THAT(ran.out, HasSubstr(function));
  EXPECT_THAT(ran.out, HasSubstr("$1 = true\n"));
}

// Its goroutine is asked for by a word that the dynamic loader has not written yet when the library
// is found.
TEST_P(GoLibrary, IsKnownFromWhenItIsLoaded) {
  // The program ends when its input does.
  const std::string input = scratch_folder() + "/input";
  unlink(input.c_str());
  ASSERT_EQ(mkfifo(input.c_str(), 0600), 0);
  const UniqueFd held(open(input.c_str(), O_RDWR | O_CLOEXEC));
  const Ran ran = run_clew({"run", "--batch", "--stdin", input, "-x", "break main.tick", "-x",
                            "continue", "-x", "goroutines", "-x", "print $goid > 0",
                            std::string(CLEW_FIXTURES) + "/go_loader", path_of(GetParam()), "3"},
                           60s);
  EXPECT_THAT(ran.out, HasSubstr("hit breakpoint 1")) << ran.err;
  // Some may not have begun to wait.
  EXPECT_TRUE(std::regex_search(ran.out, std::regex("\n +[123]  chan receive .*main\\.waits at|"
                                                    "\n +[123]  runnable .*main\\.waits at")))
      << ran.out;
  EXPECT_THAT(ran.out, HasSubstr("$1 = true\n"));
}

// A thread of C's own, which has called in and is back in C, keeps its goroutine: without a frame.
TEST_P(GoLibrary, AThreadThatIsInCStandsThere) {
  Fixture target("go_loader", {path_of(GetParam()), "1"});
  for (int i = 0; i < 20; ++i) {
    const Ran ran =
        run_clew({"goroutines", std::to_string(target.pid()), "--json", "--no-group"}, 60s);
    const json document = json::parse(ran.out, nullptr, false);
    for (const json& one : document["goroutines"]) {
      const std::string function = one["user_location"].value("function", "");
      EXPECT_NE(function, "runtime.goexit") << one;
    }
  }
}

TEST_F(GoLibraries, AnotherRuntimeIsTold) {
  if (!std::filesystem::exists(path_of("library")))
    GTEST_SKIP() << "there is no C compiler for cgo";
  setenv("LD_PRELOAD", path_of("library").c_str(), 1);
  Fixture target("go/cgo_crossings");
  unsetenv("LD_PRELOAD");
  const std::string pid = std::to_string(target.pid());
  const std::string told = "go/library has a Go runtime of its own, whose goroutines are not shown";
  const Ran alone = run_clew({"goroutines", pid}, 60s);
  EXPECT_THAT(alone.err, HasSubstr(told));
  EXPECT_THAT(alone.out, HasSubstr("main.goParks"));
  EXPECT_THAT(run_clew({"stacks", pid}, 60s).err, HasSubstr(told));
  EXPECT_THAT(at_prompt(target.pid(), {"goroutines"}).err, HasSubstr(told));
  Fixture plain("go/cgo_crossings");
  EXPECT_EQ(run_clew({"goroutines", std::to_string(plain.pid())}, 60s).err, "");
}

TEST_F(GoLibraries, APluginIsPartOfTheProgram) {
  if (!std::filesystem::exists(path_of("plugin"))) GTEST_SKIP() << "there is no C compiler for cgo";
  Fixture target("go/plugin_host", {path_of("plugin"), "3"});
  EXPECT_EQ(count_in(target.pid(), "loaded.waits"), 3);
  const Ran ran =
      at_prompt(target.pid(), {"break loaded.work", "continue", "args", "print loaded.table",
                               "print table[\"one\"]", "print $goid > 0", "next", "finish", "bt"});
  EXPECT_THAT(ran.out, HasSubstr("hit breakpoint 1 at main.go")) << ran.err;
  EXPECT_THAT(ran.out, HasSubstr("from = loaded.shape {Width: 2, Height: 3}\n"));
  EXPECT_THAT(ran.out, HasSubstr("$1 = map[string]int (len 1) = {[\"one\"] = 1}\n"));
  EXPECT_THAT(ran.out, HasSubstr("$2 = 1\n"));
  EXPECT_THAT(ran.out, HasSubstr("$3 = true\n"));
  EXPECT_THAT(ran.out, HasSubstr("in loaded.Start.func1"));
}

}  // namespace
}  // namespace clew::test
