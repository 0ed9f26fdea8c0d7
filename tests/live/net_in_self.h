#pragma once

#include <csignal>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "live/x86_64/net.h"

namespace clew::test {

/// The safety net put into the test's own process (a forked child), as clew would put it into a
/// target, and traps set into its own functions: what there is when clew has just been killed.
class NetInSelf {
 public:
  /// Maps code, data and slots within reach of this program's text.
  NetInSelf();

  live::net::Header& header() { return *header_; }
  Addr base() const { return base_; }

  /// Adds every instruction of a function, up to its first return, to the table.
  void add_function(void (*function)());
  /// Writes the int3s; after that the net is armed again.
  void plant();
  /// Lets the traps lead nowhere but to restored text.
  void drop_slots();
  /// Puts the net over the action that SIGTRAP has now.
  void install();
  /// @return what differs from the text as it was; empty when nothing does.
  std::string text_difference() const;
  /// @return true when every int3 is still there.
  bool is_planted() const;

  static live::net::SignalAction action();
  static void set_action(const live::net::SignalAction& action);

 private:
  int file_;
  Addr base_;
  Addr slots_;
  live::net::Header* header_ = nullptr;
  live::net::Trap* traps_ = nullptr;
};

/// How a forked child ended.
struct ChildEnd {
  int status = 0;    ///< of waitpid(2)
  std::string text;  ///< what `body` returned
};
/// Runs `body` in a forked child, whose threads and signals are its own.
ChildEnd in_child(const std::function<std::string()>& body);

}  // namespace clew::test
