#include "os/process_find.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "base/printable.h"
#include "os/command_line.h"

namespace clew::os {
namespace {

using namespace std::string_literals;

// ---- parse_pid ----

TEST(ParsePid, AcceptsTheWholeRange) {
  EXPECT_EQ(parse_pid("1").value_or(-1), 1);
  EXPECT_EQ(parse_pid("4711").value_or(-1), 4711);
  EXPECT_EQ(parse_pid("4194304").value_or(-1), 4194304);
  EXPECT_EQ(parse_pid("0010").value_or(-1), 10);  // decimal all the same
}

TEST(ParsePid, RefusesAllElseAndSaysWhy) {
  struct Case {
    std::string text, why;
  };
  const Case cases[] = {
      {"", "not a decimal number"},
      {"-", "not a decimal number"},
      {"abc", "not a decimal number"},
      {"12x", "not a decimal number"},
      {"12 ", "not a decimal number"},
      {" 12", "not a decimal number"},
      {"+12", "not a decimal number"},
      {"1.5", "not a decimal number"},
      {"1e3", "not a decimal number"},
      {"0x10", "not a decimal number"},
      {"--5", "not a decimal number"},
      {"12\0003"s, "not a decimal number"},
      {"0", "smallest is 1"},
      {"00", "smallest is 1"},
      {"-5", "negative"},
      {"-1", "negative"},
      {"4194305", "largest is 4194304"},
      {"4294967297", "largest is 4194304"},
      {"18446744073709551617", "largest is 4194304"},
      {"99999999999999999999999999", "largest is 4194304"},
  };
  for (const Case& c : cases) {
    const auto pid = parse_pid(c.text);
    ASSERT_FALSE(pid.has_value()) << c.text;
    EXPECT_EQ(pid.error().code, ErrorCode::bad_request) << c.text;
    EXPECT_NE(pid.error().text.find(c.why), std::string::npos) << pid.error().text;
    EXPECT_NE(pid.error().text.find("is not a process id: "), std::string::npos);
  }
}

TEST(ParsePid, QuotesWhatWasTypedHarmlessly) {
  EXPECT_EQ(parse_pid("\x1b[2J").error().text,
            "\"\\x1b[2J\" is not a process id: it is not a decimal number");
}

// ---- printable ----

TEST(Printable, LeavesTextAsItIs) {
  for (const std::string text : {"", "a b~!", "C:\\dir", "größe", "日本", "🧵", "''\""}) {
    EXPECT_EQ(printable(text), text);
  }
}

TEST(Printable, EscapesControlCharacters) {
  EXPECT_EQ(printable("a\nb\tc\rd"), "a\\nb\\tc\\rd");
  EXPECT_EQ(printable("\x1b[31m\x7f"), "\\x1b[31m\\x7f");
  EXPECT_EQ(printable("\0x"s), "\\x00x");
  EXPECT_EQ(printable("\x01"), "\\x01");
  EXPECT_EQ(printable("\xc2\x9b"
                      "31m"),
            "\\u009b31m");  // CSI as one character
}

TEST(Printable, EscapesBytesThatAreNotUtf8) {
  EXPECT_EQ(printable("\x9b"), "\\x9b");
  EXPECT_EQ(printable("a\xff"
                      "b"),
            "a\\xffb");
  EXPECT_EQ(printable("\xc3"), "\\xc3");                             // cut short
  EXPECT_EQ(printable("\xe2\x82"), "\\xe2\\x82");                    // cut short
  EXPECT_EQ(printable("\xc3("), "\\xc3(");                           // no continuation
  EXPECT_EQ(printable("\xc0\x9b"), "\\xc0\\x9b");                    // overlong
  EXPECT_EQ(printable("\xe0\x82\x9b"), "\\xe0\\x82\\x9b");           // overlong
  EXPECT_EQ(printable("\xed\xa0\x80"), "\\xed\\xa0\\x80");           // surrogate
  EXPECT_EQ(printable("\xf4\x90\x80\x80"), "\\xf4\\x90\\x80\\x80");  // above U+10FFFF
  EXPECT_EQ(printable("\xf8\x88\x80\x80\x80"), "\\xf8\\x88\\x80\\x80\\x80");
}

TEST(Printable, EscapesWhatTurnsTextAroundOrHides) {
  EXPECT_EQ(printable("a\u202eb"), "a\\u202eb");
  EXPECT_EQ(printable("\u2066"), "\\u2066");
  EXPECT_EQ(printable("\u2028"), "\\u2028");
  EXPECT_EQ(printable("\u200b"), "\\u200b");
  EXPECT_EQ(printable("\ufeff"), "\\ufeff");
  EXPECT_EQ(printable("\U000e0041"), "\\U000e0041");
}

TEST(Printable, LengthOfTheFirstCharacter) {
  EXPECT_EQ(printable_length(""), 0u);
  EXPECT_EQ(printable_length("ab"), 1u);
  EXPECT_EQ(printable_length("ö!"), 2u);
  EXPECT_EQ(printable_length("🧵"), 4u);
  EXPECT_EQ(printable_length("\n"), 0u);
  EXPECT_EQ(printable_length("\xff"), 0u);
}

// ---- command lines ----

TEST(CommandLine, Split) {
  using Arguments = std::vector<std::string>;
  EXPECT_EQ(split_command_line(""), Arguments());
  EXPECT_EQ(split_command_line("ls\0-l\0"s), (Arguments{"ls", "-l"}));
  EXPECT_EQ(split_command_line("ls\0\0x\0"s), (Arguments{"ls", "", "x"}));
  EXPECT_EQ(split_command_line("ls\0\0"s), (Arguments{"ls", ""}));
  EXPECT_EQ(split_command_line("nginx: master"s), (Arguments{"nginx: master"}));
  EXPECT_EQ(split_command_line("nginx: master\0\0\0\0\0"s), (Arguments{"nginx: master"}));
  EXPECT_EQ(split_command_line("\0"s), (Arguments{""}));
}

TEST(CommandLine, OfThisProcess) {
  const auto proc = ProcDir::open(::getpid());
  ASSERT_TRUE(proc.has_value());
  const auto arguments = command_line(*proc);
  ASSERT_FALSE(arguments.empty());
  EXPECT_EQ(arguments[0], ::testing::internal::GetArgvs()[0]);
}

TEST(ShellQuoted, OnlyWhereNeeded) {
  EXPECT_EQ(shell_quoted({}), "");
  EXPECT_EQ(shell_quoted({"ls", "-l", "/a_b/c.d:e=f,g+h@i%"}), "ls -l /a_b/c.d:e=f,g+h@i%");
  EXPECT_EQ(shell_quoted({""}), "''");
  EXPECT_EQ(shell_quoted({"a b", "$HOME", "x;y", "~", "*"}), "'a b' '$HOME' 'x;y' '~' '*'");
  EXPECT_EQ(shell_quoted({"it's"}), "'it'\\''s'");
  EXPECT_EQ(shell_quoted({"back\\slash"}), "'back\\slash'");
  EXPECT_EQ(shell_quoted({"ö"}), "'ö'");
}

TEST(ShellQuoted, NothingHostileIsLeft) {
  EXPECT_EQ(shell_quoted({"\x1b[2J"}), "$'\\033[2J'");
  EXPECT_EQ(shell_quoted({"a\n'\\"}), "$'a\\012\\'\\\\'");
  EXPECT_EQ(shell_quoted({"\xff"
                          "1"}),
            "$'\\3771'");
  EXPECT_EQ(shell_quoted({"\u202e"}), "$'\\342\\200\\256'");
  std::string all;
  for (int c = 1; c < 256; ++c) all += static_cast<char>(c);
  for (const char c : shell_quoted({all})) EXPECT_TRUE(c >= ' ' && c < 0x7f);
}

TEST(ShellQuoted, AShellReadsTheSameArguments) {
  const std::vector<std::string> arguments = {"a b",  "it's",     "\x1b[2J\n", "",
                                              "\xff", "\\n$x`y`", "!"};
  const std::string command = "bash -c 'printf \"[%s]\" \"$@\"' _ " + shell_quoted(arguments);
  int out[2];
  ASSERT_EQ(::pipe2(out, O_CLOEXEC), 0);
  const pid_t pid = ::fork();
  if (pid == 0) {
    ::dup2(out[1], 1);
    ::execlp("bash", "bash", "-c", command.c_str(), static_cast<char*>(nullptr));
    ::_exit(127);
  }
  ::close(out[1]);
  std::string said;
  char chunk[256];
  for (ssize_t n; (n = ::read(out[0], chunk, sizeof chunk)) > 0;)
    said.append(chunk, static_cast<size_t>(n));
  ::close(out[0]);
  int status = 0;
  ::waitpid(pid, &status, 0);
  if (WEXITSTATUS(status) == 127) GTEST_SKIP() << "no bash here";
  std::string wanted;
  for (const std::string& argument : arguments) wanted += "[" + argument + "]";
  EXPECT_EQ(said, wanted);
}

// ---- find_processes ----

/// A child that `start` turns into what is to be found: by exec, or by returning. The constructor
/// waits for either: the end of the pipe is closed by exec, or by the child itself.
class NamedChild {
 public:
  explicit NamedChild(const std::function<void()>& start) {
    int ready[2];
    EXPECT_EQ(::pipe2(ready, O_CLOEXEC), 0);
    pid_ = ::fork();
    if (pid_ == 0) {
      ::alarm(60);  // should the test die
      start();
      ::close(ready[1]);
      for (;;) ::pause();
    }
    ::close(ready[1]);
    char byte = 0;
    EXPECT_EQ(::read(ready[0], &byte, 1), 0);
    ::close(ready[0]);
  }
  NamedChild(const NamedChild&) = delete;
  NamedChild& operator=(const NamedChild&) = delete;
  ~NamedChild() {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  pid_t pid() const { return pid_; }

 private:
  pid_t pid_ = 0;
};

std::string unique(const std::string& name) { return name + std::to_string(::getpid()); }

std::vector<pid_t> pids_of(const std::string& name) {
  std::vector<pid_t> pids;
  for (const ProcessMatch& match : find_processes(name)) pids.push_back(match.pid);
  return pids;
}

TEST(FindProcesses, ByNameOfTheProcess) {
  const std::string name = unique("cf");
  const NamedChild child([&] { ::prctl(PR_SET_NAME, name.c_str()); });
  const auto matches = find_processes(name);
  ASSERT_EQ(matches.size(), 1u);
  const ProcessMatch& match = matches[0];
  EXPECT_EQ(match.pid, child.pid());
  EXPECT_EQ(match.name, name);
  EXPECT_EQ(match.uid, ::geteuid());
  EXPECT_EQ(match.threads, 1u);
  EXPECT_TRUE(match.state == 'S' || match.state == 'R') << match.state;
  EXPECT_GE(match.age_seconds, 0.0);
  EXPECT_LT(match.age_seconds, 60.0);
  EXPECT_FALSE(match.command_line.empty());
  // The whole name, and nothing but it.
  EXPECT_TRUE(pids_of(name + "x").empty());
  EXPECT_TRUE(pids_of(name.substr(0, name.size() - 1)).empty());
}

TEST(FindProcesses, ByArgumentZero) {
  const std::string name = unique("clew-find-by-argument-zero-");
  const NamedChild child([&] {
    ::execl("/bin/sleep", ("/no/where/" + name).c_str(), "60", static_cast<char*>(nullptr));
    ::_exit(1);
  });
  EXPECT_EQ(pids_of(name), std::vector<pid_t>{child.pid()});
  EXPECT_EQ(find_processes(name).at(0).command_line, "/no/where/" + name + " 60");
}

TEST(FindProcesses, ByExecutableEvenWhenDeletedAndLongerThanComm) {
  const std::string name = unique("clew-find-by-executable-");
  const std::filesystem::path file = std::filesystem::temp_directory_path() / name;
  std::filesystem::copy_file("/bin/sleep", file);
  const NamedChild child([&] {
    ::execl(file.c_str(), "other", "60", static_cast<char*>(nullptr));
    ::_exit(1);
  });
  EXPECT_EQ(pids_of(name), std::vector<pid_t>{child.pid()});
  std::filesystem::remove(file);
  EXPECT_EQ(pids_of(name), std::vector<pid_t>{child.pid()});
  // What the kernel's cut name alone would match is another program's name.
  EXPECT_TRUE(pids_of(name + "x").empty());
}

TEST(FindProcesses, AllMatchesByPid) {
  const std::string name = unique("cfm");
  const auto rename = [&] { ::prctl(PR_SET_NAME, name.c_str()); };
  const NamedChild one(rename);
  const NamedChild two(rename);
  std::vector<pid_t> wanted = {one.pid(), two.pid()};
  std::sort(wanted.begin(), wanted.end());
  EXPECT_EQ(pids_of(name), wanted);
}

TEST(FindProcesses, LeavesOutZombiesKernelThreadsAndItself) {
  const std::string name = unique("cfz");
  const pid_t zombie = ::fork();
  if (zombie == 0) {
    ::prctl(PR_SET_NAME, name.c_str());
    ::_exit(0);
  }
  siginfo_t info{};
  ASSERT_EQ(::waitid(P_PID, static_cast<id_t>(zombie), &info, WEXITED | WNOWAIT), 0);
  EXPECT_TRUE(pids_of(name).empty());
  ::waitpid(zombie, nullptr, 0);

  EXPECT_TRUE(pids_of("kthreadd").empty());
  EXPECT_TRUE(pids_of("").empty());

  char old_name[16] = {};
  ::prctl(PR_GET_NAME, old_name);
  ::prctl(PR_SET_NAME, name.c_str());
  EXPECT_TRUE(pids_of(name).empty());
  ::prctl(PR_SET_NAME, old_name);
}

TEST(FindProcesses, TextsAreHarmless) {
  const std::string name = "\x1b" + unique("c");
  const NamedChild child([&] { ::prctl(PR_SET_NAME, name.c_str()); });
  const auto matches = find_processes(name);
  ASSERT_EQ(matches.size(), 1u);
  EXPECT_EQ(matches[0].name, "\\x1b" + name.substr(1));
}

}  // namespace
}  // namespace clew::os
