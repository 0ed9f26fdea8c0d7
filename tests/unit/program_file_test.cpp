#include "os/program_file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cerrno>
#include <filesystem>
#include <fstream>

namespace clew::os {
namespace {

struct ProgramFile : testing::Test {
  std::string folder = (std::filesystem::temp_directory_path() / "clew-program-XXXXXX").string();

  void SetUp() override { ASSERT_NE(mkdtemp(folder.data()), nullptr); }
  void TearDown() override { std::filesystem::remove_all(folder); }

  std::string file(const std::string& name, const std::string& text, mode_t mode = 0755) {
    const std::string path = folder + "/" + name;
    std::filesystem::create_directories(std::filesystem::path(path).parent_path());
    std::ofstream(path) << text;
    EXPECT_EQ(chmod(path.c_str(), mode), 0);
    return path;
  }
};

TEST_F(ProgramFile, APathIsTakenAsItIs) {
  const std::string path = file("tool", "");
  EXPECT_EQ(find_program(path, "/nowhere").value_or(""), path);
}

TEST_F(ProgramFile, ANameIsTheFirstOneInPathThatMayBeExecuted) {
  file("a/tool", "", 0644);
  std::filesystem::create_directories(folder + "/b/tool");
  const std::string path = file("c/tool", "");
  file("d/tool", "");
  const std::string search =
      folder + "/a:" + folder + "/b:/nowhere:" + folder + "/c:" + folder + "/d";
  EXPECT_EQ(find_program("tool", search).value_or(""), path);
}

TEST_F(ProgramFile, OneThatMayNotBeExecutedIsNamed) {
  const std::string path = file("a/tool", "", 0644);
  const auto found = find_program("tool", "/nowhere:" + folder + "/a");
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().code, ErrorCode::permission);
  EXPECT_NE(found.error().text.find(path), std::string::npos) << found.error().text;
}

TEST_F(ProgramFile, AnEmptyEntryOfPathIsTheFolderWhereOneIs) {
  file("tool", "");
  const auto before = std::filesystem::current_path();
  std::filesystem::current_path(folder);
  EXPECT_EQ(find_program("tool", "/nowhere:").value_or(""), "./tool");
  EXPECT_EQ(find_program("tool", "").value_or(""), "./tool");
  const auto hint = find_program("tool", "/nowhere");
  std::filesystem::current_path(before);
  ASSERT_FALSE(hint);
  EXPECT_NE(hint.error().text.find("./tool"), std::string::npos) << hint.error().text;
}

TEST_F(ProgramFile, NamesThatCannotBeAreRefused) {
  EXPECT_EQ(find_program("", "/bin").error().code, ErrorCode::bad_request);
  EXPECT_EQ(find_program(std::string_view("a\0b", 3), "/bin").error().code, ErrorCode::bad_request);
}

TEST_F(ProgramFile, TheInterpreterOfAScriptIsNamed) {
  const auto text = [&](const std::string& content, int error) {
    return explain_exec_failure(file("script", content), error).text;
  };
  EXPECT_NE(text("#!/no/such -x\n", ENOENT).find("\"/no/such\""), std::string::npos);
  EXPECT_NE(text("#!  /no/such", ENOENT).find("\"/no/such\""), std::string::npos);
  EXPECT_NE(text("#!/no/such\r\n", ENOENT).find("\"/no/such\""), std::string::npos);
  EXPECT_NE(text("#!\x1b[31m\n", ENOENT).find("script for"), std::string::npos);
  EXPECT_EQ(text("#!\x1b[31m\n", ENOENT).find('\x1b'), std::string::npos);
  EXPECT_EQ(text("#!   \n", ENOENT).find("script for"), std::string::npos);
  EXPECT_NE(text(std::string("#!") + std::string(4000, 'x'), ENOENT).find("script for"),
            std::string::npos);
}

TEST_F(ProgramFile, WhatTheSystemSaysIsKept) {
  const Error error = explain_exec_failure(folder + "/gone", ENOMEM);
  EXPECT_EQ(error.sys_errno, ENOMEM);
  EXPECT_NE(error.text.find("gone"), std::string::npos);
  EXPECT_EQ(explain_exec_failure(file("busy", ""), ETXTBSY).code, ErrorCode::unavailable);
}

}  // namespace
}  // namespace clew::os
