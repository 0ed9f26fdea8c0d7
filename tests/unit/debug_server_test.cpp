#include "sym/debug_server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <thread>

#include "symbol_fixture.h"
#include "temporary_directory.h"

namespace clew::sym {
namespace {

using testing::HasSubstr;

/// An HTTP server that has one file, at any path that ends with /debuginfo and names `id`.
class HttpServer {
 public:
  HttpServer(std::string id, std::string content)
      : id_(std::move(id)), content_(std::move(content)) {
    listener_ = UniqueFd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    EXPECT_EQ(::bind(listener_.value(), reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(::listen(listener_.value(), 8), 0);
    EXPECT_EQ(::getsockname(listener_.value(), reinterpret_cast<sockaddr*>(&address), &size), 0);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { serve(); });
  }
  ~HttpServer() {
    ::shutdown(listener_.value(), SHUT_RDWR);
    thread_.join();
  }

  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_) + "/"; }
  int requests() const { return requests_; }

 private:
  void serve() {
    for (;;) {
      const UniqueFd connection(::accept4(listener_.value(), nullptr, nullptr, SOCK_CLOEXEC));
      if (!connection) return;
      std::string request;
      char buffer[4096];
      while (request.find("\r\n\r\n") == std::string::npos) {
        const ssize_t size = ::read(connection.value(), buffer, sizeof buffer);
        if (size <= 0) break;
        request.append(buffer, static_cast<size_t>(size));
      }
      ++requests_;
      const bool has = request.find(id_ + "/debuginfo") != std::string::npos;
      const std::string& body = has ? content_ : "none";
      std::string answer = has ? "HTTP/1.1 200 OK\r\n" : "HTTP/1.1 404 Not Found\r\n";
      answer += "Connection: close\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n";
      answer += body;
      size_t sent = 0;
      while (sent < answer.size()) {
        const ssize_t size =
            ::send(connection.value(), answer.data() + sent, answer.size() - sent, MSG_NOSIGNAL);
        if (size <= 0) break;
        sent += static_cast<size_t>(size);
      }
    }
  }

  std::string id_, content_;
  UniqueFd listener_;
  int port_ = 0;
  std::atomic<int> requests_{0};
  std::thread thread_;
};

class DebugServerTest : public testing::Test {
 protected:
  void SetUp() override {
    ::setenv("DEBUGINFOD_CACHE_PATH", cache_.path().c_str(), 1);
    id_.bytes = std::string("\x12\x34\x56\x78\x9a\xbc\xde\xf0\x12\x34", 10);
  }
  void TearDown() override {
    ::unsetenv("DEBUGINFOD_URLS");
    ::unsetenv("DEBUGINFOD_CACHE_PATH");
  }

  TemporaryDirectory cache_;
  BuildId id_;
};

TEST_F(DebugServerTest, WithoutTheVariableThereIsNone) {
  ::unsetenv("DEBUGINFOD_URLS");
  EXPECT_EQ(debug_server_of_environment(nullptr), nullptr);
}

TEST_F(DebugServerTest, SendsAFileAndTellsHowFarItIs) {
  HttpServer http(id_.hex(), std::string(200000, 'x'));
  ::setenv("DEBUGINFOD_URLS", http.url().c_str(), 1);
  std::string what;
  const auto server = debug_server_of_environment([&](const std::string& w, uint64_t, uint64_t) {
    what = w;
    return true;
  });
  const auto fd = server->fetch_debug_file(id_, "/bin/program");
  ASSERT_TRUE(fd) << fd.error().text;
  char first = 0;
  EXPECT_EQ(::pread(fd->value(), &first, 1, 199999), 1);
  EXPECT_EQ(first, 'x');
  EXPECT_EQ(what, "/bin/program");
}

TEST_F(DebugServerTest, WhatNobodyHasIsNotFoundAndTheNextIsStillAsked) {
  HttpServer http(id_.hex(), "content");
  ::setenv("DEBUGINFOD_URLS", http.url().c_str(), 1);
  const auto server = debug_server_of_environment(nullptr);
  BuildId other = id_;
  other.bytes[0] = 'x';
  const auto none = server->fetch_debug_file(other, "other");
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, ErrorCode::not_found);
  EXPECT_TRUE(server->fetch_debug_file(id_, "program"));
}

TEST_F(DebugServerTest, ADeadOneIsAskedOnce) {
  int port = 0;
  {
    HttpServer http(id_.hex(), "content");
    port = std::stoi(http.url().substr(http.url().rfind(':') + 1));
  }
  ::setenv("DEBUGINFOD_URLS", ("http://127.0.0.1:" + std::to_string(port) + "/").c_str(), 1);
  int asked = 0;
  const auto server = debug_server_of_environment([&](const std::string&, uint64_t, uint64_t) {
    ++asked;
    return true;
  });
  const auto first = server->fetch_debug_file(id_, "first");
  ASSERT_FALSE(first);
  EXPECT_EQ(first.error().code, ErrorCode::unavailable);
  EXPECT_THAT(first.error().text, HasSubstr("DEBUGINFOD_URLS"));
  const int asked_for_first = asked;
  const auto second = server->fetch_debug_file(id_, "second");
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::unavailable);
  EXPECT_EQ(asked, asked_for_first);
}

TEST_F(DebugServerTest, CanBeGivenUp) {
  HttpServer http(id_.hex(), std::string(8 << 20, 'x'));
  ::setenv("DEBUGINFOD_URLS", http.url().c_str(), 1);
  const auto server =
      debug_server_of_environment([](const std::string&, uint64_t, uint64_t) { return false; });
  const auto fd = server->fetch_debug_file(id_, "large");
  ASSERT_FALSE(fd);
  EXPECT_EQ(fd.error().code, ErrorCode::cancelled);
}

}  // namespace
}  // namespace clew::sym
