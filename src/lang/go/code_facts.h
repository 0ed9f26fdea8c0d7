#pragma once

#include <cstdint>
#include <string_view>
#include <unordered_map>

#include "lang/go/stack_pool.h"
#include "sym/module_map.h"

namespace clew::go {

/// What has to be known of a place in the code to walk over its frame.
struct CodeFact {
  enum class Kind : uint8_t {
    frame,      ///< its caller's frame begins `frame_size` above the stack pointer
    outermost,  ///< nobody has called it
    unknown     ///< no Go code, or code whose frames have no fixed size
  };
  Kind kind = Kind::unknown;
  bool is_user = false;     ///< neither of the runtime nor of what only the library uses
  bool interrupts = false;  ///< it was not called: its caller was broken off where it stood
  /// Nothing calls from the instruction before: it is a place that a goroutine has saved when it
  /// changed stacks, in systemstack_switch, before Go 1.21 its first instruction.
  bool is_saved = false;
  int64_t frame_size = 0;
};

/// Answers for places in Go code, each looked up once. For one thread of clew; several may have one
/// each for the same modules.
class CodeFacts {
 public:
  explicit CodeFacts(const sym::ModuleMap& modules) : modules_(modules) {}

  const CodeFact& at(StackWord word);

 private:
  CodeFact look_up(StackWord word) const;

  const sym::ModuleMap& modules_;
  std::unordered_map<uint64_t, CodeFact> known_;
  // What was asked last: most goroutines stand in the same few places.
  static constexpr size_t recent_count = 1024;
  struct Recent {
    uint64_t bits = 0;
    const CodeFact* fact = nullptr;
  };
  std::vector<Recent> recent_ = std::vector<Recent>(recent_count);
};

/// A function's name without the calling convention that symbols of assembly functions end with.
std::string_view without_abi(std::string_view name);

/// False for functions of the runtime and of internal packages, whose frames say what a goroutine
/// waits for but not where in the user's program. Exported functions of the runtime are the user's:
/// he has called them.
bool is_user_function(std::string_view name);

/// Where stacks of goroutines and of the runtime's threads begin (the functions that are marked
/// TOPFRAME in the runtime's assembly).
bool is_outermost_function(std::string_view name);

/// What the runtime makes a goroutine run as if it had been called.
bool is_interruption(std::string_view name);

/// True when a goroutine that starts in that function is the runtime's own: all of package runtime
/// but main, which starts the program.
bool is_system_start(std::string_view name);

}  // namespace clew::go
