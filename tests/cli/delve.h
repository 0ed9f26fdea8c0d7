#pragma once

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cstdlib>
#include <filesystem>

#include "support.h"

namespace clew::test {

/// Where delve is installed, `go install` included; empty when it is not.
inline std::string delve_path() {
  const char* const home = std::getenv("HOME");
  const std::string own = std::string(home == nullptr ? "" : home) + "/go/bin/dlv";
  for (const std::string& path :
       {std::string("/usr/local/bin/dlv"), std::string("/usr/bin/dlv"), own}) {
    if (std::filesystem::exists(path)) return path;
  }
  return {};
}

/// delve attached to a process, asked through its JSON-RPC (service/rpc2 of its sources).
class Delve {
 public:
  explicit Delve(pid_t pid) : socket_(scratch_folder() + "/dlv" + std::to_string(pid)) {
    ClewProcess::Options options;
    options.program = delve_path();
    const Strings arguments = {
        "attach",          std::to_string(pid),        "--headless",
        "--api-version=2", "--check-go-version=false", "--listen=unix:" + socket_};
    dlv_.emplace(arguments, options);
    is_ok_ = dlv_->read_until("listening at", 60s) && connect();
    EXPECT_TRUE(is_ok_) << "delve does not answer: " << dlv_->out() << dlv_->err();
  }
  /// The process runs on.
  ~Delve() {
    if (!is_ok_) return;
    call("Detach", {{"Kill", false}});
    EXPECT_TRUE(dlv_->wait(30s)) << "delve did not end";
  }
  Delve(const Delve&) = delete;
  Delve& operator=(const Delve&) = delete;

  bool is_ok() const { return is_ok_; }

  /// @return the result; an object with "error" when it has none.
  json call(const std::string& method, const json& argument) {
    const json request = {
        {"method", "RPCServer." + method}, {"params", json::array({argument})}, {"id", ++id_}};
    const std::string line = request.dump() + "\n";
    if (::write(fd_.value(), line.data(), line.size()) != static_cast<ssize_t>(line.size()))
      return {{"error", "delve is gone"}};
    const auto answer = reader_->next(60s);
    if (!answer) return {{"error", "no answer"}};
    json document = json::parse(*answer, nullptr, false);
    if (document.is_discarded()) return {{"error", *answer}};
    if (!document["error"].is_null()) return {{"error", document["error"]}};
    return document["result"];
  }

  /// How much of a value is asked for: as clew's `print` has it by default.
  static json limits() {
    return {{"FollowPointers", true},
            {"MaxVariableRecurse", 3},
            {"MaxStringLen", 200},
            {"MaxArrayValues", 200},
            {"MaxStructFields", -1}};
  }

 private:
  bool connect() {
    UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    socket_.copy(address.sun_path, sizeof address.sun_path - 1);
    if (::connect(fd.value(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
      return false;
    reader_.emplace(UniqueFd(::dup(fd.value())));
    fd_ = std::move(fd);
    return true;
  }

  std::string socket_;
  std::optional<ClewProcess> dlv_;
  UniqueFd fd_;
  std::optional<LineReader> reader_;
  unsigned id_ = 0;
  bool is_ok_ = false;
};

}  // namespace clew::test
