// The files of real processes: deleted, replaced, hidden in other mounts, loaded and unloaded.

#include <gmock/gmock.h>
#include <grp.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "os/process_memory.h"
#include "support.h"
#include "sym/code.h"
#include "sym/memory_image.h"
#include "sym/module_map.h"
#include "sym/unwind_table.h"

namespace clew::test {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::IsEmpty;

std::string built(const std::string& name) { return CLEW_FIXTURES "/sym/" + name; }

/// What clew knows of the modules of a process.
class Modules {
 public:
  explicit Modules(pid_t pid)
      : proc_(std::move(*os::ProcDir::open(pid))),
        memory_(proc_),
        loader_(sym::process_module_loader(proc_, memory_, nullptr)) {
    refresh();
  }

  void refresh() { map_ = sym::ModuleMap(*os::read_code_mappings(proc_), *loader_); }

  const sym::ModuleMap& map() const { return map_; }
  const sym::LoadedModule* at(uint64_t address) const { return map_.find(Addr{address}); }

  /// The name of the function at an address; empty when there is none.
  std::string name(uint64_t address) const {
    const sym::LoadedModule* const module = at(address);
    if (module == nullptr) return {};
    const auto functions = sym::functions_at(*module->module, module->to_file({address}));
    return functions.empty() ? std::string() : functions.back().name;
  }
  std::string line(uint64_t address) const {
    const sym::LoadedModule* const module = at(address);
    if (module == nullptr) return {};
    const auto line = sym::line_at(*module->module, module->to_file({address}));
    return line ? line->file.substr(line->file.rfind('/') + 1) : std::string();
  }
  std::vector<std::string> problems(uint64_t address) const {
    const sym::LoadedModule* const module = at(address);
    return module == nullptr ? std::vector<std::string>{} : module->module->problems();
  }
  /// The symbol of the library's static function, which tells the builds apart.
  bool has_symbol(uint64_t address, const std::string& name) const {
    const sym::LoadedModule* const module = at(address);
    return module != nullptr && !module->module->symbols().find(name).empty();
  }

 private:
  os::ProcDir proc_;
  os::ProcessMemory memory_;
  std::unique_ptr<sym::ModuleLoader> loader_;
  sym::ModuleMap map_;
};

class ModulesTest : public testing::Test {
 protected:
  ModulesTest() {
    char name[] = "/tmp/clew-modules-XXXXXX";
    if (::mkdtemp(name) != nullptr) directory_ = name;
  }
  ~ModulesTest() override {
    std::error_code ignored;
    fs::remove_all(directory_, ignored);
  }

  std::string path(const std::string& name) const { return directory_ / name; }
  /// Puts a file there, with an inode of its own.
  void put(const std::string& from, const std::string& name) {
    fs::remove(path(name));
    fs::copy_file(from, path(name));
  }

  static uint64_t open(Fixture& loader, const std::string& library) {
    const json answer = loader.send("open " + library);
    EXPECT_TRUE(answer.contains("address")) << answer;
    return answer.value("address", uint64_t{0});
  }

