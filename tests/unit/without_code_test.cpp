// The part of a module's debug information that names, types and variables are in.

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>

#include "sym/module_names.h"
#include "sym/static_address.h"

namespace clew::sym {
namespace {

std::shared_ptr<Module> open_module(const std::string& name) {
  const std::string path = std::string(CLEW_FIXTURES) + "/go/" + name;
  auto image = ElfImage::open_path(path);
  return image ? Module::create(std::move(*image), path, nullptr) : nullptr;
}

std::shared_ptr<const ModuleNames> only(const std::shared_ptr<const Module>& module,
                                        const WantedNames& wanted) {
  WorkControl control;
  const auto names = ModuleNames::load_only(module, wanted, 2, control);
  return names ? *names : nullptr;
}

std::vector<std::string> all_names(const ModuleNames& names) {
  const NameKinds kinds{NameKind::function, NameKind::inlined_function, NameKind::variable,
                        NameKind::type, NameKind::enumerator};
  WorkControl control;
  std::vector<std::string> found;
  const auto listed = names.list(
      kinds, [](const std::string&) { return true; }, control);
  for (const auto& one : *listed) found.push_back(one.name);
  std::sort(found.begin(), found.end());
  return found;
}

TEST(WithoutCode, NamesTypesAndVariablesAreTheSame) {
  const auto module = open_module("parked");
  if (module == nullptr) GTEST_SKIP() << "there is no Go compiler";
  const auto part = module->without_code();
  ASSERT_NE(part, nullptr) << "its debug information is compressed";
  EXPECT_EQ(part->debug_image().find_section(".debug_line")->type, unsigned{SHT_NOBITS});
  EXPECT_TRUE(part->problems().empty());
  const WantedNames every = [](NameKind, std::string_view) { return true; };
  EXPECT_EQ(all_names(*only(part, every)), all_names(*only(module, every)));
  const auto query = NameQuery::parse("runtime.allgptr");
  const auto here = only(part, every)->find(*query, variable_kinds);
  const auto there = only(module, every)->find(*query, variable_kinds);
  ASSERT_EQ(here.size(), 1u);
  ASSERT_EQ(there.size(), 1u);
  const auto address = static_address(*part, here[0].die);
  ASSERT_TRUE(address.has_value());
  EXPECT_EQ(address, static_address(*module, there[0].die));
}

TEST(WithoutCode, OnlyTheNamesThatAreWantedAreRead) {
  const auto module = open_module("parked");
  if (module == nullptr) GTEST_SKIP() << "there is no Go compiler";
  const auto names = all_names(*only(module, [](NameKind kind, std::string_view name) {
    return kind == NameKind::type && name == "runtime.g";
  }));
  ASSERT_FALSE(names.empty());
  EXPECT_EQ(std::count(names.begin(), names.end(), "runtime.g"), static_cast<long>(names.size()));
}

TEST(WithoutCode, WhatIsNotCompressedStaysWhole) {
  const auto plain = open_module("parked_plain");
  if (plain == nullptr) GTEST_SKIP() << "there is no Go compiler";
  EXPECT_EQ(plain->without_code(), nullptr);
  EXPECT_EQ(open_module("parked_stripped")->without_code(), nullptr);
}

}  // namespace
}  // namespace clew::sym
