#include "view/thread_table.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace clew {
namespace {

ThreadRow sample() {
  ThreadRow row;
  row.number = 2;
  row.tid = 77;
  row.name = "worker";
  row.state = 'S';
  row.cpu = 1;
  row.activity = ThreadActivity::held;
  row.pc = 0x1234;
  row.where = "libc.so.6+0x34";
  row.waits_in = "pause()";
  return row;
}

TEST(ThreadTable, JsonHasTheDocumentedFields) {
  const auto json = threads_to_json({sample()});
  ASSERT_EQ(json.size(), 1U);
  EXPECT_EQ(json[0]["id"], 2);
  EXPECT_EQ(json[0]["tid"], 77);
  EXPECT_EQ(json[0]["name"], "worker");
  EXPECT_EQ(json[0]["state"], "S");
  EXPECT_EQ(json[0]["activity"], "held");
  EXPECT_EQ(json[0]["cpu"], 1);
  EXPECT_EQ(json[0]["pc"], "0x1234");
  EXPECT_EQ(json[0]["where"], "libc.so.6+0x34");
  EXPECT_EQ(json[0]["waits_in"], "pause()");
  EXPECT_FALSE(json[0].contains("error"));
}

TEST(ThreadTable, UnknownFactsAreNullInJson) {
  ThreadRow row;
  row.error = "gone";
  const auto json = threads_to_json({row});
  EXPECT_TRUE(json[0]["state"].is_null());
  EXPECT_TRUE(json[0]["cpu"].is_null());
  EXPECT_TRUE(json[0]["pc"].is_null());
  EXPECT_EQ(json[0]["error"], "gone");
}

TEST(ThreadTable, ShowsTheStateBeforeAndNow) {
  ThreadRow row = sample();
  row.state_now = 't';
  ThreadTableOptions options;
  options.state_now = true;
  EXPECT_NE(render_threads({row}, options, Style()).find("S → t"), std::string::npos);
}

TEST(ThreadTable, MarksTheSelectedThread) {
  ThreadRow row = sample();
  row.current = true;
  ThreadTableOptions options;
  options.selection = true;
  EXPECT_NE(render_threads({row}, options, Style()).find("* 2"), std::string::npos);
}

TEST(ThreadTable, BothSidesOfAPidNamespace) {
  ThreadRow row = sample();
  row.inner_tid = 3;
  EXPECT_NE(render_threads({row}, {}, Style()).find("77 (3 inside)"), std::string::npos);
  EXPECT_EQ(threads_to_json({row})[0]["tid_inside"], 3);
}

TEST(ThreadTable, NoColourMeansNoEscapes) {
  EXPECT_EQ(render_threads({sample()}, {}, Style(false)).find('\x1b'), std::string::npos);
  EXPECT_NE(render_threads({sample()}, {}, Style(true)).find('\x1b'), std::string::npos);
}

}  // namespace
}  // namespace clew
