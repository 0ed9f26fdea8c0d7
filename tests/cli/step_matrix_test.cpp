// Every step's line, compared with what the program itself has noted of its way: recursion,
// exceptions, longjmp, inlined code, handlers of signals, calls by way of the PLT, tail calls,
// loops and locks that threads hand over, with and without optimisation.

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <regex>
#include <set>

#include "support.h"

namespace clew::test {
namespace {

struct Note {
  int invocation = 0, line = 0;
  friend bool operator==(const Note&, const Note&) = default;
};

/// The lines of a program that note themselves.
std::set<int> noted_lines(const std::string& source) {
  std::set<int> found;
  std::ifstream text(CLEW_SOURCE_DIR "/tests/fixtures/steps/" + source);
  const std::regex mark("\\bLINE\\b");
  std::string line;
  for (int number = 1; std::getline(text, line); ++number) {
    if (std::regex_search(line, mark) && !line.starts_with("//") && !line.starts_with("#"))
      found.insert(number);
  }
  return found;
}

/// Neighbours that are the same are one: a line can note itself more than once.
std::vector<Note> trace_of(const json& answer) {
  std::vector<Note> notes;
  for (const json& note : answer["trace"]) {
    const Note one{note[0].get<int>(), note[1].get<int>()};
    if (notes.empty() || notes.back() != one) notes.push_back(one);
  }
  return notes;
}

/// Where the steps have stopped, from the breakpoint on, in lines that note themselves.
std::vector<int> stops_of(const std::string& out, const std::string& source) {
  std::vector<int> lines;
  const std::set<int> noted = noted_lines(source);
  const std::regex place("^\\* thread 1 .* at " + source + ":(\\d+)");
  std::istringstream text(out);
  for (std::string line; std::getline(text, line);) {
    std::smatch found;
    if (line.find(" hit ") != std::string::npos || !std::regex_search(line, found, place)) continue;
    const int number = std::stoi(found[1]);
    if (noted.contains(number)) lines.push_back(number);
  }
  return lines;
}

std::string text_of(const std::vector<int>& lines) {
  std::string text;
  for (const int line : lines) text += std::to_string(line) + " ";
  return text;
}

std::string text_of(const std::vector<Note>& notes) {
  std::string text;
  for (const Note& note : notes)
    text += std::to_string(note.invocation) + ":" + std::to_string(note.line) + " ";
  return text;
}

/// Optimised code mixes the lines, and has none of its own for some: each stop is at one that has
/// run.
std::string compare_loosely(const std::vector<int>& stops, const std::vector<Note>& notes) {
  for (const int stop : stops) {
    const bool is_known = std::any_of(notes.begin(), notes.end(),
                                      [stop](const Note& note) { return note.line == stop; });
    if (!is_known) return "a stop at line " + std::to_string(stop) + ", which did not run";
  }
  return stops.empty() ? "no stop" : "";
}

/// Walks along the program's notes with the stops. A return leads into the middle of the line that
/// has called: that line may be stopped at once more. @return what does not fit; empty when all do.
std::string compare(const std::vector<int>& stops, const std::vector<Note>& notes) {
  size_t at = 0;
  for (const int stop : stops) {
    if (at < notes.size() && notes[at].line == stop) {
      ++at;
      continue;
    }
    bool was_there = false;
    for (size_t i = 0; i < at; ++i) was_there = was_there || notes[i].line == stop;
    if (!was_there)
      return "a stop at line " + std::to_string(stop) + " behind note " + std::to_string(at);
  }
  return at == notes.size() ? "" : "no stop at note " + std::to_string(at);
}

using Case = std::tuple<const char*, const char*>;

class StepMatrix : public testing::TestWithParam<Case> {
 protected:
  static std::string scenario() { return std::get<1>(GetParam()); }
  static std::string program() { return std::get<0>(GetParam()); }
  static bool is_optimised() { return program() == "o2"; }
  static std::string source() { return program() == "rust" ? "panics.rs" : "matrix.cpp"; }

