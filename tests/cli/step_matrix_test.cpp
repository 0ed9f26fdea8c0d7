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

/// The lines of the program that note themselves.
const std::set<int>& noted_lines() {
  static const std::set<int> lines = [] {
    std::set<int> found;
    std::ifstream source(CLEW_SOURCE_DIR "/tests/fixtures/steps/matrix.cpp");
    const std::regex mark("\\bLINE\\b");
    std::string line;
    for (int number = 1; std::getline(source, line); ++number) {
      if (std::regex_search(line, mark) && !line.starts_with("//") && !line.starts_with("#"))
        found.insert(number);
    }
    return found;
  }();
  return lines;
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
std::vector<int> stops_of(const std::string& out) {
  std::vector<int> lines;
  const std::regex place("^\\* thread 1 .* at matrix\\.cpp:(\\d+)");
  std::istringstream text(out);
  for (std::string line; std::getline(text, line);) {
    std::smatch found;
    if (line.find(" hit ") != std::string::npos || !std::regex_search(line, found, place)) continue;
    const int number = std::stoi(found[1]);
    if (noted_lines().contains(number)) lines.push_back(number);
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
  std::string scenario() const { return std::get<1>(GetParam()); }
  bool is_optimised() const { return std::string(std::get<0>(GetParam())) == "2"; }

  /// Runs the scenario by itself, then again with so many of one step from its beginning on.
  void step_through(const std::string& command) {
    before_ = target_.send("run " + scenario());
    ASSERT_EQ(before_.value("ran", ""), scenario());
    const std::vector<Note> notes = trace_of(before_);
    ClewProcess clew({"attach", std::to_string(target_.pid())});
    clew.write("tbreak " + scenario());
    clew.write("continue");
    ASSERT_TRUE(clew.read_until("running", 60s)) << clew.out() << clew.err();
    target_.write("run " + scenario());
    ASSERT_TRUE(clew.read_until("hit temporary breakpoint", 60s)) << clew.out() << clew.err();
    // Until the scenario has returned; brackets and handlers of exceptions are lines as well.
    const std::regex has_returned(" in (\\(anonymous namespace\\)::run|main)\\b");
    const size_t most_steps = notes.size() * 3 + 20;
    for (size_t i = 0; i < most_steps; ++i) {
      clew.forget_output();
      // What follows the step is there when that has ended.
      clew.write(command + "\ninfo skip");
      ASSERT_TRUE(clew.read_until("nothing is skipped", 30s)) << out_ << clew.out() << clew.err();
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
  void expect_lines(const std::vector<Note>& notes) const {
    const auto stops = stops_of(out_);
    EXPECT_EQ(is_optimised() ? compare_loosely(stops, notes) : compare(stops, notes), "")
        << text_of(stops) << "\n"
        << text_of(notes) << "\n"
        << out_;
  }
  /// What the program does is the same with steps and without.
  void expect_same_way() { EXPECT_EQ(trace_of(after_), trace_of(before_)) << out_; }

  Fixture target_{std::string("step_matrix_o") + std::get<0>(GetParam())};
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
  step_through("step");
  expect_same_way();
  expect_lines(trace_of(before_));
}

INSTANTIATE_TEST_SUITE_P(Ways, StepMatrix,
                         testing::Combine(testing::Values("0", "2"),
                                          testing::Values("recursion", "exceptions", "jumps",
                                                          "inlined", "signals", "libraries",
                                                          "tails", "loops", "locks")),
                         [](const auto& one) {
                           return std::string(std::get<1>(one.param)) + "_O" +
                                  std::get<0>(one.param);
                         });

INSTANTIATE_TEST_SUITE_P(Ways, StepIntoMatrix,
                         testing::Combine(testing::Values("0"),
                                          testing::Values("recursion", "inlined")),
                         [](const auto& one) {
                           return std::string(std::get<1>(one.param)) + "_O" +
                                  std::get<0>(one.param);
                         });

}  // namespace
}  // namespace clew::test
