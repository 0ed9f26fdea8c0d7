// The containers of C++ as libstdc++ and libc++ lay them out, in running programs.

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <algorithm>

#include "live_values.h"

namespace clew::test {
namespace {

using testing::AnyOf;
using testing::ContainsRegex;
using testing::EndsWith;
using testing::HasSubstr;
using testing::MatchesRegex;
using testing::StartsWith;

/// One build of the sample program.
class CppContainers : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    if (!ShownProgram::exists(GetParam())) GTEST_SKIP() << "not built here";
    program_.emplace(GetParam());
    lang::add_cpp_printers(program_->printers());
  }
  std::string show(const std::string& name) { return program_->show("data::" + name); }
  std::string show_as(const std::string& name, const std::string& type_of) {
    return program_->show_as("data::" + name, "data::" + type_of);
  }
  bool is(std::string_view part) const {
    return std::string_view(GetParam()).find(part) != std::string_view::npos;
  }

  std::optional<ShownProgram> program_;
};

INSTANTIATE_TEST_SUITE_P(Builds, CppContainers,
                         testing::Values("cpp-gcc-O0", "cpp-gcc-O2", "cpp-gcc-old-abi",
                                         "cpp-gcc-debug-mode", "cpp-clang-O0", "cpp-libcxx-O0",
                                         "cpp-libcxx-O2"),
                         [](const auto& build) {
                           std::string name = build.param;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

TEST_P(CppContainers, Strings) {
  EXPECT_EQ(show("string_empty"), R"("")");
  EXPECT_EQ(show("string_short"), R"("abc")");
  EXPECT_EQ(show("string_long"), R"("a string that is too long for the object itself")");
  EXPECT_EQ(show("string_odd"), R"("a\000b\n\"")");
  EXPECT_EQ(show("string_utf8"), "\"Gr\u00fc\u00dfe\"");
  EXPECT_EQ(show("string_repeats"), "'x' <repeats 200 times>...");
  EXPECT_EQ(show("wide_string"), "L\"w\u00e4\"");
  EXPECT_EQ(show("string16"), "u\"u\u00e4\"");
  EXPECT_EQ(show("string32"), "U\"U\U0001f600\"");
  EXPECT_EQ(show("string8"), "u8\"u8\"");
  EXPECT_EQ(show("view_empty"), R"("")");
  EXPECT_EQ(show("view"), R"("view of this")");
  EXPECT_EQ(show("path"), R"(filesystem::path "/usr/lib/x.so")");
}

TEST_P(CppContainers, Rows) {
  EXPECT_EQ(show("vector_empty"), "std::vector of length 0, capacity 0");
  EXPECT_EQ(show("vector_one"), "std::vector of length 1, capacity 1 = {1}");
  EXPECT_EQ(show("vector_many"), "std::vector of length 3, capacity 4 = {1, 2, 3}");
  EXPECT_EQ(show("vector_strings"), R"(std::vector of length 2, capacity 2 = {"a", "bc"})");
  EXPECT_EQ(show("vector_nested"),
            "std::vector of length 3, capacity 3 = {std::vector of length 1, capacity 1 = {1}, "
            "std::vector of length 0, capacity 0, std::vector of length 2, capacity 2 = {2, 3}}");
  EXPECT_EQ(show("vector_points"),
            "std::vector of length 2, capacity 2 = {{x = 1, y = 2}, {x = 3, y = 4}}");
  EXPECT_EQ(show("bits_empty"), "std::vector<bool> of length 0, capacity 0");
  EXPECT_EQ(show("bits"), "std::vector<bool> of length 3, capacity 64 = {true, false, true}");
  EXPECT_EQ(show("bits_many"),
            "std::vector<bool> of length 130, capacity 192 = {true <repeats 130 times>}");
  EXPECT_EQ(show("array"), "{1, 2, 3}");
  EXPECT_EQ(show("array_strings"), R"({"x", "y"})");
  EXPECT_EQ(show("deque_empty"), "std::deque with 0 elements");
  EXPECT_EQ(show("deque_many"), "std::deque with 7 elements = {-5, -4, -3, -2, -1, 0, 1}");
  EXPECT_EQ(show("deque_strings"), R"(std::deque with 2 elements = {"p", "q"})");
  EXPECT_EQ(show("initializer"), "std::initializer_list of length 2 = {7, 8}");
  EXPECT_EQ(show("bitset"), "std::bitset = {[0] = 1, [2] = 1, [9] = 1}");
  EXPECT_EQ(show("bitset_large"), "std::bitset = {[3] = 1, [69] = 1}");
  EXPECT_EQ(show("stack"), "std::stack = std::deque with 2 elements = {1, 2}");
  EXPECT_EQ(show("queue"), "std::queue = std::deque with 1 element = {3}");
  EXPECT_THAT(show("priority"), StartsWith("std::priority_queue = std::vector of length 2"));
  EXPECT_EQ(show("span"), "std::span of length 3 = {1, 2, 3}");
  EXPECT_EQ(show("span_fixed"), "std::span of length 2 = {1, 2}");
}

TEST_P(CppContainers, Lists) {
  EXPECT_EQ(show("list_empty"), "empty std::list");
  EXPECT_EQ(show("list_many"), "std::list = {1, 2, 3}");
  EXPECT_EQ(show("list_chars"), "std::list = {97 'a', 98 'b'}");
  EXPECT_EQ(show("list_wide"), "std::list = {{letter = 119 'w'}}");
  EXPECT_EQ(show("forward_empty"), "empty std::forward_list");
  EXPECT_EQ(show("forward_many"), "std::forward_list = {4, 5}");
  EXPECT_EQ(show("forward_wide"), "std::forward_list = {{letter = 119 'w'}}");
}

TEST_P(CppContainers, Trees) {
  EXPECT_EQ(show("map_empty"), "std::map with 0 elements");
  EXPECT_EQ(show("map_one"), "std::map with 1 element = {[1] = 2}");
  EXPECT_EQ(show("map_nested"),
            "std::map with 2 elements = {[\"a\"] = std::vector of length 2, capacity 2 = {1, 2}, "
            "[\"b\"] = std::vector of length 0, capacity 0}");
  EXPECT_EQ(show("map_chars"), "std::map with 1 element = {[97 'a'] = 98 'b'}");
  EXPECT_EQ(show("map_wide"), "std::map with 1 element = {[107 'k'] = {letter = 119 'w'}}");
  EXPECT_EQ(show("map_packed"),
            "std::map with 1 element = {[{letter = 112 'p', number = 7}] = {letter = 112 'p', "
            "number = 7}}");
  EXPECT_EQ(show("multimap"), "std::multimap with 2 elements = {[1] = 97 'a', [1] = 98 'b'}");
  EXPECT_EQ(show("set_empty"), "std::set with 0 elements");
  EXPECT_EQ(show("set_many"), "std::set with 3 elements = {1, 2, 3}");
  EXPECT_EQ(show("set_chars"), "std::set with 1 element = {122 'z'}");
  EXPECT_EQ(show("set_wide"), "std::set with 1 element = {{letter = 119 'w'}}");
  EXPECT_EQ(show("set_of_nothing"), "std::set with 1 element = {{<no data fields>}}");
  EXPECT_EQ(show("multiset"), "std::multiset with 2 elements = {5, 5}");
  EXPECT_EQ(show("map_points"), "std::map with 1 element = {[{x = 1, y = 2}] = \"p\"}");
}

TEST_P(CppContainers, HashTables) {
  EXPECT_EQ(show("unordered_empty"), "std::unordered_map with 0 elements");
  EXPECT_EQ(show("unordered_one"), "std::unordered_map with 1 element = {[1] = \"one\"}");
  EXPECT_EQ(show("unordered_string"), "std::unordered_map with 1 element = {[\"key\"] = 5}");
  EXPECT_EQ(show("unordered_chars"), "std::unordered_map with 1 element = {[107 'k'] = 118 'v'}");
  EXPECT_EQ(show("unordered_multi"),
            "std::unordered_multimap with 2 elements = {[1] = 2, [1] = 2}");
  EXPECT_EQ(show("unordered_set"), "std::unordered_set with 1 element = {42}");
  EXPECT_EQ(show("unordered_strings"), "std::unordered_set with 1 element = {\"only\"}");
  EXPECT_EQ(show("unordered_multiset"), "std::unordered_multiset with 2 elements = {6, 6}");
}

TEST_P(CppContainers, EveryElementIsThere) {
  program_->options().elements = 0;
  std::string expected = "std::map with 100000 elements = {";
  for (int i = 0; i < 100000; ++i) expected += fmt::format("{}[{}] = {}", i ? ", " : "", i, 2 * i);
  // Not EXPECT_EQ: a megabyte of difference helps nobody.
  EXPECT_TRUE(show("map_many") == expected + "}");
  const auto table = value::render(*program_->values().global("data::unordered_many"),
                                   program_->printers(), program_->options());
  std::vector<int> keys;
  for (const auto& child : table.children) {
    keys.push_back(std::stoi(child.name.substr(1)));
    EXPECT_EQ(child.text, std::to_string(3 * keys.back()));
  }
  std::sort(keys.begin(), keys.end());
  ASSERT_EQ(keys.size(), 1000U);
  for (int i = 0; i < 1000; ++i) EXPECT_EQ(keys[static_cast<size_t>(i)], i);
}

TEST_P(CppContainers, OneOfSeveral) {
  EXPECT_EQ(show("pair"), R"({first = 1, second = "one"})");
  EXPECT_EQ(show("pair_point"), "{first = 99 'c', second = {x = 5, y = 6}}");
  EXPECT_EQ(show("tuple_empty"), "empty std::tuple");
  EXPECT_EQ(show("tuple_one"), "std::tuple containing = {[0] = 9}");
  EXPECT_EQ(show("tuple"), R"(std::tuple containing = {[0] = 1, [1] = "two", [2] = 3.5})");
  EXPECT_EQ(show("tuple_with_nothing"),
            "std::tuple containing = {[0] = {<no data fields>}, [1] = 0}");
  EXPECT_EQ(show("optional_none"), "std::optional<int> [no contained value]");
  EXPECT_EQ(show("optional_some"), "std::optional<int> = {[contained value] = 5}");
  EXPECT_EQ(show("optional_string"), R"(std::optional<std::string> = {[contained value] = "opt"})");
  EXPECT_THAT(show("optional_vector"),
              EndsWith(" = {[contained value] = std::vector of length 2, capacity 2 = {1, 2}}"));
  EXPECT_EQ(show("variant_number"), "std::variant<int, std::string> [index 0] = {3}");
  EXPECT_EQ(show("variant_string"), R"(std::variant<int, std::string> [index 1] = {"text"})");
  EXPECT_EQ(show("variant_mono"),
            "std::variant<std::monostate, double> [index 0] = {{<no data fields>}}");
  EXPECT_EQ(show("any_none"), "std::any [no contained value]");
  EXPECT_EQ(show("any_number"), "std::any containing int = {[contained value] = 7}");
  EXPECT_EQ(show("any_string"),
            "std::any containing std::string = {[contained value] = \"inside of any, and too long "
            "to be inside\"}");
  EXPECT_EQ(show("any_point"),
            "std::any containing data::Point = {[contained value] = {x = 8, y = 9}}");
}

TEST_P(CppContainers, Owners) {
  EXPECT_EQ(show("unique_none"), "std::unique_ptr<int> = {get() = 0x0}");
  EXPECT_THAT(show("unique_some"),
              MatchesRegex(R"(std::unique_ptr<int> = \{get\(\) = 0x[0-9a-f]+\})"));
  EXPECT_THAT(show("unique_array"), StartsWith("std::unique_ptr<int []> = {get() = 0x"));
  EXPECT_THAT(show("unique_shape"), StartsWith("std::unique_ptr<data::Shape> = {get() = 0x"));
  EXPECT_THAT(show("unique_file"), EndsWith("= {get() = 0x0}"));
  EXPECT_EQ(show("shared_none"), "std::shared_ptr<int> (empty) = {get() = 0x0}");
  EXPECT_THAT(show("shared_some"),
              StartsWith("std::shared_ptr<int> (use count 2, weak count 1) = {get() = 0x"));
  EXPECT_THAT(show("weak_some"),
              StartsWith("std::weak_ptr<int> (use count 2, weak count 1) = {get() = 0x"));
  EXPECT_THAT(show("weak_expired"),
              StartsWith("std::weak_ptr<int> (expired, weak count 1) = {get() = 0x"));
  EXPECT_THAT(show("reference"), StartsWith("std::reference_wrapper<int> = {get() = 0x"));
}

TEST_P(CppContainers, Functions) {
  EXPECT_EQ(show("function_none"), "empty std::function<int (int, int)>");
  EXPECT_EQ(show("function_plain"), "std::function<int (int, int)> calling data::add(int, int)");
  EXPECT_EQ(show("function_object"), "std::function<int (int, int)> calling data::Adder");
}

TEST_P(CppContainers, NumbersTimesAndThreads) {
  EXPECT_EQ(show("atomic_int"), "5");
  EXPECT_EQ(show("atomic_bool"), "true");
  EXPECT_EQ(show("atomic_pointer"), "0x0");
  EXPECT_EQ(show("atomic_point"), "{x = 1, y = 2}");
  EXPECT_THAT(show("atomic_flag"), AnyOf("false", "0"));
  EXPECT_EQ(show("seconds"), "5s");
  EXPECT_EQ(show("milliseconds"), "1500ms");
  EXPECT_EQ(show("nanoseconds"), "7ns");
  EXPECT_EQ(show("hours"), "2h");
  EXPECT_EQ(show("real_seconds"), "1.5s");
  EXPECT_EQ(show("frames"), "60[1/30]s");
  EXPECT_EQ(show("when"), "system_clock 1700000000s [2023-11-14 22:13:20 UTC]");
  EXPECT_EQ(show("steady"), "steady_clock 123ns");
  EXPECT_EQ(show("thread_none"), "std::thread [not joinable]");
  EXPECT_EQ(show("mutex_free"), "std::mutex [unlocked]");
  EXPECT_EQ(show("mutex_locked"), fmt::format("std::mutex [locked by thread {}]", program_->pid()));
  EXPECT_EQ(show("mutex_twice"),
            fmt::format("std::recursive_mutex [locked by thread {}, 2 times]", program_->pid()));
}

TEST_P(CppContainers, WithinOtherThings) {
  EXPECT_EQ(show("holder"),
            "{name = \"holder\", numbers = std::vector of length 2, capacity 2 = {1, 2}, names = "
            "std::map with 1 element = {[1] = \"x\"}, count = 3}");
  EXPECT_EQ(show("deep"),
            "std::vector of length 1, capacity 1 = {std::map with 1 element = {[1] = std::set with "
            "2 elements = {2, 3}}}");
}

TEST_P(CppContainers, BrokenOnesEndWithAMark) {
  program_->options().elements = 0;
  EXPECT_THAT(show_as("list_cyclic", "list_many"), HasSubstr("<corrupt: it "));
  EXPECT_THAT(show_as("forward_cyclic", "forward_many"),
              HasSubstr("<corrupt: it leads back into itself>"));
  EXPECT_THAT(
      show_as("map_cyclic", "map_one"),
      ContainsRegex("<corrupt: the node at 0x[0-9a-f]+ (is not its parent's|has the same)"));
  EXPECT_THAT(show_as("unordered_cyclic", "unordered_many"), HasSubstr("<corrupt: it "));
  EXPECT_THAT(show_as("list_zero", "list_many"), StartsWith("<corrupt: it has no first node"));
  // What was freed is shown as what is there now.
  EXPECT_THAT(show_as("vector_freed", "vector_many"),
              MatchesRegex("std::vector of length 1?0+, capacity 1000.*"));
  EXPECT_FALSE(show_as("string_freed", "string_long").empty());
}

TEST_P(CppContainers, RawShowsTheFields) {
  program_->options().raw = true;
  EXPECT_THAT(show("vector_many"), AnyOf(HasSubstr("_M_start"), HasSubstr("__begin_")));
}

}  // namespace
}  // namespace clew::test
