// Memory that holds no container where one is said to be: whatever is there, a rendering ends after
// a bounded number of reads, and says what is wrong.

#include <gmock/gmock.h>

#include <cstring>
#include <random>

#include "lang/go/printers.h"
#include "lang/rust/printers.h"
#include "live_values.h"

namespace clew::test {
namespace {

using value::Value;

/// Where the garbage lies: an address that no program has.
constexpr Addr garbage_start{0x5000'0000'0000};

/// What bytes are made of.
enum class Pattern { zero, ones, aa, random, small, pointers, damaged };
constexpr Pattern all_patterns[] = {Pattern::zero,   Pattern::ones,  Pattern::aa,
                                    Pattern::random, Pattern::small, Pattern::pointers,
                                    Pattern::damaged};

/// A page of garbage that begins with what is taken for an object.
class GarbageMaker {
 public:
  explicit GarbageMaker(unsigned seed) : random_(seed) {}

  std::vector<std::byte> make(Pattern pattern, const std::vector<std::byte>& real) {
    std::vector<std::byte> bytes(page_size);
    switch (pattern) {
      case Pattern::zero:
        break;
      case Pattern::ones:
        std::fill(bytes.begin(), bytes.end(), std::byte{0xff});
        break;
      case Pattern::aa:
        std::fill(bytes.begin(), bytes.end(), std::byte{0xaa});
        break;
      default:
        for (size_t at = 0; at < page_size; at += sizeof(uint64_t))
          put(bytes, at, word(pattern, real));
        break;
    }
    if (pattern == Pattern::damaged) {
      // The object as it is, but for a few words.
      std::copy_n(real.begin(), std::min(real.size(), page_size), bytes.begin());
      for (int n = 0; n < 3; ++n) {
        const size_t words = std::max<size_t>(real.size() / sizeof(uint64_t), 1);
        put(bytes, below(words) * sizeof(uint64_t), word(Pattern::pointers, real));
      }
    }
    return bytes;
  }

 private:
  uint64_t below(uint64_t end) {
    return std::uniform_int_distribution<uint64_t>(0, end - 1)(random_);
  }

  static void put(std::vector<std::byte>& bytes, size_t at, uint64_t word) {
    if (at + sizeof word <= bytes.size()) std::memcpy(bytes.data() + at, &word, sizeof word);
  }

  uint64_t word(Pattern pattern, const std::vector<std::byte>& real) {
    const auto choice = below(pattern == Pattern::small ? 3 : 8);
    if (pattern == Pattern::random) return random_();
    if (choice < 3) return below(uint64_t{1} << (4 * (choice + 1)));
    if (choice < 6 || real.size() < sizeof(uint64_t))
      return garbage_start.value + 8 * below(page_size / 8);
    // What the real object points to.
    uint64_t word = 0;
    std::memcpy(&word, real.data() + 8 * below(real.size() / 8), sizeof word);
    return word + 8 * below(4);
  }

