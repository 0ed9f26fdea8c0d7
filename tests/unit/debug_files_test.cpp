#include "sym/debug_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "symbol_fixture.h"
#include "temporary_directory.h"

namespace clew::sym {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

/// A server that has nothing, or is dead, or wants to be cancelled.
class FakeServer final : public DebugServer {
 public:
  FakeServer(ErrorCode answer, int& calls) : answer_(answer), calls_(calls) {}
  Result<UniqueFd> fetch_debug_file(const BuildId&, const std::string&) override {
    ++calls_;
    return fail(answer_, "the server says no");
  }

 private:
  ErrorCode answer_;
  int& calls_;
};

/// A root with a program in /opt/app, as in the target's mount namespace.
class DebugFilesTest : public testing::Test {
 protected:
  void SetUp() override {
    fs::create_directories(inside("/opt/app/.debug"));
    fs::create_directories(inside("/usr/lib/debug/opt/app"));
  }

  fs::path inside(const std::string& path) const { return root_.path().string() + path; }

  std::shared_ptr<const DebugFiles> finder(std::unique_ptr<DebugServer> server = nullptr) {
    std::vector<RootDir> roots;
    roots.push_back(std::move(*RootDir::at(root_.path())));
    return std::make_shared<DebugFiles>(std::move(roots), std::move(server));
  }

  /// The program of that name, as if it were mapped from /opt/app.
  std::shared_ptr<Module> open(const std::string& name,
                               std::unique_ptr<DebugServer> server = nullptr) {
    auto image = ElfImage::open_path(symbol_fixture(name));
    return Module::create(std::move(*image), "/opt/app/" + name, finder(std::move(server)));
  }

  void put(const std::string& name, const std::string& path) {
    fs::create_directories(inside(path).parent_path());
    fs::copy_file(symbol_fixture(name), inside(path));
  }

  /// Where a build-id directory has the file of a program.
  std::string path_by_id(const std::string& name) {
    const std::string id = (*ElfImage::open_path(symbol_fixture(name)))->build_id().hex();
    return "/usr/lib/debug/.build-id/" + id.substr(0, 2) + "/" + id.substr(2) + ".debug";
  }

  /// True when the module's names come from its debug file.
  static bool has_names(const Module& module) {
    const auto found = module.symbols().find("place_inlined");
    if (found.empty()) return false;
    return names_at(module, found.front()->address) ==
           std::vector<std::string>{"deepest", "middle", "holder"};
  }

