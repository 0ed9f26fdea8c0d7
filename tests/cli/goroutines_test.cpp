// Goroutines: what `clew goroutines` and the prompt say of Go programs, beside what the programs
// know of themselves.

#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <thread>

#include "support.h"
#include "sym/elf_image.h"
#include "sym/symbol_table.h"

namespace clew::test {
namespace {

namespace fs = std::filesystem;

class Goroutines : public testing::Test {
 protected:
  void SetUp() override {
    if (!fs::exists(std::string(CLEW_FIXTURES) + "/go/parked"))
      GTEST_SKIP() << "there is no Go compiler";
  }
};

json goroutines_of(pid_t pid, const Strings& options = {}) {
  Strings arguments = {"goroutines", std::to_string(pid), "--json"};
  arguments.insert(arguments.end(), options.begin(), options.end());
  const Ran ran = run_clew(arguments);
  EXPECT_EQ(ran.status, 0) << ran.err;
  EXPECT_EQ(ran.err, "");
  json document = json::parse(ran.out, nullptr, false);
  EXPECT_FALSE(document.is_discarded()) << ran.out;
  return document;
}

std::map<uint64_t, json> by_id(const json& document) {
  std::map<uint64_t, json> found;
  for (const json& item : document["goroutines"]) {
    EXPECT_TRUE(found.emplace(item["id"].get<uint64_t>(), item).second)
        << item["id"] << " is there twice";
  }
  return found;
}

Ran goroutines_at_prompt(pid_t pid, const Strings& commands) {
  Strings arguments = {"attach", std::to_string(pid), "--batch"};
  for (const std::string& command : commands) {
    arguments.push_back("-x");
    arguments.push_back(command);
  }
  ClewProcess clew(arguments);
  clew.close_input();
  Ran ran;
  ran.status = clew.wait(60s);
  ran.out = clew.out();
  ran.err = clew.err();
  return ran;
}

std::string state_of_goroutine(const json& item) {
  return item["wait_reason"].is_null() ? item["state"].get<std::string>()
                                       : item["wait_reason"].get<std::string>();
}

class GoroutinesOf : public Goroutines, public testing::WithParamInterface<const char*> {};

INSTANTIATE_TEST_SUITE_P(Builds, GoroutinesOf,
                         testing::Values("parked", "parked_stripped", "parked_pie", "parked_plain",
                                         "parked_pie_stripped"),
                         [](const auto& kind) { return std::string(kind.param); });

TEST_P(GoroutinesOf, IdsStatesAndPlacesAreThoseThatTheProgramKnows) {
  Fixture target(std::string("go/") + GetParam());
  const json document = goroutines_of(target.pid(), {"--no-group"});
  EXPECT_EQ(document["go_version"], target.ready()["version"]);
  EXPECT_EQ(document["complete"], true);
  EXPECT_EQ(document["resumed"], true);
  EXPECT_EQ(document["problems"], json::array());
  auto found = by_id(document);
  for (const json& entry : target.ready()["goroutines"]) {
    const json& item = found[entry["id"]];
    ASSERT_FALSE(item.is_null()) << entry;
    if (entry["state"] == "running") {
      EXPECT_TRUE(item["state"] == "running" || item["state"] == "runnable") << item;
    } else {
      EXPECT_EQ(state_of_goroutine(item), entry["state"]) << item;
    }
    EXPECT_EQ(item["system"], false);
    // What sync, time and os do in between is the user's as well.
    const std::string function = item["user_location"]["function"];
    const std::set<std::string> library = {"sync.(*Mutex).Lock", "sync.(*Mutex).lockSlow",
                                           "sync.(*Cond).Wait",  "sync.(*WaitGroup).Wait",
                                           "time.Sleep",         "os.(*File).Read",
                                           "os.(*File).read",    "syscall.Read",
                                           "syscall.read",       "syscall.Syscall",
                                           "syscall.RawSyscall6"};
    // Also of one that computes, and is met while its thread takes the signal that preempts it.
    EXPECT_FALSE(item.contains("error")) << item;
    EXPECT_TRUE(function == entry["function"] || library.contains(function)) << item;
    EXPECT_EQ(item["go_location"]["function"].get<std::string>().substr(0, 9), "main.main");
  }
  const json& main = found[target.ready()["main"]];
  EXPECT_EQ(main["start_location"]["function"], "runtime.main");
  EXPECT_EQ(main["system"], false);
  // How a map is made, only debug information says; from Go 1.24 on labels are a list.
  const std::string version = target.ready()["version"];
  const bool is_map = version < "go1.24" && version.size() > 6 && version[5] != '.';
  const bool is_stripped = std::string(GetParam()).ends_with("stripped");
  const json labels = {{"path", "/x y"}, {"tenant", "7"}};
  EXPECT_EQ(found[target.ready()["labelled"]]["labels"],
            is_map && is_stripped ? json::object() : labels);
  EXPECT_TRUE(is_untraced(target.pid()));
}

TEST_F(Goroutines, TheSameOnesAreOneLine) {
  Fixture target("go/parked");
  std::set<uint64_t> expected;
  for (const json& entry : target.ready()["goroutines"]) {
    if (entry["function"] == "main.receives") expected.insert(entry["id"].get<uint64_t>());
  }
  size_t all = 0;
  bool seen = false;
  const json document = goroutines_of(target.pid());
  for (const json& group : document["groups"]) {
    all += group["count"].get<size_t>();
    EXPECT_EQ(group["count"], group["goroutines"].size());
    if (group["user_location"]["function"] != "main.receives") continue;
    seen = true;
    EXPECT_EQ(group["goroutines"].get<std::set<uint64_t>>(), expected);
    EXPECT_EQ(group["wait_reason"], "chan receive");
  }
  EXPECT_TRUE(seen);
  EXPECT_EQ(all, document["goroutine_count"]);
}

TEST_F(Goroutines, FiltersAndGroupsByFields) {
  Fixture target("go/parked");
  const auto ids = [&](const Strings& options) {
    Strings all = {"--no-group"};
    all.insert(all.end(), options.begin(), options.end());
    std::set<uint64_t> found;
    for (const auto& [id, item] : by_id(goroutines_of(target.pid(), all))) found.insert(id);
    return found;
  };
  const uint64_t labelled = target.ready()["labelled"];
  EXPECT_EQ(ids({"--with", "label=tenant=7"}), std::set<uint64_t>{labelled});
  EXPECT_EQ(ids({"--with", "label=path", "--with", "state=chan receive"}),
            std::set<uint64_t>{labelled});
  EXPECT_EQ(ids({"--with", "label=tenant=8"}), std::set<uint64_t>{});
  EXPECT_FALSE(ids({"--without", "label=tenant"}).contains(labelled));
  EXPECT_EQ(ids({"--with", "user"}).size(), target.ready()["goroutines"].size() + 1);
  EXPECT_EQ(ids({"--with", "curloc=runtime.gopark", "--with", "startloc=main.sleeps"}).size(), 1u);
  const json grouped = goroutines_of(target.pid(), {"--group", "label=tenant"});
  EXPECT_EQ(grouped["groups"].size(), 2u);
  EXPECT_EQ(grouped["groups"][1]["title"], "tenant=7");
  const Ran labelled_ones =
      run_clew({"goroutines", std::to_string(target.pid()), "--with", "label=tenant"});
  EXPECT_NE(labelled_ones.out.find("  path=/x y, tenant=7  "), std::string::npos)
      << labelled_ones.out;
  const Ran running = run_clew({"goroutines", std::to_string(target.pid()), "--with", "running"});
  EXPECT_NE(running.out.find("  TID  "), std::string::npos) << running.out;
  const Ran wrong = run_clew({"goroutines", std::to_string(target.pid()), "--with", "colour=red"});
  EXPECT_EQ(wrong.status, 2);
  EXPECT_NE(wrong.err.find("userloc, curloc"), std::string::npos) << wrong.err;
}

TEST_F(Goroutines, TheLocationIsTheOneThatIsAskedFor) {
  Fixture target("go/parked");
  const auto shown = [&](const Strings& options) -> std::string {
    Strings all = {"goroutines", std::to_string(target.pid()), "--with", "startloc=main.sends"};
    all.insert(all.end(), options.begin(), options.end());
    const Ran ran = run_clew(all);
    EXPECT_EQ(ran.status, 0) << ran.err;
    std::smatch found;
    const std::regex row("chan send +(\\S+) at ");
    return std::regex_search(ran.out, found, row) ? found[1].str() : ran.out;
  };
  for (const Strings& form : {Strings{}, Strings{"--no-group"}}) {
    const std::map<std::string, std::string> wanted = {{"-u", "main.sends"},
                                                       {"-r", "runtime.gopark"},
                                                       {"-g", "main.main"},
                                                       {"-s", "main.sends"},
                                                       {"--current-location", "runtime.gopark"}};
    EXPECT_EQ(shown(form), "main.sends");
    for (const auto& [option, function] : wanted) {
      Strings options = form;
      options.push_back(option);
      EXPECT_EQ(shown(options), function) << option;
    }
  }
  const Ran both = run_clew({"goroutines", std::to_string(target.pid()), "-r", "-g"});
  EXPECT_EQ(both.status, 2) << both.out;
}

TEST_F(Goroutines, OfVeryManyEachIsThereOnce) {
  // More than one thread of clew reads them, each its part of the list.
  constexpr unsigned count = 20'000;
  Fixture target("go/many", {std::to_string(count), "-clock"});
  const json document = goroutines_of(target.pid(), {"--no-group"});
  std::map<std::string, unsigned> kinds;
  for (const auto& [id, item] : by_id(document)) {
    const std::string start = item["start_location"]["function"];
    if (start.starts_with("main.")) ++kinds[start];
    if (start != "main.watchClock") continue;
    // Whether it computes, is in the vdso or takes a signal: it never leaves its loop.
    EXPECT_FALSE(item.contains("error")) << item;
    const std::string place = item["user_location"]["function"];
    EXPECT_TRUE(place == "main.watchClock" || place.starts_with("time.") ||
                place.starts_with("sync/atomic."))
        << item;
  }
  EXPECT_EQ(kinds["main.watchClock"], 1u);
  for (const auto& [function, number] : target.ready()["kinds"].items())
    EXPECT_EQ(kinds[function], number) << function;
  // In groups the numbers of all that are alike stay readable, and nothing goes missing silently.
  const Ran ran = run_clew({"goroutines", std::to_string(target.pid())});
  EXPECT_NE(ran.out.find(fmt::format(" and {} more", count / 5 - 12)), std::string::npos)
      << ran.out.substr(0, 2000);
}

TEST_F(Goroutines, OneThatTakesSignalsStandsWhereItWasInterrupted) {
  Fixture target("go/parked");
  uint64_t computes = 0;
  for (const json& entry : target.ready()["goroutines"]) {
    if (entry["function"] == "main.computes") computes = entry["id"];
  }
  std::atomic<bool> is_over = false;
  std::thread sender([&] {
    while (!is_over) {
      for (const auto& entry : fs::directory_iterator(fmt::format("/proc/{}/task", target.pid()))) {
        const pid_t tid = std::stoi(entry.path().filename());
        syscall(SYS_tgkill, target.pid(), tid, SIGURG);
      }
    }
  });
  for (unsigned i = 0; i < rounds(15, 500); ++i) {
    auto found = by_id(goroutines_of(target.pid(), {"--no-group"}));
    const json& item = found[computes];
    EXPECT_FALSE(item.contains("error")) << item;
    EXPECT_EQ(item["user_location"]["function"], "main.computes") << item;
  }
  is_over = true;
  sender.join();
}

TEST_F(Goroutines, OneIsSelectedParkedOrRunning) {
  Fixture target("go/parked");
  std::map<std::string, uint64_t> id_of;
  for (const json& entry : target.ready()["goroutines"]) id_of[entry["function"]] = entry["id"];
  const uint64_t deep = id_of["main.deep"];
  const uint64_t computes = id_of["main.computes"];
  const Ran ran = goroutines_at_prompt(
      target.pid(), {fmt::format("goroutine {}", deep), "bt", "frame 3", "regs rsp", "regs rax",
                     "stepi", fmt::format("goroutine {} bt", computes), "goroutine",
                     fmt::format("goroutine {}", id_of["main.receives"]), "bt", "thread 1",
                     "regs rax", fmt::format("goroutine {}", deep), "frame 1", "frame 2 info frame",
                     "frame", "frame 9999 bt", "frame 2 nonsense"});
  const std::regex levels("#([0-9]+) +0x[0-9a-f]{16} main.deep (\\(.*\\) )?at main.go");
  const std::string& out = ran.out;
  EXPECT_EQ(std::distance(std::sregex_iterator(out.begin(), out.end(), levels),
                          std::sregex_iterator()) >= 4,
            true)
      << out;
  EXPECT_NE(out.find(fmt::format("goroutine {}, chan receive, at main.deep at main.go", deep)),
            std::string::npos)
      << out;
  EXPECT_NE(out.find("main.computes () at main.go"), std::string::npos) << out;
  EXPECT_NE(out.find("main.receives () at main.go"), std::string::npos) << out;
  EXPECT_NE(ran.err.find("rax is not known in this frame"), std::string::npos) << ran.err;
  EXPECT_NE(ran.err.find(fmt::format("goroutine {} is on no thread", deep)), std::string::npos)
      << ran.err;
  EXPECT_NE(out.find("rax  "), std::string::npos) << "the thread's own, in the end: " << out;
  // A command in a frame leaves the selection as it was.
  const size_t told = out.find("\nframe 2 of ");
  ASSERT_NE(told, std::string::npos) << out;
  EXPECT_NE(out.find("\n#1 ", told), std::string::npos) << out;
  EXPECT_EQ(out.find("\n#2 ", told), std::string::npos) << out;
  EXPECT_NE(ran.err.find("there is no frame 9999"), std::string::npos) << ran.err;
  EXPECT_NE(ran.err.find("`nonsense` failed in frame 2"), std::string::npos) << ran.err;
  EXPECT_EQ(out.find("cut off here"), std::string::npos) << out;
  EXPECT_TRUE(is_untraced(target.pid()));
}

TEST_F(Goroutines, TheSelectionFollowsTheGoroutineAndEndsWithAThread) {
  Fixture target("go/parked");
  uint64_t id = 0;
  for (const json& entry : target.ready()["goroutines"]) {
    if (entry["function"] == "main.locks") id = entry["id"];
  }
  const Ran ran = goroutines_at_prompt(
      target.pid(), {fmt::format("goroutine {}", id), "continue", "interrupt", "goroutine",
                     "thread 1", "goroutine 999999", "thread apply all bt 1", "info frame"});
  // Older runtimes know semaphores alone.
  std::string words;
  for (const json& entry : target.ready()["goroutines"]) {
    if (entry["id"] == id) words = fmt::format("goroutine {}, {}", id, std::string(entry["state"]));
  }
  const size_t first = ran.out.find(words);
  ASSERT_NE(first, std::string::npos) << ran.out << ran.err;
  EXPECT_NE(ran.out.find(words, first + 1), std::string::npos) << ran.out;
  EXPECT_NE(ran.err.find("there is no goroutine 999999"), std::string::npos) << ran.err;
  EXPECT_NE(ran.out.find(", thread 1 (tid"), std::string::npos) << ran.out;
}

TEST_F(Goroutines, CommandsRunInThoseThatAreChosen) {
  Fixture target("go/parked");
  const Ran ran = goroutines_at_prompt(
      target.pid(), {"goroutines -with startloc main.receives -exec bt 1",
                     "goroutines -with userloc main.sends -t 3", "goroutines -group state",
                     "goroutines -with user -all", "goroutines -exec threads", "goroutines -colour",
                     "goroutines -with userloc nowhere"});
  const std::regex heading("\ngoroutine [0-9]+\n#0 ");
  EXPECT_EQ(std::distance(std::sregex_iterator(ran.out.begin(), ran.out.end(), heading),
                          std::sregex_iterator()),
            4)
      << ran.out;
  EXPECT_NE(ran.out.find("main.sends at main.go"), std::string::npos) << ran.out;
  EXPECT_TRUE(std::regex_search(ran.out, std::regex("none of the \\d+ goroutines is like that\n")))
      << ran.out;
  EXPECT_NE(ran.err.find("`threads` is not about one goroutine"), std::string::npos) << ran.err;
  EXPECT_NE(ran.err.find("usage: goroutines"), std::string::npos) << ran.err;
}

TEST_F(Goroutines, OptionsAreTakenAsOnTheCommandLine) {
  Fixture target("go/parked");
  const std::string labelled = std::to_string(target.ready()["labelled"].get<uint64_t>());
  const Ran ran =
      goroutines_at_prompt(target.pid(), {"goroutines --with label=tenant=7 --no-group",
                                          "goroutines -group label=tenant",
                                          "goroutines -with state=", "goroutines -group label"});
  EXPECT_TRUE(std::regex_search(
      ran.out, std::regex("\n *" + labelled + "  chan receive .*path=/x y, tenant=7")))
      << ran.out << ran.err;
  EXPECT_TRUE(std::regex_search(ran.out, std::regex("\n *1  tenant=7 .*  " + labelled + "\n")))
      << ran.out << ran.err;
  EXPECT_NE(ran.err.find("-group label needs the key"), std::string::npos) << ran.err;
}

TEST_F(Goroutines, WhatIsMissingIsSaid) {
  Fixture other("sleepers", {"2"});
  const Ran none = run_clew({"goroutines", std::to_string(other.pid())});
  EXPECT_EQ(none.status, 1);
  EXPECT_NE(none.err.find("no Go program"), std::string::npos) << none.err;
}

/// What is kept of programs that were looked at: a folder of its own for one test.
class GoroutinesOfKnown : public Goroutines {
 protected:
  void SetUp() override {
    Goroutines::SetUp();
    fs::remove_all(folder);
  }

