#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/memory_reader.h"
#include "sym/module_map.h"
#include "sym/module_names.h"

namespace clew::go {

/// No program can have more goroutines: each has a stack of 2 KB at least.
inline constexpr uint64_t most_goroutines = uint64_t{1} << 28;
/// A process can have no more threads (the kernel's limit of pids), and lists can be broken.
inline constexpr size_t most_machines = 65'536;
/// The garbage collector adds this to a state while it looks at the stack (runtime._Gscan).
inline constexpr uint32_t scan_bit = 0x1000;

/// Where the fields of the runtime's structures are: as this very program has it, so that no
/// version of Go needs to be known. Offsets are in bytes from the start of the structure; those of
/// fields that not every version has may be missing.
struct RuntimeFields {
  struct Goroutine {   ///< runtime.g
    uint64_t end = 0;  ///< behind the last field that is named here
    uint64_t stack_low = 0, stack_high = 0;
    uint64_t machine = 0;
    uint64_t saved_sp = 0, saved_pc = 0, saved_fp = 0;
    uint64_t syscall_sp = 0, syscall_pc = 0;
    uint64_t status = 0;
    uint64_t id = 0;
    uint64_t wait_since = 0, wait_reason = 0;
    uint64_t go_pc = 0, start_pc = 0;
    std::optional<uint64_t> labels;
    std::optional<uint64_t> parent;  ///< from Go 1.21 on
    std::optional<uint64_t> ancestors;
  };
  /// Panics and deferred calls. Whose deferred functions a panic is calling: the stack pointer of
  /// that function's body, in the panic itself (from Go 1.22 on) or in the deferred call's record.
  struct Panics {
    std::optional<uint64_t> list;         ///< in runtime.g: the latest runtime._panic
    std::optional<uint64_t> frame_sp;     ///< in runtime._panic
    std::optional<uint64_t> defers;       ///< in runtime.g: the latest runtime._defer
    std::optional<uint64_t> deferrer_sp;  ///< in runtime._defer
    std::optional<uint64_t> deferrer_pc;  ///< the same: behind the statement
    std::optional<uint64_t> function;     ///< the same: the function, as a func()
    std::optional<uint64_t> next;         ///< the same: the one that was deferred before
    std::optional<uint64_t> argument;     ///< in runtime._panic: the value, an interface{}
    std::optional<uint64_t> earlier;      ///< in runtime._panic: the one before it
    std::optional<uint64_t> recovered;    ///< in runtime._panic
    std::optional<uint64_t> goexit;       ///< in runtime._panic: it is a runtime.Goexit
    std::optional<uint64_t> value_type;   ///< in an interface{}: the type of what it holds
    std::optional<uint64_t> value;        ///< in an interface{}: where that is
    std::optional<uint64_t> kind;         ///< in runtime._type: a reflect.Kind, and marks
  };
  /// runtime.ancestorInfo: who has made whom, kept with GODEBUG=tracebackancestors=N.
  struct Ancestor {
    std::optional<uint64_t> places;  ///< a slice of pcs
    std::optional<uint64_t> id, go_pc;
    uint64_t size = 0;
  };
  /// runtime.hchan and runtime.sudog: who waits at a channel.
  struct Channel {
    std::optional<uint64_t> receivers, senders;  ///< the first of each
    std::optional<uint64_t> waiter, next;        ///< in a runtime.sudog
  };
  struct Machine {  ///< runtime.m: a thread
    uint64_t end = 0;
    uint64_t thread_id = 0;                    ///< as the program itself numbers it
    uint64_t goroutine = 0;                    ///< curg: what it runs
    uint64_t system_stack = 0;                 ///< g0
    uint64_t next = 0;                         ///< alllink: the one that was made before it
    std::optional<uint64_t> vdso_pc, vdso_sp;  ///< who has called into the vdso
  };
  /// Of runtime/pprof.labelMap: how the labels of a goroutine are kept.
  enum class Labels : uint8_t {
    none,  ///< the program has no code that could set any
    list,  ///< a slice of pairs of strings (from Go 1.23 on)
    map    ///< a map with buckets
  };
  struct LabelBucket {
    uint64_t count = 0, shift = 0, buckets = 0, old_buckets = 0;   ///< in the map
    uint64_t marks = 0, keys = 0, values = 0, next = 0, size = 0;  ///< in a bucket
  };

  Goroutine goroutine;
  Panics panics;
  Ancestor ancestor;
  Channel channel;
  Machine machine;
  Labels labels = Labels::none;
  LabelBucket label_bucket;
};

/// The same, and where the runtime's variables lie.
struct RuntimeLayout : RuntimeFields {
  Addr all_pointer;                       ///< runtime.allgptr
  Addr all_count;                         ///< runtime.allglen
  Addr all_machines;                      ///< runtime.allm; 0 when not known
  std::vector<std::string> wait_reasons;  ///< by number
  /// The debug information says it all; else it was found by what it looks like in memory.
  bool is_described = false;
};

/// The names that are asked for by read_layout(): all of its `names` that are needed.
bool is_of_layout(sym::NameKind kind, std::string_view name);

/// Reads it for a module that holds a Go runtime: from its debug information, or where there is
/// none by read_stripped_layout(). Takes the module's lock; `memory` needs no stop: only constants
/// are relied on. @return unsupported with what is missing; bad_data.
Result<RuntimeLayout> read_layout(const sym::LoadedModule& loaded, const sym::ModuleNames& names,
                                  MemoryReader& memory);

}  // namespace clew::go