  fs::path directory_;
};

TEST_F(ModulesTest, ProgramLibrariesLoaderAndVdsoAreThere) {
  Fixture loader("loader");
  const Modules modules(loader.pid());
  const auto main = loader.ready().value("main", uint64_t{0});
  EXPECT_EQ(modules.name(main), "main");
  EXPECT_EQ(modules.line(main), "loader.c");
  for (const char* name : {"libc.so.6", "ld-linux-x86-64.so.2", "[vdso]", "loader"}) {
    const sym::LoadedModule* const module = modules.map().find(std::string_view(name));
    ASSERT_NE(module, nullptr) << name;
    EXPECT_FALSE(module->module->symbols().empty()) << name;
    EXPECT_THAT(module->module->problems(), IsEmpty()) << name;
  }
  const sym::LoadedModule* const vdso = modules.map().find(std::string_view("[vdso]"));
  const auto clock = vdso->module->symbols().find("__vdso_clock_gettime");
  ASSERT_EQ(clock.size(), 1U);
  EXPECT_THAT(modules.name(vdso->to_runtime(clock.front()->address).value),
              HasSubstr("clock_gettime"));
}

TEST_F(ModulesTest, LibrariesComeAndGo) {
  Fixture loader("loader");
  Modules modules(loader.pid());
  const uint64_t first = open(loader, built("library-first.so"));
  EXPECT_EQ(modules.name(first), "");
  modules.refresh();
  EXPECT_EQ(modules.name(first), "library_function");
  EXPECT_EQ(modules.line(first), "library.c");
  const uint64_t other = open(loader, built("library-other.so"));
  modules.refresh();
  EXPECT_TRUE(modules.has_symbol(first, "first_build"));
  EXPECT_TRUE(modules.has_symbol(other, "other_build"));
  EXPECT_EQ(loader.send("close 0").value("closed", -1), 0);
  modules.refresh();
  EXPECT_EQ(modules.at(first), nullptr);
  EXPECT_EQ(modules.name(other), "library_function");
}

TEST_F(ModulesTest, ADeletedProgramKeepsItsNames) {
  put(CLEW_FIXTURES "/loader", "program");
  Fixture loader(path("program"));
  fs::remove(path("program"));
  const Modules modules(loader.pid());
  const auto main = loader.ready().value("main", uint64_t{0});
  EXPECT_EQ(modules.name(main), "main");
  EXPECT_EQ(modules.line(main), "loader.c");
  EXPECT_EQ(modules.at(main)->module->path(), path("program"));
  EXPECT_THAT(modules.problems(main), IsEmpty());
}

TEST_F(ModulesTest, AReplacedLibraryKeepsTheNamesOfTheOneInMemory) {
  put(built("library-first.so"), "lib.so");
  Fixture loader("loader");
  const uint64_t address = open(loader, path("lib.so"));
  put(built("library-other.so"), "lib.so");
  const Modules modules(loader.pid());
  EXPECT_TRUE(modules.has_symbol(address, "first_build"));
  EXPECT_FALSE(modules.has_symbol(address, "other_build"));
}

TEST_F(ModulesTest, ALibraryOfTheSameFileNumberIsReadAnew) {
  put(built("library-first.so"), "lib.so");
  Fixture loader("loader");
  Modules modules(loader.pid());
  const uint64_t first = open(loader, path("lib.so"));
  modules.refresh();
  EXPECT_TRUE(modules.has_symbol(first, "first_build"));
  loader.send("close 0");
  // The same file with other content: it has the same device, number and name.
  {
    std::ifstream from(built("library-other.so"), std::ios::binary);
    std::ofstream to(path("lib.so"), std::ios::binary | std::ios::trunc);
    to << from.rdbuf();
  }
  const uint64_t second = open(loader, path("lib.so"));
  modules.refresh();
  EXPECT_TRUE(modules.has_symbol(second, "other_build"));
}

TEST_F(ModulesTest, MemoryTellsWhichBuildIsMapped) {
  put(built("library-first.so"), "lib.so");
  Fixture loader("loader");
  const uint64_t address = open(loader, path("lib.so"));
  const Modules before(loader.pid());
  ASSERT_EQ(before.name(address), "library_function");
  auto other = sym::ElfImage::open_path(built("library-other.so"));
  ASSERT_TRUE(other);
  const os::ProcDir proc = std::move(*os::ProcDir::open(loader.pid()));
  os::ProcessMemory memory(proc);
  const sym::LoadedModule& loaded = *before.at(address);
  const sym::BuildId in_memory = sym::build_id_in_memory(**other, loaded.bias, memory);
  EXPECT_EQ(in_memory, loaded.module->build_id());
  EXPECT_NE(in_memory, (*other)->build_id());
}

TEST_F(ModulesTest, FilesThatOnlyTheTargetSeesAreRead) {
  Fixture loader("loader");
  fs::create_directory(path("hidden"));
  const json hidden = loader.send("hide " + built("library-first.so") + " " + path("hidden"));
  if (!hidden.contains("hidden")) GTEST_SKIP() << "no mount namespace here: " << hidden;
  const uint64_t address = open(loader, path("hidden/library-first.so"));
  EXPECT_FALSE(fs::exists(path("hidden/library-first.so")));
  // Something else has that name where we are.
  put(built("library-other.so"), "hidden/library-first.so");
  const Modules modules(loader.pid());
  EXPECT_TRUE(modules.has_symbol(address, "first_build"));
  EXPECT_EQ(modules.line(address), "library.c");
}

TEST_F(ModulesTest, FilesBehindABindMountAreRead) {
  Fixture loader("loader");
  fs::create_directories(path("from"));
  fs::create_directories(path("to"));
  put(built("library-first.so"), "from/lib.so");
  const json bound = loader.send("bind " + path("from") + " " + path("to"));
  if (!bound.contains("bound")) GTEST_SKIP() << "no mount namespace here: " << bound;
  const uint64_t address = open(loader, path("to/lib.so"));
  const Modules modules(loader.pid());
  EXPECT_EQ(modules.name(address), "library_function");
}

TEST_F(ModulesTest, FilesBehindAnOverlayAreRead) {
  Fixture loader("loader");
  for (const char* name : {"lower", "upper", "work", "at"}) fs::create_directories(path(name));
  put(built("library-first.so"), "lower/lib.so");
  const json overlaid = loader.send("overlay " + path("lower") + " " + path("upper") + " " +
                                    path("work") + " " + path("at"));
  if (!overlaid.contains("overlaid")) GTEST_SKIP() << "no overlay here: " << overlaid;
  const uint64_t address = open(loader, path("at/lib.so"));
  const Modules modules(loader.pid());
  EXPECT_EQ(modules.name(address), "library_function");
}

TEST_F(ModulesTest, MemoryHasWhatALibraryExports) {
  Fixture loader("loader");
  const uint64_t address = open(loader, built("library-first.so"));
  const Modules modules(loader.pid());
  const os::ProcDir proc = std::move(*os::ProcDir::open(loader.pid()));
  os::ProcessMemory memory(proc);
  const sym::LoadedModule& loaded = *modules.at(address);
  auto image = sym::image_from_memory({loaded.bias}, memory, "lib");
  ASSERT_TRUE(image) << image.error().text;
  EXPECT_EQ((*image)->build_id(), loaded.module->build_id());
  const auto module = sym::Module::create(std::move(*image), "lib", nullptr);
  const auto functions = sym::functions_at(*module, loaded.to_file({address}));
  ASSERT_EQ(functions.size(), 1U);
  EXPECT_EQ(functions.front().name, "library_function");
  EXPECT_FALSE(module->eh_frame().is_empty());
  EXPECT_FALSE(sym::image_from_memory({loaded.bias + 4096}, memory, "no header"));
}

constexpr uid_t nobody = 65534;

/// Looks at a process as an ordinary user, to whom map_files is closed. @return what `look` says.
int as_nobody(const std::function<int()>& look) {
  const pid_t child = ::fork();
  if (child == 0) {
    if (::setgroups(0, nullptr) != 0 || ::setgid(nobody) != 0 || ::setuid(nobody) != 0) ::_exit(99);
    ::_exit(look());
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 98;
}

class ModulesOfNobody : public ModulesTest {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "only root can become another user";
    fs::permissions(directory_, fs::perms(0755));
    put(CLEW_FIXTURES "/loader", "loader");
    put(built("library-first.so"), "lib.so");
    loader_.emplace(path("loader"));
    address_ = open(*loader_, path("lib.so"));
    main_ = loader_->ready().value("main", uint64_t{0});
    ASSERT_EQ(loader_->send("user 65534").value("user", 0), 65534);
    if (as_nobody([&] {
          const os::ProcDir proc = std::move(*os::ProcDir::open(loader_->pid()));
          os::ProcessMemory memory(proc);
          return memory.read<char>({main_}) ? 0 : 1;
        }) != 0) {
      GTEST_SKIP() << "this system lets no user read the memory of his own processes";
    }
  }

  std::optional<Fixture> loader_;
  uint64_t address_ = 0, main_ = 0;
};

TEST_F(ModulesOfNobody, FilesAreFoundByName) {
  EXPECT_EQ(as_nobody([&] {
              const Modules modules(loader_->pid());
              return modules.name(main_) == "main" && modules.line(address_) == "library.c" &&
                             modules.problems(address_).empty()
                         ? 0
                         : 1;
            }),
            0);
}

TEST_F(ModulesOfNobody, ADeletedProgramIsReadThroughItsLink) {
  fs::remove(path("loader"));
  EXPECT_EQ(as_nobody([&] {
              const Modules modules(loader_->pid());
              return modules.line(main_) == "loader.c" && modules.problems(main_).empty() ? 0 : 1;
            }),
            0);
}

TEST_F(ModulesOfNobody, ADeletedLibraryHasTheNamesThatItExports) {
  fs::remove(path("lib.so"));
  EXPECT_EQ(as_nobody([&] {
              const Modules modules(loader_->pid());
              if (modules.name(address_) != "library_function") return 1;
              if (modules.has_symbol(address_, "first_build")) return 2;
              const auto problems = modules.problems(address_);
              if (problems.size() != 1) return 3;
              return problems.front().find("deleted or replaced") == std::string::npos ? 4 : 0;
            }),
            0);
}

TEST_F(ModulesOfNobody, AReplacedLibraryIsNotTakenForTheOneInMemory) {
  put(built("library-other.so"), "lib.so");
  EXPECT_EQ(as_nobody([&] {
              const Modules modules(loader_->pid());
              if (modules.name(address_) != "library_function") return 1;
              if (modules.has_symbol(address_, "other_build")) return 2;
              const auto problems = modules.problems(address_);
              return problems.size() == 1 ? 0 : 3;
            }),
            0);
}

}  // namespace
}  // namespace clew::test