  TemporaryDirectory root_;
};

TEST_F(DebugFilesTest, WithoutOneThereAreNoNames) {
  const auto module = open("separate");
  EXPECT_FALSE(has_names(*module));
  EXPECT_FALSE(module->has_separate_debug_file());
  EXPECT_THAT(module->problems(), IsEmpty());
}

TEST_F(DebugFilesTest, AreFoundByBuildId) {
  put("separate.debug", path_by_id("separate"));
  const auto module = open("separate");
  EXPECT_TRUE(has_names(*module));
  EXPECT_TRUE(module->has_separate_debug_file());
  EXPECT_EQ(module->debug_bias(), 0U);
  EXPECT_THAT(module->problems(), IsEmpty());
}

TEST_F(DebugFilesTest, AreFoundByLinkWhereverThatMayLead) {
  for (const std::string path : {"/opt/app/separate.debug", "/opt/app/.debug/separate.debug",
                                 "/usr/lib/debug/opt/app/separate.debug"}) {
    put("separate.debug", path);
    EXPECT_TRUE(has_names(*open("separate"))) << path;
    fs::remove(inside(path));
  }
}

TEST_F(DebugFilesTest, WithoutABuildIdTheChecksumDecides) {
  put("separate-noid.debug", "/opt/app/separate-noid.debug");
  EXPECT_TRUE(has_names(*open("separate-noid")));
  fs::resize_file(inside("/opt/app/separate-noid.debug"),
                  fs::file_size(inside("/opt/app/separate-noid.debug")) + 1);
  const auto module = open("separate-noid");
  EXPECT_FALSE(has_names(*module));
  EXPECT_THAT(module->problems(), ElementsAre(HasSubstr("another build")));
}

TEST_F(DebugFilesTest, OfAnotherBuildAreNotUsedSilently) {
  put("separate-other.debug", "/opt/app/separate.debug");
  put("separate-other.debug", path_by_id("separate"));
  const auto module = open("separate");
  EXPECT_FALSE(has_names(*module));
  EXPECT_THAT(module->problems(),
              ElementsAre(AllOf(HasSubstr("/opt/app/separate.debug"), HasSubstr("another build"))));
  // Behind it the right one is still found.
  put("separate.debug", "/usr/lib/debug/opt/app/separate.debug");
  EXPECT_TRUE(has_names(*open("separate")));
}

TEST_F(DebugFilesTest, LinksStayInTheRootThatTheyAreIn) {
  put("separate.debug", "/elsewhere/file");
  fs::create_symlink("/elsewhere/file", inside("/opt/app/separate.debug"));
  EXPECT_TRUE(has_names(*open("separate")));
}

TEST_F(DebugFilesTest, AFifoDoesNotKeepUsWaiting) {
  ASSERT_EQ(::mkfifo(inside("/opt/app/separate.debug").c_str(), 0600), 0);
  EXPECT_FALSE(has_names(*open("separate")));
}

TEST_F(DebugFilesTest, TheFileItselfIsNotItsOwnDebugFile) {
  put("separate", "/opt/app/separate.debug");
  const auto module = open("separate");
  EXPECT_FALSE(has_names(*module));
}

TEST_F(DebugFilesTest, AModuleThatWasMovedHasAllAddressesMoved) {
  put("moved.debug", "/opt/app/moved.debug");
  const auto module = open("moved");
  // The program's own table, not that of the debug file.
  const SymbolTable own(module->image());
  ASSERT_EQ(own.find("place_inlined").size(), 1U);
  const uint64_t address = own.find("place_inlined").front()->address;
  EXPECT_EQ(module->debug_bias(), 0x400000U);
  EXPECT_GE(address, 0x800000U);
  const auto functions = functions_at(*module, address);
  ASSERT_EQ(functions.size(), 3U);
  EXPECT_EQ(functions.back().name, "holder");
  EXPECT_EQ(functions.back().entry, own.find("_Z6holderi").front()->address);
  EXPECT_EQ(module->symbols().find("_Z6holderi").front()->address, functions.back().entry);
  const auto range = line_range_at(*module, address);
  ASSERT_TRUE(range);
  EXPECT_LE(range->start, address);
  EXPECT_LT(address, range->end);
  const LineCode code = code_of_line(*module, "places.cpp", range->line.line);
  ASSERT_FALSE(code.ranges.empty());
  EXPECT_GE(code.ranges.front().start, 0x800000U);
  EXPECT_GE(after_prologue(*module, functions.back().entry), 0x800000U);
}

TEST_F(DebugFilesTest, AServerThatHasNoneIsOrdinary) {
  int calls = 0;
  const auto module = open("separate", std::make_unique<FakeServer>(ErrorCode::not_found, calls));
  module->debug_image();
  EXPECT_EQ(calls, 1);
  EXPECT_THAT(module->problems(), IsEmpty());
}

TEST_F(DebugFilesTest, ThatNoServerAnswersIsSaidOnce) {
  int calls = 0;
  std::vector<RootDir> roots;
  roots.push_back(std::move(*RootDir::at(root_.path())));
  const auto files = std::make_shared<DebugFiles>(
      std::move(roots), std::make_unique<FakeServer>(ErrorCode::unavailable, calls));
  size_t problems = 0;
  for (const char* name : {"separate", "separate-other"}) {
    auto image = ElfImage::open_path(symbol_fixture(name));
    const auto module = Module::create(std::move(*image), name, files);
    module->debug_image();
    problems += module->problems().size();
  }
  EXPECT_EQ(problems, 1U);
}

TEST_F(DebugFilesTest, SharedOnesOfDwzAreFoundBesideTheirs) {
  if (!SymbolProgram::exists("dwz-a")) GTEST_SKIP() << "dwz is not installed";
  put("dwz-common", "/opt/app/dwz-common");
  put("dwz-a", "/opt/app/dwz-a");
  auto image =
      ElfImage::open(*RootDir::at(root_.path())->open_file("/opt/app/dwz-a"), "/opt/app/dwz-a");
  const auto module = Module::create(std::move(*image), "/opt/app/dwz-a", finder());
  EXPECT_TRUE(has_names(*module));
  const auto names = names_at(*module, module->symbols().find("place_method").front()->address);
  EXPECT_THAT(names, ElementsAre("outer::inner::Type::act"));
  EXPECT_THAT(module->problems(), IsEmpty());
}

TEST_F(DebugFilesTest, SharedOnesOfDwzThatAreNotThereAreSaid) {
  if (!SymbolProgram::exists("dwz-a")) GTEST_SKIP() << "dwz is not installed";
  const auto module = open("dwz-a");
  // Names come from there, so that symbols have to do.
  const auto names = names_at(*module, module->symbols().find("place_method").front()->address + 1);
  EXPECT_FALSE(names.empty());
  EXPECT_THAT(module->problems(), ElementsAre(HasSubstr("dwz-common")));
}

TEST_F(DebugFilesTest, ZstdSectionsAreRead) {
  if (!SymbolProgram::exists("gcc-zstd")) GTEST_SKIP() << "objcopy cannot make them";
  const auto module = open("gcc-zstd");
  EXPECT_TRUE(has_names(*module));
  EXPECT_FALSE(module->has_separate_debug_file());
}

TEST_F(DebugFilesTest, MiniDebugDataHasTheSymbols) {
  if (!SymbolProgram::exists("minidebug")) GTEST_SKIP() << "xz is not installed";
  const auto module = open("minidebug");
  const auto found = module->symbols().find("_Z6holderi");
  ASSERT_EQ(found.size(), 1U);
  EXPECT_THAT(names_at(*module, found.front()->address), ElementsAre("holder(int)"));
  // .dynsym is still there: it has what is imported or exported.
  EXPECT_TRUE(module->symbols().find("_Z6nobodyi").empty());
}

}  // namespace
}  // namespace clew::sym