  /// Runs the scenario by itself, then again with so many of one step from its beginning on.
  /// Functions whose names match `skipped` are not entered.
  void step_through(const std::string& command, const std::string& skipped = "") {
    before_ = target_.send("run " + scenario());
    ASSERT_EQ(before_.value("ran", ""), scenario());
    const std::vector<Note> notes = trace_of(before_);
    ClewProcess clew({"attach", std::to_string(target_.pid())});
    clew.write("tbreak " + scenario());
    if (!skipped.empty()) clew.write("skip regex " + skipped);
    clew.write("continue");
    ASSERT_TRUE(clew.read_until("running", 60s)) << clew.out() << clew.err();
    target_.write("run " + scenario());
    ASSERT_TRUE(clew.read_until("hit temporary breakpoint", 60s)) << clew.out() << clew.err();
    // Until the scenario has returned; brackets and handlers of exceptions are lines as well, and
    // so are those of what is stepped through on the way (Rust's library has some).
    const std::regex has_returned(" in (\\(anonymous namespace\\)::run|.*::run|main)\\b");
    const size_t most_steps = notes.size() * 4 + 200;
    const std::string answer = skipped.empty() ? "nothing is skipped" : "KIND";
    for (size_t i = 0; i < most_steps; ++i) {
      clew.forget_output();
      // What follows the step is there when that has ended.
      clew.write(command + "\ninfo skip");
      ASSERT_TRUE(clew.read_until(answer, 30s)) << out_ << clew.out() << clew.err();
      out_ += clew.out();
      if (std::regex_search(clew.out(), has_returned)) break;
    }
    clew.write("continue");
    after_ = target_.next_answer(60s);
    clew.close_input();
    EXPECT_EQ(clew.wait(60s), 0) << clew.err();
    EXPECT_TRUE(is_untraced(target_.pid()));
  }
  std::vector<Note> notes_of_scenario() const {
    std::vector<Note> own;
    for (const Note& note : trace_of(before_)) {
      if (note.invocation == 1) own.push_back(note);
    }
    return own;
  }
  /// Of the functions of the source from that one on.
  std::vector<Note> notes_from(const std::string& function) const {
    std::ifstream text(CLEW_SOURCE_DIR "/tests/fixtures/steps/" + source());
    int first = 1;
    for (std::string line; std::getline(text, line) && !line.starts_with(function);) ++first;
    std::vector<Note> own;
    for (const Note& note : trace_of(before_)) {
      if (note.line >= first) own.push_back(note);
    }
    return own;
  }
  void expect_lines(const std::vector<Note>& notes) const {
    const auto stops = stops_of(out_, source());
    EXPECT_EQ(is_optimised() ? compare_loosely(stops, notes) : compare(stops, notes), "")
        << text_of(stops) << "\n"
        << text_of(notes) << "\n"
        << out_;
  }
  /// What the program does is the same with steps and without.
  void expect_same_way() { EXPECT_EQ(trace_of(after_), trace_of(before_)) << out_; }