  fs::path folder = scratch_folder() + "/known";

  /// Those that wait, by number, as far as they do not change.
  std::map<uint64_t, json> waiting(pid_t pid) const {
    ClewProcess::Options options;
    options.environment = {"XDG_CACHE_HOME=" + folder.string()};
    ClewProcess clew({"goroutines", std::to_string(pid), "--json", "--no-group"}, options);
    clew.close_input();
    EXPECT_EQ(clew.wait(60s), 0) << clew.err();
    std::map<uint64_t, json> found;
    for (const auto& [id, item] : by_id(json::parse(clew.out(), nullptr, false))) {
      if (item["state"] != "waiting") continue;
      found[id] = {item["wait_reason"], item["user_location"], item["start_location"],
                   item["go_location"], item["labels"]};
    }
    return found;
  }
  std::vector<fs::path> files(const std::string& ending) const {
    std::vector<fs::path> found;
    if (!fs::exists(folder)) return found;
    for (const auto& entry : fs::recursive_directory_iterator(folder)) {
      if (entry.path().string().ends_with(ending)) found.push_back(entry.path());
    }
    return found;
  }
};

TEST_F(GoroutinesOfKnown, ProgramsAreFoundWithoutTheirDebugInformation) {
  Fixture target("go/parked");
  const auto first = waiting(target.pid());
  EXPECT_GE(first.size(), 10u);
  const auto kept = files("-go.part");
  if (kept.empty()) GTEST_SKIP() << "this release of Go gives programs no build-id";
  ASSERT_EQ(kept.size(), 1u);
  for (const auto& names : files(".names")) fs::remove(names);
  EXPECT_EQ(waiting(target.pid()), first);
  EXPECT_TRUE(files(".names").empty()) << "the names of the program were read";
  // What is broken, or of another program, is no help, and no harm.
  Fixture other("go/many", {"10"});
  waiting(other.pid());
  const auto both = files("-go.part");
  ASSERT_EQ(both.size(), 2u);
  const auto foreign = both[0] == kept[0] ? both[1] : both[0];
  fs::copy_file(foreign, kept[0], fs::copy_options::overwrite_existing);
  EXPECT_EQ(waiting(target.pid()), first);
  const auto size = fs::file_size(kept[0]);
  for (const uint64_t at : {uint64_t{0}, uint64_t{20}, size / 2, size - 1}) {
    std::fstream file(kept[0], std::ios::in | std::ios::out | std::ios::binary);
    file.seekg(static_cast<std::streamoff>(at));
    const int byte = file.get();
    file.seekp(static_cast<std::streamoff>(at));
    file.put(static_cast<char>(byte ^ 0x41));
    file.close();
    EXPECT_EQ(waiting(target.pid()), first) << at;
  }
  fs::resize_file(kept[0], size / 2);
  EXPECT_EQ(waiting(target.pid()), first);
}

TEST_F(Goroutines, InAStormEveryListIsWhole) {
  Fixture target("go/storm");
  const unsigned attaches = rounds(30, 1000);
  const auto whole = [](const json& group) { return group["end"] == "outermost"; };
  for (unsigned i = 0; i < attaches; ++i) {
    if (i % 4 == 0) {
      // The same with every stack.
      const Ran ran = run_clew({"stacks", std::to_string(target.pid()), "--json"});
      ASSERT_EQ(ran.status, 0) << ran.err;
      const json stacks = json::parse(ran.out);
      ASSERT_EQ(stacks["problems"], json::array());
      for (const json& group : stacks["goroutine_groups"]) ASSERT_TRUE(whole(group)) << group;
    }
    const json document = goroutines_of(target.pid(), {"--no-group"});
    ASSERT_EQ(document["complete"], true);
    ASSERT_EQ(document["problems"], json::array());
    for (const auto& [id, item] : by_id(document)) {
      // Whatever moment it was, each has a state that there is, and began somewhere.
      ASSERT_TRUE(std::isalpha(item["state"].get<std::string>()[0])) << item;
      ASSERT_NE(item["start_location"]["function"], "") << item;
    }
  }
  const json last = target.stop();
  EXPECT_GT(last["begun"], 0);
  EXPECT_EQ(last["begun"], last["ended"]);
}

/// The address of one of the program's variables, by its symbol.
uint64_t address_of(const std::string& program, const std::string& name) {
  auto image = sym::ElfImage::open_path(program);
  if (!image) return 0;
  const sym::SymbolTable symbols(**image);
  const auto found = symbols.find(name);
  return found.empty() ? 0 : found.front()->address;
}

TEST_F(Goroutines, CorruptMemoryEndsInWordsNotInAHang) {
  const std::string program = std::string(CLEW_FIXTURES) + "/go/parked";
  const uint64_t count_at = address_of(program, "runtime.allglen");
  const uint64_t pointer_at = address_of(program, "runtime.allgptr");
  ASSERT_NE(count_at, 0u);
  for (unsigned round = 0; round < rounds(12, 200); ++round) {
    Fixture target("go/parked");
    kill(target.pid(), SIGSTOP);
    ASSERT_TRUE(await(10s, [&] { return are_all(target.pid(), 'T'); }));
    const UniqueFd memory(
        open(fmt::format("/proc/{}/mem", target.pid()).c_str(), O_RDWR | O_CLOEXEC));
    uint64_t pointer = 0, count = 0, first = 0;
    const auto read = [&](uint64_t at, uint64_t& into) {
      ASSERT_EQ(pread(memory.value(), &into, 8, static_cast<off_t>(at)), 8);
    };
    read(pointer_at, pointer);
    read(count_at, count);
    const auto write = [&](uint64_t at, uint64_t value) {
      ASSERT_EQ(pwrite(memory.value(), &value, 8, static_cast<off_t>(at)), 8);
    };
    switch (round % 4) {
      case 0:
        write(count_at, round < 4 ? UINT64_MAX : count + 100000);
        break;
      case 1:
        write(pointer_at, round < 4 ? 0 : pointer + 3);
        break;
      case 2:
        for (uint64_t i = 0; i < count; ++i)
          write(pointer + 8 * i, random_up_to(UINT32_MAX) * uint64_t{random_up_to(65536)});
        break;
      default:
        for (uint64_t i = 0; i < count; ++i) {
          read(pointer + 8 * i, first);
          for (uint64_t at = 0; at < 400; at += 8) {
            if (random_up_to(2) == 0) write(first + at, random_up_to(UINT32_MAX) * 65537ull);
          }
        }
    }
    for (const Strings& options : {Strings{"--json"}, Strings{"--no-group"}}) {
      Strings arguments = {"goroutines", std::to_string(target.pid())};
      arguments.insert(arguments.end(), options.begin(), options.end());
      const Ran ran = run_clew(arguments, 20s);
      ASSERT_TRUE(ran.status.has_value()) << "it hangs";
      EXPECT_GE(*ran.status, 0) << "it was killed";
    }
    EXPECT_TRUE(is_untraced(target.pid()));
  }
}

TEST_F(Goroutines, ThatOverwriteThemselvesAreMarkedAndTheOthersAreRight) {
  for (unsigned seed = 1; seed <= rounds(10, 300); ++seed) {
    Fixture target("go/corrupts", {std::to_string(seed)});
    const std::string pid = std::to_string(target.pid());
    const Ran ran = run_clew({"goroutines", pid, "--json", "--no-group"}, 20s);
    ASSERT_EQ(ran.status, 0) << "seed " << seed << ": " << ran.err;
    const json document = json::parse(ran.out, nullptr, false);
    ASSERT_FALSE(document.is_discarded()) << ran.out;
    std::multimap<uint64_t, json> found;
    for (const json& item : document["goroutines"]) found.emplace(item["id"], item);
    for (const json& id : target.ready()["kept"]) {
      const auto [first, last] = found.equal_range(id.get<uint64_t>());
      // What was overwritten can claim to be any.
      EXPECT_TRUE(std::any_of(first, last,
                              [&](const auto& entry) {
                                const std::string function =
                                    entry.second["user_location"]["function"];
                                return function == "main.parks" ||
                                       function.starts_with("syscall.") || function == "main.main";
                              }))
          << "seed " << seed << ", goroutine " << id;
    }
    for (const Strings& arguments :
         {Strings{"stacks", pid, "--json"}, Strings{"stacks", pid}, Strings{"threads", pid},
          Strings{"goroutines", pid, "--group", "userloc"}}) {
      const Ran other = run_clew(arguments, 20s);
      ASSERT_TRUE(other.status.has_value()) << "it hangs, seed " << seed << arguments.front();
      EXPECT_EQ(*other.status, 0) << other.err;
    }
    EXPECT_TRUE(is_untraced(target.pid()));
  }
}

}  // namespace
}  // namespace clew::test
