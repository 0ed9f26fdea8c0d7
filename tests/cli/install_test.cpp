// What `cmake --install` puts where, and that it works from there.

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "support.h"

namespace clew::test {
namespace {

namespace fs = std::filesystem;

Ran run(const std::string& program, const Strings& arguments, Strings environment = {}) {
  ClewProcess::Options options;
  options.program = program;
  options.environment = std::move(environment);
  return run_clew(arguments, 60s, options);
}

std::string found(const char* program) {
  for (const char* folder : {"/usr/bin/", "/bin/", "/usr/local/bin/"}) {
    if (fs::exists(std::string(folder) + program)) return std::string(folder) + program;
  }
  return "";
}

struct Install : testing::Test {
  static void SetUpTestSuite() {
    root = scratch_folder() + "/install";
    const Ran ran = run(CLEW_CMAKE, {"--install", CLEW_BUILD_DIR, "--prefix", root});
    ASSERT_EQ(ran.status, 0) << ran.out << ran.err;
  }
  static inline std::string root;
  Fixture target{"sleepers", {"2"}};
  std::string pid = std::to_string(target.pid());
};

TEST_F(Install, TheProgramRuns) {
  const Ran ran = run(root + "/bin/clew", {"threads", pid});
  EXPECT_EQ(ran.status, 0) << ran.err;
  EXPECT_NE(ran.out.find(pid), std::string::npos);
}

TEST_F(Install, TheManualPageIsClean) {
  const std::string mandoc = found("mandoc");
  if (mandoc.empty()) GTEST_SKIP() << "no mandoc";
  const Ran ran = run(mandoc, {"-Tlint", "-Wwarning", root + "/share/man/man1/clew.1"});
  EXPECT_EQ(ran.status, 0) << ran.out << ran.err;
}

TEST_F(Install, BashCompletes) {
  const std::string bash = found("bash");
  if (bash.empty()) GTEST_SKIP() << "no bash";
  const auto complete = [&](const Strings& words) {
    const Ran ran =
        run(bash, {"-c", fmt::format("source {}/share/bash-completion/completions/clew; "
                                     "COMP_WORDS=({}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); "
                                     "_clew; printf '%s\\n' \"${{COMPREPLY[@]}}\"",
                                     root, fmt::join(words, " "))});
    EXPECT_EQ(ran.err, "");
    return "\n" + ran.out;
  };
  EXPECT_NE(complete({"clew", "fr"}).find("\nfreeze\n"), std::string::npos);
  EXPECT_NE(complete({"clew", "threads", "--no"}).find("\n--no-stop\n"), std::string::npos);
  EXPECT_NE(complete({"clew", "attach", pid}).find("\n" + pid + "\n"), std::string::npos);
  EXPECT_NE(complete({"clew", "freeze", "--name", "sleep"}).find("\nsleepers\n"),
            std::string::npos);
  EXPECT_NE(complete({"clew", "run", "--no-as"}).find("\n--no-aslr\n"), std::string::npos);
  EXPECT_NE(complete({"clew", "run", "--cwd", "/", "--", "bas"}).find("\nbash\n"),
            std::string::npos);
  EXPECT_NE(complete({"clew", "run", "bash", "/etc/host"}).find("\n/etc/hosts\n"),
            std::string::npos);
}

TEST_F(Install, FishCompletes) {
  const std::string fish = found("fish");
  if (fish.empty()) GTEST_SKIP() << "no fish";
  const auto complete = [&](const std::string& line) {
    const Ran ran =
        run(fish,
            {"--no-config", "-c",
             fmt::format("source {}/share/fish/vendor_completions.d/clew.fish; complete -C '{}'",
                         root, line)},
            {"HOME=" + scratch_folder()});
    return "\n" + ran.out;
  };
  EXPECT_NE(complete("clew fr").find("\nfreeze\t"), std::string::npos) << complete("clew fr");
  EXPECT_NE(complete("clew threads --no").find("\n--no-stop\t"), std::string::npos);
  EXPECT_NE(complete("clew attach " + pid).find("\n" + pid + "\tsleepers"), std::string::npos)
      << complete("clew attach " + pid);
  EXPECT_NE(complete("clew freeze --name sleep").find("\nsleepers"), std::string::npos);
  EXPECT_NE(complete("clew run --no-as").find("\n--no-aslr\t"), std::string::npos);
  EXPECT_NE(complete("clew run --cwd / -- bas").find("\nbase64\t"), std::string::npos);
}

TEST_F(Install, ZshCompletes) {
  const std::string zsh = found("zsh");
  if (zsh.empty()) GTEST_SKIP() << "no zsh";
  // Its completion works in its line editor alone, at a terminal.
  ClewProcess::Options options;
  options.program = zsh;
  options.mode = ClewProcess::Mode::terminal;
  options.environment = {"TERM=xterm", "PS1=ready> ", "HOME=" + scratch_folder(),
                         "ZDOTDIR=" + scratch_folder()};
  ClewProcess shell({"-f", "-i"}, options);
  ASSERT_TRUE(shell.read_until("> "));
  shell.write(
      fmt::format("fpath=({}/share/zsh/site-functions $fpath); autoload -U compinit; "
                  "compinit -u -D; bindkey '^I' complete-word; print lo''aded",
                  root));
  ASSERT_TRUE(shell.read_until("loaded", 60s)) << shell.out();
  const auto completes = [&](const std::string& line, const std::string& wanted) {
    shell.forget_output();
    shell.write_raw(line + "\t");
    EXPECT_TRUE(shell.read_until(wanted, 60s)) << line << "\n" << shell.out();
    shell.write_raw("\x15");
  };
  completes("clew fre", "freeze");
  completes("clew threads --no", "--no-stop");
  completes("clew run --no-as", "--no-aslr");
  completes("clew attach " + pid.substr(0, pid.size() - 1), pid.substr(pid.size() - 1));
  shell.write_raw("exit\n");
  EXPECT_TRUE(shell.wait(10s).has_value());
}

}  // namespace
}  // namespace clew::test