  Fixture target_{"step_matrix_" + program()};
  json before_, after_;
  std::string out_;
};

TEST_P(StepMatrix, NextStopsAtEachLineOfTheFunction) {
  step_through("next");
  expect_same_way();
  expect_lines(notes_of_scenario());
}

/// Into what is called, where that is code with lines only.
class StepIntoMatrix : public StepMatrix {};

TEST_P(StepIntoMatrix, StepStopsAtEachLine) {
  // The lines of libraries are not noted, and there are hundreds on these ways.
  step_through("step", scenario() == "locks" ? "^_*pthread_|^_*lll_"
                       : program() == "rust" ? "\\b(std|core|alloc|enter|note)\\b"
                                             : "");
  expect_same_way();
  // What a library without lines calls back is passed with the call of the library; so is what
  // catch_unwind() calls.
  expect_lines(scenario() == "libraries" ? notes_of_scenario()
               : program() == "rust"     ? notes_from("fn catches")
                                         : trace_of(before_));
}

std::string name_of(const testing::TestParamInfo<Case>& one) {
  return std::string(std::get<1>(one.param)) + "_" + std::get<0>(one.param);
}

INSTANTIATE_TEST_SUITE_P(Ways, StepMatrix,
                         testing::Combine(testing::Values("o0", "o2"),
                                          testing::Values("recursion", "exceptions", "jumps",
                                                          "inlined", "signals", "libraries",
                                                          "tails", "loops", "locks")),
                         name_of);
INSTANTIATE_TEST_SUITE_P(Rust, StepMatrix, testing::Values(Case{"rust", "unwinding"}), name_of);

INSTANTIATE_TEST_SUITE_P(Ways, StepIntoMatrix,
                         testing::Combine(testing::Values("o0", "o2"),
                                          testing::Values("recursion", "exceptions", "jumps",
                                                          "inlined", "signals", "libraries",
                                                          "tails", "loops", "locks")),
                         name_of);
INSTANTIATE_TEST_SUITE_P(Rust, StepIntoMatrix, testing::Values(Case{"rust", "unwinding"}), name_of);

/// From a breakpoint outwards, one call after the other.
class Finish : public testing::Test {
 protected:
  /// Runs the scenario up to a breakpoint, and finishes so many frames, or makes as many of another
  /// step. @return clew's output from there on.
  std::string finish(const std::string& program, const std::string& scenario,
                     const std::string& breakpoint, int times, const std::string& step = "finish") {
    Fixture target("step_matrix_" + program);
    before_ = trace_of(target.send("run " + scenario));
    EXPECT_FALSE(before_.empty());
    ClewProcess clew({"attach", std::to_string(target.pid())});
    clew.write("tbreak " + breakpoint);
    clew.write("continue");
    EXPECT_TRUE(clew.read_until("running", 60s)) << clew.out() << clew.err();
    target.write("run " + scenario);
    EXPECT_TRUE(clew.read_until("hit temporary breakpoint", 60s)) << clew.out() << clew.err();
    // Where that is, is no stop of a `finish`.
    clew.write("info skip");
    EXPECT_TRUE(clew.read_until("nothing is skipped", 60s)) << clew.out() << clew.err();
    clew.forget_output();
    for (int i = 0; i < times; ++i) {
      clew.write(step + "\ninfo skip");
      EXPECT_TRUE(clew.read_until("nothing is skipped", 30s)) << clew.out() << clew.err();
    }
    const std::string out = clew.out();
    clew.write("continue");
    EXPECT_EQ(trace_of(target.next_answer(60s)), before_) << out;
    clew.close_input();
    EXPECT_EQ(clew.wait(60s), 0) << clew.err();
    return out;
  }
  static std::vector<int> lines_of(const std::string& out, const std::string& source) {
    std::vector<int> lines;
    const std::regex place("\\* thread 1 .* at " + source + ":(\\d+)");
    for (std::sregex_iterator at(out.begin(), out.end(), place), end; at != end; ++at) {
      if (at->str().find(" hit ") == std::string::npos) lines.push_back(std::stoi((*at)[1]));
    }
    return lines;
  }
  /// The line from which an invocation was made.
  int line_of_call(int invocation) const {
    for (size_t i = 1; i < before_.size(); ++i) {
      if (before_[i].invocation == invocation) return before_[i - 1].line;
    }
    return 0;
  }
  /// The first line behind an invocation's last one.
  int line_behind(int invocation) const {
    for (size_t i = before_.size() - 1; i > 0; --i) {
      if (before_[i - 1].invocation == invocation) return before_[i].line;
    }
    return 0;
  }

