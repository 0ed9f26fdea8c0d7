// The containers of Rust's standard library in running programs.

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <algorithm>

#include "lang/rust/printers.h"
#include "live_values.h"

namespace clew::test {
namespace {

using testing::HasSubstr;
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

TEST_P(RustContainers, All) {
  for (const auto& m : all_->type()->stripped()->members()) 
    std::printf("%s | %s\n", m.name.c_str(), m.name.ends_with("many") ? "" : show(m.name).substr(0, 400).c_str());
}

}  // namespace
}  // namespace clew::test
