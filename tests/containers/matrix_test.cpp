// Every kind of container in every state that it can be met in: empty, with one element, with many,
// within another, before its constructor has run, and after its destructor.

#include <gmock/gmock.h>

#include <algorithm>
#include <string_view>

#include "lang/cpp/printers.h"
#include "lang/rust/printers.h"
#include "live_values.h"

namespace clew::test {
namespace {

/// What is shown of one kind. "*" stands for anything (addresses, orders of hash tables); nullptr
/// for a state that the kind does not have.
struct MatrixRow {
  const char* kind;
  const char* empty;
  const char* one;
  const char* many;
  const char* nested;
  /// Garbage cannot be taken for one of it: it refers to memory, or counts.
  bool shows_damage = true;
};

bool is_like(std::string_view text, std::string_view pattern) {
  const size_t star = pattern.find('*');
  if (star == pattern.npos) return text == pattern;
  if (!text.starts_with(pattern.substr(0, star))) return false;
  pattern.remove_prefix(star + 1);
  for (size_t skipped = star; skipped <= text.size(); ++skipped) {
    if (is_like(text.substr(skipped), pattern)) return true;
  }
  return false;
}

MATCHER_P(Like, pattern, std::string("is like ") + pattern) { return is_like(arg, pattern); }

/// The states of one kind, by name.
class KindStates {
 public:
  KindStates(ShownProgram& program, const value::Value& kind) : program_(program), kind_(kind) {}

  void expect(const char* state, const char* pattern) {
    if (pattern == nullptr) return;
    EXPECT_THAT(show({state}), Like(std::string(pattern))) << state;
  }

  /// A rendering of what is no object ends soon, whatever is there. @return it.
  std::string show_lost(const std::vector<std::string>& path) {
    constexpr uint64_t most_reads = 20'000;
    constexpr size_t most_text = 100'000;
    const uint64_t before = program_.values().overlaid().reads();
    const std::string text = show(path);
    EXPECT_FALSE(text.empty());
    EXPECT_LT(text.size(), most_text);
    EXPECT_LT(program_.values().overlaid().reads() - before, most_reads);
    return text;
  }

 private:
  std::string show(const std::vector<std::string>& path) {
    value::Value at = kind_;
    for (const std::string& name : path) {
      const auto member = at.member(name);
      if (!member) return "<no member " + name + ": " + member.error().text + ">";
      at = *member;
    }
    return program_.text(at);
  }