  std::vector<Note> before_;
};

TEST_F(Finish, LeavesOneInvocationOfARecursionAfterTheOther) {
  const std::string out = finish("o0", "recursion", "factorial if n == 1", 5);
  std::vector<int> calls;
  for (int invocation = 6; invocation > 1; --invocation) calls.push_back(line_of_call(invocation));
  EXPECT_EQ(lines_of(out, "matrix.cpp"), calls) << out;
  size_t at = 0;
  for (const char* value : {"= 1", "= 2", "= 6", "= 24", "= 120"}) {
    at = out.find(value, at);
    EXPECT_NE(at, std::string::npos) << value << "\n" << out;
  }
}

TEST_F(Finish, OfAFunctionThatThrowsEndsInTheHandler) {
  const std::string out = finish("o0", "exceptions", "thrower if what == 1", 1);
  // 1 is the scenario, 2 catches_within, 3 passes_on, 4 thrower.
  // The handler begins with the line of its `catch`, which notes nothing.
  EXPECT_EQ(lines_of(out, "matrix.cpp"), std::vector<int>{line_behind(4) - 1}) << out;
  EXPECT_EQ(out.find("value returned"), std::string::npos) << out;
}

TEST_F(Finish, OfAFunctionThatJumpsEndsBehindSetjmp) {
  const std::string out = finish("o0", "jumps", "jumper if how == 1", 1);
  const auto lines = lines_of(out, "matrix.cpp");
  ASSERT_EQ(lines.size(), 1U) << out;
  // 3 is its invocation; setjmp's own line notes nothing and is the one before.
  EXPECT_GE(lines[0], line_behind(3) - 1) << out;
  EXPECT_LE(lines[0], line_behind(3)) << out;
}

TEST_F(Finish, OfWhatALibraryHasCalledBack) {
  const std::string out = finish("o0", "libraries", "factorial if n == 3", 2);
  EXPECT_NE(out.find("step_library_call"), std::string::npos) << out;
  EXPECT_EQ(lines_of(out, "matrix.cpp"), std::vector<int>{line_of_call(2)}) << out;
}

TEST_F(Finish, OfAFunctionThatWasCalledByTheTail) {
  const std::string out = finish("o2", "tails", "last_of_all", 1);
  EXPECT_NE(out.find(" in (anonymous namespace)::tails"), std::string::npos) << out;
}

TEST_F(Finish, OfAHandlerOfASignal) {
  const std::string out = finish("o0", "signals", "on_alarm", 1);
  EXPECT_EQ(out.find("on_alarm"), std::string::npos) << out;
  EXPECT_NE(out.find("* thread 1"), std::string::npos) << out;
}

TEST_F(Finish, ByNextOfAHandlerOfASignal) {
  const std::string out = finish("o0", "signals", "on_alarm", 6, "next");
  const std::string last = out.substr(out.rfind("thread 1"));
  EXPECT_NE(out.find("on_alarm"), std::string::npos) << out;
  EXPECT_EQ(last.find("on_alarm"), std::string::npos) << out;
}

TEST_F(Finish, OfAFunctionOfRustThatPanicsEndsWhereThatIsCaught) {
  const std::string out = finish("rust", "unwinding", "panics if what == 1", 1);
  EXPECT_EQ(out.find(" in step_matrix_rust::panics"), std::string::npos) << out;
  EXPECT_NE(out.find("__rust_try"), std::string::npos) << out;
  EXPECT_EQ(out.find("value returned"), std::string::npos) << out;
}

/// Called for the first time, by way of the resolver, whose own lines (where its debug information
/// is installed) are none of the program's.
TEST(StepInto, AFunctionThatIsBoundMeanwhile) {
  Fixture target("step_matrix_o0");
  ClewProcess clew({"attach", std::to_string(target.pid())});
  clew.write("tbreak lined_library\ncontinue");
  EXPECT_TRUE(clew.read_until("running", 60s)) << clew.out() << clew.err();
  target.write("run lined_library");
  for (const char* place : {"matrix.cpp:214", "matrix.cpp:215", "matrix.cpp:216", "lined.cpp:6"}) {
    EXPECT_TRUE(clew.read_until(std::string(" at ") + place, 60s)) << clew.out() << clew.err();
    clew.write("step");
  }
  clew.close_input();
  EXPECT_EQ(clew.wait(60s), 0) << clew.err();
}

}  // namespace
}  // namespace clew::test