  std::mt19937_64 random_;
};

/// Shows garbage as each of the objects in turn.
void show_garbage(ShownProgram& program, const std::vector<std::pair<std::string, Value>>& objects,
                  unsigned count) {
  GarbageMaker maker(7);
  LiveValues& values = program.values();
  // A long run of what can be read is no garbage, but it takes its time.
  constexpr uint64_t most_reads = 100'000;
  constexpr size_t most_text = size_t{4} << 20;
  // Each element of a page may itself be a run of thousands.
  constexpr size_t most_text_without_limit = size_t{32} << 20;
  for (const auto& [name, object] : objects) {
    const auto real = object.bytes();
    ASSERT_TRUE(real) << name;
    for (unsigned n = 0; n < count; ++n) {
      const Pattern pattern = all_patterns[n % std::size(all_patterns)];
      const bool has_limit = n % 50 != 49;
      program.options().elements = has_limit ? 20 : 0;
      values.overlaid().lay_over(garbage_start, maker.make(pattern, *real));
      values.forget();
      const uint64_t before = values.overlaid().reads();
      const std::string text = program.text(Value::in_memory(values, object.type(), garbage_start));
      EXPECT_FALSE(text.empty()) << name;
      EXPECT_LT(text.size(), has_limit ? most_text : most_text_without_limit)
          << name << ", garbage " << n;
      EXPECT_LT(values.overlaid().reads() - before, most_reads) << name << ", garbage " << n;
    }
  }
}

TEST(Garbage, OfCppContainers) {
  for (const char* build : {"cpp-gcc-O0", "cpp-gcc-old-abi", "cpp-libcxx-O0"}) {
    if (!ShownProgram::exists(build)) continue;
    ShownProgram program(build);
    lang::add_cpp_printers(program.printers());
    std::vector<std::pair<std::string, Value>> objects;
    for (const char* name : {"string_short",
                             "wide_string",
                             "string32",
                             "view",
                             "path",
                             "vector_many",
                             "vector_strings",
                             "vector_nested",
                             "vector_points",
                             "bits",
                             "array",
                             "array_strings",
                             "deque_many",
                             "deque_strings",
                             "initializer",
                             "bitset",
                             "stack",
                             "queue",
                             "priority",
                             "span",
                             "list_many",
                             "list_wide",
                             "forward_many",
                             "map_one",
                             "map_nested",
                             "map_wide",
                             "map_packed",
                             "multimap",
                             "set_many",
                             "set_of_nothing",
                             "unordered_one",
                             "unordered_string",
                             "unordered_multi",
                             "unordered_set",
                             "pair",
                             "tuple",
                             "tuple_with_nothing",
                             "optional_some",
                             "optional_string",
                             "optional_vector",
                             "variant_number",
                             "variant_mono",
                             "any_number",
                             "any_string",
                             "unique_some",
                             "unique_shape",
                             "shared_some",
                             "weak_some",
                             "reference",
                             "function_plain",
                             "atomic_int",
                             "atomic_point",
                             "milliseconds",
                             "when",
                             "thread_none",
                             "mutex_locked",
                             "mutex_twice",
                             "vector_iterator",
                             "map_iterator",
                             "list_iterator",
                             "deque_iterator",
                             "holder",
                             "deep"}) {
      const auto object = program.values().global(std::string("data::") + name);
      ASSERT_TRUE(object) << name;
      objects.emplace_back(name, *object);
    }
    show_garbage(program, objects, rounds(350, 7000));
  }
}

TEST(Garbage, OfRustContainers) {
  if (!ShownProgram::exists("rust-debug")) GTEST_SKIP() << "not built here";
  ShownProgram program("rust-debug");
  lang::add_rust_printers(program.printers());
  const auto pointer = program.values().global("rust_containers::ALL");
  ASSERT_TRUE(pointer);
  const auto all = pointer->dereference();
  ASSERT_TRUE(all);
  std::vector<std::pair<std::string, Value>> objects;
  for (const value::Member& member : all->type()->stripped()->members()) {
    const auto object = all->member(member);
    ASSERT_TRUE(object) << member.name;
    if (object->size() != 0) objects.emplace_back(member.name, *object);
  }
  show_garbage(program, objects, rounds(350, 7000));
}

TEST(Garbage, OfGoValues) {
  for (const char* build : {"../go/values", "../go/values_debug"}) {
    if (!ShownProgram::exists(build)) GTEST_SKIP() << "Go is not installed";
    ShownProgram program(build);
    lang::add_go_printers(program.printers());
    const auto all = program.values().global("main.all");
    ASSERT_TRUE(all);
    std::vector<std::pair<std::string, Value>> objects;
    for (const value::Member& member : all->type()->stripped()->members()) {
      const auto object = all->member(member);
      ASSERT_TRUE(object) << member.name;
      if (object->size() != 0) objects.emplace_back(member.name, *object);
    }
    show_garbage(program, objects, rounds(150, 3000));
  }
}

}  // namespace
}  // namespace clew::test
