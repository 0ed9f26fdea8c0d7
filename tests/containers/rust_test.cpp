// The containers of Rust's standard library in running programs.

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <algorithm>

#include "lang/rust/printers.h"
#include "live_values.h"

namespace clew::test {
namespace {

using testing::EndsWith;
using testing::StartsWith;

class RustContainers : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    if (!ShownProgram::exists(GetParam())) GTEST_SKIP() << "not built here";
    program_.emplace(GetParam());
    lang::add_rust_printers(program_->printers());
    const auto pointer = program_->values().global("rust_containers::ALL");
    ASSERT_TRUE(pointer);
    const auto all = pointer->dereference();
    ASSERT_TRUE(all);
    all_ = *all;
  }
  std::string show(const std::string& name) {
    const auto field = all_->member(name);
    return field ? program_->text(*field) : field.error().text;
  }

  std::optional<ShownProgram> program_;
  std::optional<value::Value> all_;
};

INSTANTIATE_TEST_SUITE_P(Builds, RustContainers, testing::Values("rust-debug", "rust-release"),
                         [](const auto& build) {
                           std::string name = build.param;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

TEST_P(RustContainers, Text) {
  EXPECT_EQ(show("string_empty"), R"("")");
  EXPECT_EQ(show("string"), R"("abc")");
  EXPECT_EQ(show("string_long"), "'x' <repeats 200 times>...");
  EXPECT_EQ(show("str_plain"), "\"pl\u00e4in \\\"text\\\"\"");
  EXPECT_EQ(show("path"), R"("/usr/lib")");
  EXPECT_EQ(show("boxed_str"), R"("boxed")");
}

TEST_P(RustContainers, Rows) {
  EXPECT_EQ(show("vec_empty"), "Vec(size=0)");
  EXPECT_EQ(show("vec_many"), "Vec(size=3) = [1, 2, 3]");
  EXPECT_EQ(show("vec_strings"), R"(Vec(size=2) = ["a", "bc"])");
  EXPECT_EQ(show("vec_nested"), "Vec(size=2) = [Vec(size=1) = [1], Vec(size=0)]");
  EXPECT_EQ(show("vec_units"), "Vec(size=3) = [(), (), ()]");
  EXPECT_EQ(show("slice"), "&[i32](size=2) = [4, 5]");
  EXPECT_EQ(show("boxed_slice"), "Box<[u16]>(size=2) = [6, 7]");
  EXPECT_EQ(show("array"), "[1, 2, 3]");
  EXPECT_EQ(show("deque_empty"), "VecDeque(size=0)");
  EXPECT_EQ(show("deque_wrapped"), "VecDeque(size=3) = [3, 4, 5]");
  EXPECT_EQ(show("list"), "LinkedList(size=2) = [1, 2]");
}

TEST_P(RustContainers, MapsAndSets) {
  EXPECT_EQ(show("map_empty"), "HashMap(size=0)");
  EXPECT_EQ(show("map_one"), R"(HashMap(size=1) = {["one"] = 1})");
  EXPECT_EQ(show("set_one"), "HashSet(size=1) = [42]");
  EXPECT_EQ(show("tree_empty"), "BTreeMap(size=0)");
  EXPECT_EQ(show("tree_few"), R"(BTreeMap(size=2) = {[1] = "x", [2] = "y"})");
  EXPECT_EQ(show("tree_set"), "BTreeSet(size=3) = [1, 2, 3]");
  EXPECT_EQ(show("tree_mixed"), "BTreeMap(size=1) = {[1] = [1, 2, 3]}");
}

TEST_P(RustContainers, EveryElementIsThere) {
  program_->options().elements = 0;
  std::string expected = "BTreeMap(size=100000) = {";
  for (int i = 0; i < 100000; ++i) expected += fmt::format("{}[{}] = {}", i ? ", " : "", i, 2 * i);
  // Not EXPECT_EQ: a megabyte of difference helps nobody.
  EXPECT_TRUE(show("tree_many") == expected + "}");
  const auto map = all_->member("map_many");
  ASSERT_TRUE(map);
  const auto table = value::render(*map, program_->printers(), program_->options());
  EXPECT_EQ(table.text, "HashMap(size=1000)");
  std::vector<int> keys;
  for (const auto& child : table.children) {
    keys.push_back(std::stoi(child.name.substr(1)));
    EXPECT_EQ(child.text, std::to_string(3 * keys.back()));
  }
  std::sort(keys.begin(), keys.end());
  ASSERT_EQ(keys.size(), 1000U);
  for (int i = 0; i < 1000; ++i) EXPECT_EQ(keys[static_cast<size_t>(i)], i);
}

TEST_P(RustContainers, Enums) {
  EXPECT_EQ(show("none"), "core::option::Option<i32>::None");
  EXPECT_EQ(show("some"), "core::option::Option<i32>::Some(5)");
  EXPECT_EQ(show("some_string"), R"(core::option::Option<alloc::string::String>::Some("some"))");
  EXPECT_THAT(show("none_box"), EndsWith("::None"));
  EXPECT_THAT(show("some_box"), EndsWith("::Some(6)"));
  EXPECT_THAT(show("good"), EndsWith("::Ok(1)"));
  EXPECT_THAT(show("bad"), EndsWith("::Err(\"bad\")"));
  EXPECT_EQ(show("quit"), "rust_containers::Message::Quit");
  EXPECT_EQ(show("go"), "rust_containers::Message::Move {x: 1, y: -1}");
  EXPECT_EQ(show("write"), R"(rust_containers::Message::Write("text"))");
  EXPECT_EQ(show("color"), "rust_containers::Message::Color(1, 2, 3)");
  EXPECT_EQ(show("word"), "rust_containers::Word {whole: 1065353216, part: 1}");
  const std::string bytes = show("bytes");
  EXPECT_EQ(bytes.substr(bytes.find(' ')), R"( b"by\"\000s")");
  EXPECT_EQ(show("levels"), "[rust_containers::Level::Low, rust_containers::Level::High]");
}

TEST_P(RustContainers, Owners) {
  EXPECT_EQ(show("boxed"), "7");
  EXPECT_EQ(show("boxed_dog"), R"(rust_containers::Dog {name: "Rex", age: 3})");
  EXPECT_EQ(show("rc"), "Rc(strong=2, weak=1) = 11");
  EXPECT_EQ(show("rc_weak"), "Weak(strong=2, weak=1) = 11");
  EXPECT_EQ(show("rc_gone"), "Weak(strong=0, weak=1)");
  EXPECT_EQ(show("rc_never"), "Weak(never had a value)");
  EXPECT_EQ(show("rc_str"), R"(Rc(strong=1, weak=0) = "rc str")");
  EXPECT_EQ(show("arc"), R"(Arc(strong=1, weak=0) = "arc")");
  EXPECT_EQ(show("arc_slice"), "Arc(strong=1, weak=0) = [1, 2]");
}

TEST_P(RustContainers, TraitObjects) {
  EXPECT_EQ(show("dyn_dog"), R"(Box<dyn Animal> = rust_containers::Dog {name: "Fido", age: 5})");
  EXPECT_EQ(show("dyn_fish"), "&dyn Animal = rust_containers::Fish(3)");
  EXPECT_EQ(show("rc_dyn"), "Rc(strong=1, weak=0) = rust_containers::Fish(8)");
}

TEST_P(RustContainers, CellsAndLocks) {
  EXPECT_EQ(show("cell"), "Cell = 1");
  EXPECT_EQ(show("unsafe_cell"), "2");
  EXPECT_EQ(show("once_none"), "OnceCell = core::option::Option<i32>::None");
  EXPECT_EQ(show("once_some"), "OnceCell = core::option::Option<i32>::Some(9)");
  EXPECT_EQ(show("ref_cell"), "RefCell(borrow=0) = 3");
  EXPECT_EQ(show("ref_borrowed"), "RefCell(borrow=1) = 4");
  EXPECT_EQ(show("ref_mutable"), "RefCell(borrow_mut=1) = 5");
  EXPECT_EQ(show("mutex"), "Mutex(unlocked) = 6");
  EXPECT_EQ(show("mutex_locked"), "Mutex(locked) = Vec(size=1) = [1]");
  EXPECT_EQ(show("rw_lock"), "RwLock(unlocked) = 7");
  EXPECT_EQ(show("atomic"), "8");
  EXPECT_EQ(show("atomic_bool"), "true");
  EXPECT_EQ(show("non_zero"), "9");
  EXPECT_THAT(show("shared"),
              StartsWith("Arc(strong=1, weak=0) = Mutex(unlocked) = HashMap(size=1) = {[\"k\"] = "
                         "Vec(size=2) = [core::option::Option<i32>::Some(1), "));
}

TEST_P(RustContainers, RawShowsTheFields) {
  program_->options().raw = true;
  EXPECT_THAT(show("vec_many"), StartsWith("alloc::vec::Vec<i32, alloc::alloc::Global> {buf: "));
}

}  // namespace
}  // namespace clew::test
