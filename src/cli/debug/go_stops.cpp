#include "cli/debug/go_stops.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "base/printable.h"
#include "lang/go/code_facts.h"

namespace clew::cli {
namespace {

constexpr size_t longest_text = 4096;
/// Panics while panicking are rare, and a broken list must end.
constexpr int most_panics = 16;

/// Values of the language itself, as printpanicval() in the runtime prints them (reflect.Kind).
enum class Kind : uint8_t {
  boolean = 1,
  integer = 2,
  integer8,
  integer16,
  integer32,
  integer64,
  natural,
  natural8,
  natural16,
  natural32,
  natural64,
  pointer_number,
  float32,
  float64,
  string = 24
};
constexpr uint8_t kind_mask = 31;

/// Where the runtime's functions get their arguments (Go's ABIInternal on amd64).
constexpr std::string_view first_argument = "rax", second_argument = "rbx";

uint64_t register_of(const arch::Arch& arch, const arch::GeneralRegisters& registers,
                     std::string_view name) {
  const arch::RegisterInfo* const info = arch.find(name);
  return info == nullptr ? 0 : registers.word(info->offset);
}

std::string read_text(MemoryReader& memory, uint64_t address, uint64_t length) {
  std::string text(std::min<uint64_t>(length, longest_text), '\0');
  if (!memory.read_exactly({address}, std::as_writable_bytes(std::span(text)))) return "<?>";
  return length > longest_text ? text + "…" : text;
}

template <typename T>
std::string number_at(MemoryReader& memory, uint64_t address) {
  const auto number = memory.read<T>({address});
  return number ? fmt::format("{}", *number) : "<?>";
}

class PanicText {
 public:
  PanicText(MemoryReader& memory, const go::RuntimeLayout::Panics& at) : memory_(memory), at_(at) {}

  /// Of a runtime._panic and those that it came in the middle of, the first one first.
  std::string of(uint64_t panic) const;
  std::string value_of(uint64_t panic) const;

 private:
  std::string text_of(Kind kind, uint64_t data) const;

  MemoryReader& memory_;
  const go::RuntimeLayout::Panics& at_;
};

std::string PanicText::of(uint64_t panic) const {
  std::vector<std::string> all;
  for (int i = 0; i < most_panics && panic != 0; ++i) {
    all.push_back(value_of(panic));
    panic = at_.earlier ? memory_.read<uint64_t>({panic + *at_.earlier}).value_or(0) : 0;
  }
  std::string text;
  for (size_t i = all.size(); i-- > 0;) text += (text.empty() ? "" : ", then ") + all[i];
  return text;
}

std::string PanicText::value_of(uint64_t panic) const {
  if (!at_.argument || !at_.value_type || !at_.value || !at_.kind) return "a value";
  const uint64_t argument = panic + *at_.argument;
  const auto type = memory_.read<uint64_t>({argument + *at_.value_type});
  const auto data = memory_.read<uint64_t>({argument + *at_.value});
  if (!type || !data) return "<?>";
  if (*type == 0) return "nil";
  const auto kind = memory_.read<uint8_t>({*type + *at_.kind});
  return kind ? text_of(static_cast<Kind>(*kind & kind_mask), *data) : "<?>";
}

std::string PanicText::text_of(Kind kind, uint64_t data) const {
  switch (kind) {
    case Kind::string: {
      const auto words = memory_.read<std::array<uint64_t, 2>>({data});
      return words ? read_text(memory_, (*words)[0], (*words)[1]) : "<?>";
    }
    case Kind::boolean: {
      const auto truth = memory_.read<uint8_t>({data});
      return !truth ? "<?>" : *truth != 0 ? "true" : "false";
    }
    case Kind::integer8:
      return number_at<int8_t>(memory_, data);
    case Kind::integer16:
      return number_at<int16_t>(memory_, data);
    case Kind::integer32:
      return number_at<int32_t>(memory_, data);
    case Kind::integer:
    case Kind::integer64:
      return number_at<int64_t>(memory_, data);
    case Kind::natural8:
      return number_at<uint8_t>(memory_, data);
    case Kind::natural16:
      return number_at<uint16_t>(memory_, data);
    case Kind::natural32:
      return number_at<uint32_t>(memory_, data);
    case Kind::natural:
    case Kind::natural64:
    case Kind::pointer_number:
      return number_at<uint64_t>(memory_, data);
    case Kind::float32:
      return number_at<float>(memory_, data);
    case Kind::float64:
      return number_at<double>(memory_, data);
  }
  return "a value that is neither text nor a number";
}

}  // namespace

void disarm_go_stops(Debugger& debugger) {
  GoStops& stops = debugger.now().go_stops;
  const auto session = debugger.session();
  if (session && stops.memory == (*session)->breakpoints().memory_number()) {
    for (const unsigned trap : stops.traps) (*session)->breakpoints().clear_internal(trap);
  }
  stops.traps.clear();
}

std::string panic_value_text(MemoryReader& memory, const go::RuntimeLayout::Panics& layout,
                             Addr record) {
  return PanicText(memory, layout).value_of(record.value);
}

void arm_go_stops(Debugger& debugger) {
  GoStops& stops = debugger.now().go_stops;
  const auto session = debugger.session();
  if (!session || !(*session)->is_holding() || !debugger.stops_on_panic) return;
  Breakpoints& breakpoints = (*session)->breakpoints();
  if (!stops.traps.empty() && stops.memory == breakpoints.memory_number()) return;
  stops.traps.clear();
  stops.memory = breakpoints.memory_number();
  const auto runtime = debugger.goroutines().runtime();
  if (!runtime) return;
  Inferior& inferior = (*session)->inferior();
  const auto stop = [&debugger, &breakpoints](const TrapHit& hit, std::string detail) {
    const auto runs = debugger.goroutines().running(hit.registers);
    breakpoints.add_stop({0, hit.thread, hit.address, false, StopPolicy::all, "panic",
                          std::move(detail), runs ? std::optional(runs->id) : std::nullopt});
    return HitVerdict::hold_all;
  };
  const auto set = [&](Addr address, HitHandler handler) {
    if (const auto trap = breakpoints.set_internal(address, std::move(handler)))
      stops.traps.push_back(*trap);
  };
  if (const auto& address = (*runtime)->code.fatal_panic) {
    set(*address, [stop, &inferior, panics = (*runtime)->layout.panics](const TrapHit& hit) {
      const uint64_t panic = register_of(inferior.arch(), hit.registers, first_argument);
      return stop(hit, "unrecovered panic: " + PanicText(inferior, panics).of(panic));
    });
  }
  for (const Addr address : (*runtime)->code.fatal_errors) {
    set(address, [stop, &inferior](const TrapHit& hit) {
      const arch::Arch& arch = inferior.arch();
      return stop(hit, "fatal error: " +
                           read_text(inferior, register_of(arch, hit.registers, first_argument),
                                     register_of(arch, hit.registers, second_argument)));
    });
  }
}

unsigned first_shown_frame(Debugger& debugger) {
  const auto session = debugger.session();
  const auto thread = session ? (*session)->selected() : tl::unexpected(session.error());
  const auto stack = thread ? debugger.stacks().stack(*thread) : tl::unexpected(thread.error());
  if (!stack) return 0;
  const auto& frames = (*stack)->frames;
  for (size_t i = 0; i < frames.size(); ++i) {
    if (go::is_user_function(frames[i].function.name)) return static_cast<unsigned>(i);
  }
  return 0;
}

}  // namespace clew::cli