  ShownProgram& program_;
  value::Value kind_;
};

void expect_states(ShownProgram& program, const MatrixRow& row, const value::Value& kind,
                   const std::vector<std::string>& in_room) {
  SCOPED_TRACE(row.kind);
  KindStates states(program, kind);
  states.expect("empty", row.empty);
  states.expect("one", row.one);
  states.expect("many", row.many);
  states.expect("nested", row.nested);
  const auto lost = [&](const char* state) {
    SCOPED_TRACE(state);
    std::vector<std::string> path = {state};
    path.insert(path.end(), in_room.begin(), in_room.end());
    return states.show_lost(path);
  };
  const std::string garbage = lost("uninitialised");
  if (row.shows_damage) {
    EXPECT_THAT(garbage, testing::AnyOf(testing::HasSubstr("<corrupt"),
                                        testing::HasSubstr("<cannot read memory")));
  }
  EXPECT_THAT(lost("freed"), testing::Not(testing::HasSubstr("<no member")));
}

// The words are the same for each library.
constexpr MatrixRow cpp_rows[] = {
    {"string", R"("")", R"("a")", R"("letters, and too many for the object itself")",
     R"(std::vector of length 2, capacity 2 = {"in", "side"})"},
    {"string_view", R"("")", R"("a")", R"("many letters")",
     R"(std::vector of length 2, capacity 2 = {"in", ""})"},
    {"path", R"(filesystem::path "")", R"(filesystem::path "a")",
     R"(filesystem::path "/usr/lib/x.so")",
     R"(std::vector of length 2, capacity 2 = {filesystem::path "a", filesystem::path ""})"},
    {"vector", "std::vector of length 0, capacity 0", "std::vector of length 1, capacity 1 = {1}",
     "std::vector of length 3, capacity 3 = {1, 2, 3}",
     "std::vector of length 2, capacity 2 = {std::vector of length 1, capacity 1 = {1}, "
     "std::vector of length 0, capacity 0}"},
    {"vector_bool", "std::vector<bool> of length 0, capacity 0",
     "std::vector<bool> of length 1, capacity 64 = {true}",
     "std::vector<bool> of length 3, capacity 64 = {true, false, true}",
     "std::vector of length 2, capacity 2 = {std::vector<bool> of length 1, capacity 64 = {true}, "
     "std::vector<bool> of length 0, capacity 0}"},
    {"array", "{0, 0, 0}", "{1, 0, 0}", "{1, 2, 3}", "{{1, 2}, {3, 4}}", false},
    {"array_of_none", "{}", "{}", "{}", "{{}}", false},
    {"deque", "std::deque with 0 elements", "std::deque with 1 element = {1}",
     "std::deque with 3 elements = {1, 2, 3}",
     "std::deque with 2 elements = {std::deque with 1 element = {1}, std::deque with 0 elements}"},
    {"list", "empty std::list", "std::list = {1}", "std::list = {1, 2, 3}",
     "std::list = {std::list = {1}, empty std::list}"},
    {"forward_list", "empty std::forward_list", "std::forward_list = {1}",
     "std::forward_list = {1, 2, 3}",
     "std::forward_list = {std::forward_list = {1}, empty std::forward_list}"},
    {"map", "std::map with 0 elements", "std::map with 1 element = {[1] = 2}",
     "std::map with 3 elements = {[1] = 2, [2] = 3, [3] = 4}",
     "std::map with 1 element = {[1] = std::map with 1 element = {[2] = 3}}"},
    {"multimap", "std::multimap with 0 elements", "std::multimap with 1 element = {[1] = 2}",
     "std::multimap with 3 elements = {[1] = 2, [2] = 3, [3] = 4}",
     "std::multimap with 1 element = {[1] = std::multimap with 1 element = {[2] = 3}}"},
    {"set", "std::set with 0 elements", "std::set with 1 element = {1}",
     "std::set with 3 elements = {1, 2, 3}",
     "std::set with 2 elements = {std::set with 1 element = {1}, std::set with 2 elements = {2, "
     "3}}"},
    {"multiset", "std::multiset with 0 elements", "std::multiset with 1 element = {1}",
     "std::multiset with 3 elements = {1, 2, 3}",
     "std::multiset with 2 elements = {std::multiset with 1 element = {1}, std::multiset with 2 "
     "elements = {2, 3}}"},
    {"unordered_map", "std::unordered_map with 0 elements",
     "std::unordered_map with 1 element = {[1] = 2}",
     "std::unordered_map with 3 elements = {[*] = *, [*] = *, [*] = *}",
     "std::unordered_map with 1 element = {[1] = std::unordered_map with 1 element = {[2] = 3}}"},
    {"unordered_multimap", "std::unordered_multimap with 0 elements",
     "std::unordered_multimap with 1 element = {[1] = 2}",
     "std::unordered_multimap with 3 elements = {*[1] = 2, [1] = 2*}",
     "std::unordered_multimap with 1 element = {[1] = std::vector of length 2, capacity 2 = {2, "
     "3}}"},
    {"unordered_set", "std::unordered_set with 0 elements",
     "std::unordered_set with 1 element = {1}", "std::unordered_set with 3 elements = {*, *, *}",
     "std::vector of length 2, capacity 2 = {std::unordered_set with 1 element = {1}, "
     "std::unordered_set with 2 elements = {*, *}}"},
    {"unordered_multiset", "std::unordered_multiset with 0 elements",
     "std::unordered_multiset with 1 element = {1}",
     "std::unordered_multiset with 3 elements = {*, *, *}",
     "std::vector of length 2, capacity 2 = {std::unordered_multiset with 1 element = {1}, "
     "std::unordered_multiset with 2 elements = {*, *}}"},
    {"pair", R"({first = 0, second = ""})", R"({first = 1, second = "one"})",
     R"({first = 2, second = "two"})", "{first = {first = 1, second = 2}, second = 3}"},
    {"tuple", R"(std::tuple containing = {[0] = 0, [1] = ""})",
     R"(std::tuple containing = {[0] = 1, [1] = "one"})",
     R"(std::tuple containing = {[0] = 2, [1] = "two"})",
     "std::tuple containing = {[0] = std::tuple containing = {[0] = 1, [1] = 2}, [1] = 3}"},
    {"optional", "std::optional<int> [no contained value]",
     "std::optional<int> = {[contained value] = 5}", "std::optional<int> = {[contained value] = 6}",
     "std::optional<std::optional<int>*> = {[contained value] = std::optional<int> = {[contained "
     "value] = 5}}",
     false},
    {"variant", "std::variant<std::monostate, int, std::string> [index 0] = {{<no data fields>}}",
     "std::variant<std::monostate, int, std::string> [index 1] = {7}",
     R"(std::variant<std::monostate, int, std::string> [index 2] = {"text"})",
     "std::variant<int, std::variant<int, std::string>*> [index 1] = {std::variant<int, "
     "std::string> [index 0] = {5}}"},
    {"any", "std::any [no contained value]", "std::any containing int = {[contained value] = 7}",
     R"(std::any containing std::string = {[contained value] = "too long to be inside of *"})",
     "std::any containing std::vector<int*> = {[contained value] = std::vector of length 1, "
     "capacity 1 = {1}}",
     false},
    {"unique_ptr", "std::unique_ptr<int> = {get() = 0x0}", "std::unique_ptr<int> = {get() = 0x*}",
     "std::unique_ptr<int> = {get() = 0x*}",
     "std::unique_ptr<std::unique_ptr<int*>> = {get() = 0x*}", false},
    {"shared_ptr", "std::shared_ptr<int> (empty) = {get() = 0x0}",
     "std::shared_ptr<int> (use count 1, weak count 1) = {get() = 0x*}",
     "std::shared_ptr<int> (use count *, weak count *) = {get() = 0x*}",
     "std::shared_ptr<std::shared_ptr<int>*> (use count 1, weak count 0) = {get() = 0x*}"},
    {"weak_ptr", "std::weak_ptr<int> (empty) = {get() = 0x0}",
     "std::weak_ptr<int> (use count 1, weak count 1) = {get() = 0x*}",
     "std::weak_ptr<int> (use count *, weak count *) = {get() = 0x*}",
     "std::vector of length 2, capacity 2 = {std::weak_ptr<int> (empty) = {get() = 0x0}, "
     "std::weak_ptr<int> (expired, weak count 1) = {get() = 0x*}}"},
    {"function", "empty std::function<int (int)>", "std::function<int (int)> calling *twice(int)",
     "std::function<int (int)> calling *",
     "std::vector of length 2, capacity 2 = {std::function<int (int)> calling *twice(int), empty "
     "std::function<int (int)>}",
     false},
    {"atomic", "0", "1", "1000", "{0, 2}", false},
    {"duration", "0ms", "1ms", "1500ms", "std::vector of length 1, capacity 1 = {1ms}", false},
    {"thread", "std::thread [not joinable]", "std::thread with handle 0x*",
     "std::thread with handle 0x*",
     "std::vector of length 1, capacity 1 = {std::thread [not joinable]}", false},
    {"mutex", "std::mutex [unlocked]", "std::mutex [locked by thread *]",
     "std::mutex [locked by thread *]", "{std::mutex [unlocked], std::mutex [locked by thread *]}",
     false},
    {"span", "std::span of length 0", "std::span of length 1 = {1}",
     "std::span of length 3 = {1, 2, 3}",
     "std::vector of length 2, capacity 2 = {std::span of length 1 = {1}, std::span of length 0}"},
};

std::string name_of_build(const testing::TestParamInfo<const char*>& build) {
  std::string name = build.param;
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}

class CppMatrix : public testing::TestWithParam<const char*> {};

INSTANTIATE_TEST_SUITE_P(Builds, CppMatrix,
                         testing::Values("matrix-gcc-O0", "matrix-gcc-O2", "matrix-gcc-old-abi",
                                         "matrix-gcc-debug-mode", "matrix-clang-O0",
                                         "matrix-libcxx-O0", "matrix-libcxx-O2"),
                         name_of_build);

TEST_P(CppMatrix, EveryKindInEveryState) {
  if (!ShownProgram::exists(GetParam())) GTEST_SKIP() << "not built here";
  ShownProgram program(GetParam());
  lang::add_cpp_printers(program.printers());
  for (const MatrixRow& row : cpp_rows) {
    const auto kind = program.values().global(std::string("data::") + row.kind);
    ASSERT_TRUE(kind) << row.kind;
    expect_states(program, row, *kind, {"value"});
  }
}

constexpr MatrixRow rust_rows[] = {
    {"string", R"("")", R"("a")", R"("abc")", R"(Vec(size=2) = ["in", ""])"},
    {"str_slice", R"("")", R"("a")", R"("abc")", R"(Vec(size=2) = ["in", ""])"},
    {"slice", "&[i32](size=0)", "&[i32](size=1) = [1]", "&[i32](size=3) = [1, 2, 3]",
     "&[&[i32]](size=2) = [&[i32](size=1) = [1], &[i32](size=0)]"},
    {"vec", "Vec(size=0)", "Vec(size=1) = [1]", "Vec(size=3) = [1, 2, 3]",
     "Vec(size=2) = [Vec(size=1) = [1], Vec(size=0)]"},
    {"deque", "VecDeque(size=0)", "VecDeque(size=1) = [1]", "VecDeque(size=3) = [1, 2, 3]",
     "VecDeque(size=2) = [VecDeque(size=1) = [1], VecDeque(size=0)]"},
    {"list", "LinkedList(size=0)", "LinkedList(size=1) = [1]", "LinkedList(size=3) = [1, 2, 3]",
     "LinkedList(size=2) = [LinkedList(size=1) = [1], LinkedList(size=0)]"},
    {"hash_map", "HashMap(size=0)", "HashMap(size=1) = {[1] = 2}",
     "HashMap(size=3) = {[*] = *, [*] = *, [*] = *}",
     "HashMap(size=1) = {[1] = HashMap(size=1) = {[2] = 3}}"},
    {"hash_set", "HashSet(size=0)", "HashSet(size=1) = [1]", "HashSet(size=3) = [*, *, *]",
     "Vec(size=1) = [HashSet(size=1) = [1]]"},
    {"tree_map", "BTreeMap(size=0)", "BTreeMap(size=1) = {[1] = 2}",
     "BTreeMap(size=3) = {[1] = 2, [2] = 3, [3] = 4}",
     "BTreeMap(size=1) = {[1] = BTreeMap(size=1) = {[2] = 3}}"},
    {"tree_set", "BTreeSet(size=0)", "BTreeSet(size=1) = [1]", "BTreeSet(size=3) = [1, 2, 3]",
     "BTreeSet(size=2) = [BTreeSet(size=1) = [1], BTreeSet(size=2) = [2, 3]]"},
    {"option", "core::option::Option<i32>::None", "core::option::Option<i32>::Some(1)",
     "core::option::Option<i32>::Some(3)",
     "core::option::Option<core::option::Option<i32>>::Some(core::option::Option<i32>::None)",
     false},
    {"niche", "core::option::Option<*>::None", "core::option::Option<*>::Some(1)",
     "core::option::Option<*>::Some(3)", "*::Some(*::Some(5))"},
    {"shape", "rust_matrix::Shape::Nothing", "rust_matrix::Shape::Line(1)",
     "rust_matrix::Shape::Box {wide: 2, high: 3}", "core::option::Option<rust_matrix::Shape>::None",
     false},
    {"boxed", "0", "1", "3", "5"},
    {"rc", "Rc(strong=1, weak=0) = 0", "Rc(strong=1, weak=0) = 1", "Rc(strong=1, weak=0) = 3",
     "Rc(strong=1, weak=0) = Rc(strong=1, weak=0) = 5"},
    {"arc", "Arc(strong=1, weak=0) = 0", "Arc(strong=1, weak=0) = 1", "Arc(strong=1, weak=0) = 3",
     "Arc(strong=1, weak=0) = Arc(strong=1, weak=0) = 5"},
    {"cell", "Cell = 0", "Cell = 1", "Cell = 3", "Cell = core::option::Option<i32>::Some(5)",
     false},
    {"ref_cell", "RefCell(borrow=0) = 0", "RefCell(borrow=0) = 1", "RefCell(borrow=0) = 3",
     "RefCell(borrow=0) = Vec(size=1) = [1]", false},
    {"mutex", "Mutex(unlocked) = 0", "Mutex(unlocked) = 1", "Mutex(unlocked) = 3",
     "Mutex(unlocked) = Vec(size=1) = [1]", false},
    {"rw_lock", "RwLock(unlocked) = 0", "RwLock(unlocked) = 1", "RwLock(unlocked) = 3",
     "RwLock(unlocked) = Vec(size=1) = [1]", false},
    {"dynamic", "Box<dyn Animal> = rust_matrix::Dog {age: 0}",
     "Box<dyn Animal> = rust_matrix::Dog {age: 1}", "Box<dyn Animal> = rust_matrix::Dog {age: 3}",
     "Vec(size=1) = [Box<dyn Animal> = rust_matrix::Dog {age: 4}]"},
};

class RustMatrix : public testing::TestWithParam<const char*> {};

INSTANTIATE_TEST_SUITE_P(Builds, RustMatrix, testing::Values("rust-matrix", "rust-matrix-release"),
                         name_of_build);

TEST_P(RustMatrix, EveryKindInEveryState) {
  if (!ShownProgram::exists(GetParam())) GTEST_SKIP() << "not built here";
  ShownProgram program(GetParam());
  lang::add_rust_printers(program.printers());
  const auto pointer = program.values().global("rust_matrix::ALL");
  ASSERT_TRUE(pointer);
  const auto all = pointer->dereference();
  ASSERT_TRUE(all);
  for (const MatrixRow& row : rust_rows) {
    const auto kind = all->member(row.kind);
    ASSERT_TRUE(kind) << row.kind;
    // MaybeUninit is a union, in which the value is a ManuallyDrop.
    expect_states(program, row, *kind, {"value"});
  }
}

}  // namespace
}  // namespace clew::test
