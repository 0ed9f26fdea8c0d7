#include "session/function_call.h"

#include <dwarf.h>
#include <elf.h>
#include <fmt/format.h>

#include <algorithm>

#include "base/printable.h"
#include "os/signal_names.h"
#include "session/register_access.h"
#include "value/calling_convention.h"
#include "value/dwarf_read.h"
#include "value/type_text.h"

namespace clew {
namespace {

using lang::CallArgument;
using value::RegisterClass;
using value::Type;
using value::TypeKind;
using value::Value;

constexpr uint64_t stack_alignment = 16;
constexpr size_t most_integers = 6, most_vectors = 8;
/// What one call may put onto the stack.
constexpr uint64_t most_passed = 64 << 10;

uint64_t aligned_up(uint64_t n, uint64_t to) { return (n + to - 1) & ~(to - 1); }

/// Puts arguments where the System V ABI of x86-64 wants them (AMD64 supplement, 3.2.3).
class ArgumentPlacer {
 public:
  explicit ArgumentPlacer(FunctionCall& call) : call_(call) {}

  /// Bytes that lie in memory during the call. @return where, from the data's beginning on.
  uint64_t place(Bytes bytes) {
    const uint64_t at = aligned_up(call_.data.size(), stack_alignment);
    call_.data.resize(at);
    call_.data.insert(call_.data.end(), bytes.begin(), bytes.end());
    return at;
  }

  void add_integer(uint64_t number) {
    if (call_.integers.size() < most_integers) {
      call_.integers.push_back(number);
    } else {
      add_to_stack(bytes_of(number), word_size);
    }
  }

  void add(Bytes bytes, const value::Passing& passing, uint64_t alignment) {
    const unsigned integers = passing.count(RegisterClass::integer);
    const unsigned vectors = passing.count(RegisterClass::sse);
    const bool is_x87 = passing.classes[0] == RegisterClass::x87 ||
                        passing.classes[0] == RegisterClass::complex_x87;
    if (passing.in_memory() || is_x87 || call_.integers.size() + integers > most_integers ||
        call_.vectors.size() + vectors > most_vectors) {
      add_to_stack(bytes, alignment);
      return;
    }
    for (size_t i = 0; i < passing.classes.size(); ++i) {
      const Bytes part = bytes.subspan(std::min(bytes.size(), i * word_size));
      if (passing.classes[i] == RegisterClass::integer) {
        uint64_t number = 0;
        std::copy_n(part.begin(), std::min<size_t>(part.size(), word_size),
                    bytes_of(number).begin());
        call_.integers.push_back(number);
      } else if (passing.classes[i] == RegisterClass::sse) {
        const bool is_whole = i == 0 && passing.classes[1] == RegisterClass::sse_up;
        auto& vector = call_.vectors.emplace_back();
        std::copy_n(part.begin(), std::min<size_t>(part.size(), is_whole ? 16 : word_size),
                    vector.begin());
      }
    }
  }

 private:
  void add_to_stack(Bytes bytes, uint64_t alignment) {
    call_.stack.resize(aligned_up(call_.stack.size(), std::max(alignment, word_size)));
    call_.stack.insert(call_.stack.end(), bytes.begin(), bytes.end());
    call_.stack.resize(aligned_up(call_.stack.size(), word_size));
  }

  FunctionCall& call_;
};

uint64_t alignment_of(const Type* type) {
  // Of what is passed on the stack only these have more than a word's.
  const Type* const plain = type->stripped();
  const bool is_wide = plain->is_scalar() || plain->is_vector();
  return is_wide && plain->size().value_or(0) >= stack_alignment ? stack_alignment : word_size;
}

/// Rust's own functions pass numbers, pointers and fat pointers as C does; how they pass the rest
/// is written nowhere.
bool is_simple_in_rust(const Type* type) {
  const Type* const plain = type->stripped();
  if (plain->size() == 0U || plain->kind() == TypeKind::nothing) return true;
  if (plain->is_scalar()) return plain->size().value_or(0) <= word_size;
  return plain->kind() == TypeKind::structure && !plain->find_member("data_ptr").empty() &&
         plain->members().size() == 2;
}

/// What compilers have done to a function so that it is called in another way.
Status check_convention(const Value& function, const std::string& symbol) {
  for (const std::string_view part : {".isra.", ".constprop.", ".part.", ".cold"}) {
    if (symbol.find(part) == symbol.npos) continue;
    return fail(ErrorCode::unsupported,
                fmt::format("the compiler has changed how {} is called", printable(symbol)));
  }
  const Type* const type = function.type()->stripped();
  if (type->module() == nullptr) return {};
  const auto lock = type->module()->lock();
  if (value::constant_attribute(type->die(), DW_AT_calling_convention) == DW_CC_nocall) {
    return fail(ErrorCode::unsupported,
                "the compiler has changed how this function is called (DW_CC_nocall)");
  }
  return {};
}

Status check_language(const Type* function, const Type* result) {
  constexpr int go = DW_LANG_Go;
  if (function->language() == go)
    return fail(ErrorCode::unsupported, "functions of Go are not called: they need its scheduler");
  if (!value::is_rust(function->language())) return {};
  const auto parameters = function->parameters();
  const bool simple = is_simple_in_rust(result) &&
                      std::all_of(parameters.begin(), parameters.end(), [](const auto& parameter) {
                        return is_simple_in_rust(parameter.type);
                      });
  if (simple) return {};
  return fail(ErrorCode::unsupported,
              "how Rust passes structures is written nowhere: only functions with numbers, "
              "pointers and slices are called");
}

}  // namespace

bool is_chooser(const sym::LoadedModule& loaded, Addr function) {
  const uint64_t at = loaded.to_file(function);
  const auto& symbols = loaded.module->symbols().by_address();
  return std::any_of(symbols.begin(), symbols.end(), [&](const sym::Symbol& symbol) {
    return symbol.address == at && symbol.type == STT_GNU_IFUNC;
  });
}

std::string FunctionCaller::describe(Addr code) {
  const NamedPlace& place = values_.symbols().place(code);
  const std::string text = place.description(0);
  return text.empty() ? fmt::format("{:#x}", code.value) : text;
}

Result<Value> FunctionCaller::call(const Value& function, const Type* result,
                                   std::span<const CallArgument> arguments) {
  Inferior& inferior = values_.session().inferior();
  const arch::Arch& arch = inferior.arch();
  const auto at = function.address();
  if (!at) return fail(ErrorCode::bad_request, "this function has no address");
  if (auto known = check_language(function.type()->stripped(), result); !known)
    return tl::unexpected(known.error());
  const auto named = values_.name_of(*at);
  if (auto callable = check_convention(function, named ? named->name : ""); !callable)
    return tl::unexpected(callable.error());
  const auto target = resolved(*at);
  if (!target) return tl::unexpected(target.error());

  const auto registers = inferior.general(thread_);
  if (!registers) return tl::unexpected(registers.error());
  FunctionCall call;
  call.function = *target;
  ArgumentPlacer placer(call);
  // How much room is needed is known only when all are there: first all that lies in memory.
  std::vector<uint64_t> placed_at(arguments.size());
  const bool has_result = result->stripped()->kind() != TypeKind::nothing;
  value::Passing result_passing;
  if (has_result) {
    const auto known = value::passing_of(result);
    if (!known) return tl::unexpected(known.error());
    result_passing = *known;
  }
  uint64_t result_at = 0;
  if (result_passing.in_memory())
    result_at = placer.place(std::vector<std::byte>(result->size().value_or(0)));
  for (size_t i = 0; i < arguments.size(); ++i) {
    if (!arguments[i].is_placed) continue;
    const auto bytes = arguments[i].value.bytes();
    if (!bytes) return tl::unexpected(bytes.error());
    placed_at[i] = placer.place(*bytes);
  }
  if (call.data.size() > most_passed)
    return fail(ErrorCode::bad_request, "so many bytes are not put onto the stack");
  const uint64_t below = arch.sp_of(**registers) - arch.frames.red_zone;
  call.data_at = Addr{(below - call.data.size()) & ~(stack_alignment - 1)};

  if (result_passing.in_memory()) placer.add_integer(call.data_at.value + result_at);
  for (size_t i = 0; i < arguments.size(); ++i) {
    const CallArgument& argument = arguments[i];
    if (argument.is_placed) {
      placer.add_integer(call.data_at.value + placed_at[i]);
      if (argument.length) placer.add_integer(*argument.length);
      continue;
    }
    const Type* const type = argument.value.type();
    const auto passing = value::passing_of(type);
    if (!passing) return tl::unexpected(passing.error());
    if (passing->by_reference) {
      return fail(ErrorCode::unsupported,
                  fmt::format("argument {} is a {}, which only its own constructor copies: call "
                              "something that takes it by reference",
                              i + 1, value::type_text(type)));
    }
    auto bytes = argument.value.bytes();
    if (!bytes) return tl::unexpected(bytes.error());
    // Small numbers are widened as their type says: callees of clang's count on it.
    if (type->is_integral() && bytes->size() < word_size) {
      const auto number = argument.value.as_unsigned();
      if (!number) return tl::unexpected(number.error());
      placer.add_integer(*number);
    } else {
      placer.add(*bytes, *passing, alignment_of(type));
    }
  }
  if (call.stack.size() > most_passed)
    return fail(ErrorCode::bad_request, "so many bytes are not put onto the stack");
  call.stack.resize(aligned_up(call.stack.size(), stack_alignment));

  const auto end = run(call);
  if (!end) return tl::unexpected(end.error());
  if (end->kind != CallEnd::Kind::returned) return tl::unexpected(explain(*end, *at));
  if (!has_result) return Value(values_);
  const auto read = [&](std::string_view name) -> Result<std::vector<std::byte>> {
    const arch::RegisterInfo* const info = arch.find(name);
    if (info == nullptr) return fail(ErrorCode::internal, "a register is not known");
    auto value = register_of(end->registers, end->extended, *info);
    if (!value) return tl::unexpected(value.error());
    return std::move(value->bytes);
  };
  const auto returned = value::returned_value(values_, result, read);
  if (!returned) return tl::unexpected(returned.error());
  return returned->value_or(Value(values_)).fetched(most_passed);
}

Result<CallEnd> FunctionCaller::run(const FunctionCall& call) {
  auto end = values_.session().call(thread_, call, limit_);
  values_.begin();
  return end;
}

/// What is called when the name of a chooser is.
Result<Addr> FunctionCaller::resolved(Addr function) {
  const sym::LoadedModule* const loaded = values_.symbols().module_of(function);
  if (loaded == nullptr) return function;
  if (!is_chooser(*loaded, function)) return function;
  const auto registers = values_.session().inferior().general(thread_);
  if (!registers) return tl::unexpected(registers.error());
  const arch::Arch& arch = values_.session().inferior().arch();
  FunctionCall call;
  call.function = function;
  call.data_at = Addr{(arch.sp_of(**registers) - arch.frames.red_zone) & ~(stack_alignment - 1)};
  const auto end = run(call);
  if (!end) return tl::unexpected(end.error());
  if (end->kind != CallEnd::Kind::returned) return tl::unexpected(explain(*end, function));
  return Addr{end->registers.word(arch.syscall_result)};
}

Error FunctionCaller::explain(const CallEnd& end, Addr function) {
  const arch::Arch& arch = values_.session().inferior().arch();
  const std::string name = describe(function);
  const std::string where = describe({arch.pc_of(end.registers)});
  const std::string undone = fmt::format(
      "thread {} is as it was before, and what the function has changed in memory or locked stays",
      thread_.number);
  using Kind = CallEnd::Kind;
  if (end.is_abandoned) {
    return {
        ErrorCode::timeout,
        fmt::format("the call of {} cannot be ended: thread {} is in uninterruptible sleep. When "
                    "the function returns, the thread goes on where it was before",
                    name, thread_.number)};
  }
  switch (end.kind) {
    case Kind::signalled:
      return {ErrorCode::unavailable, fmt::format("the call of {} was ended by {} at {}: {}", name,
                                                  os::signal_name(end.signal), where, undone)};
    case Kind::stopped: {
      std::string why = values_.session().take_call_stop();
      if (why.empty()) why = "a stop";
      return {ErrorCode::unavailable,
              fmt::format("the call of {} was ended by {} at {}: {}", name, why, where, undone)};
    }
    case Kind::timed_out:
      return {
          ErrorCode::timeout,
          fmt::format("the call of {} has not returned in {} ms (`set call-timeout`) and was at "
                      "{}: {}",
                      name, std::chrono::duration_cast<std::chrono::milliseconds>(limit_).count(),
                      where, undone)};
    case Kind::cancelled:
      return {ErrorCode::cancelled,
              fmt::format("the call of {} was interrupted at {}: {}", name, where, undone)};
    case Kind::returned:
    case Kind::gone:
      break;
  }
  return {ErrorCode::gone,
          fmt::format("the call of {} has not returned: thread {} has exited, or executed another "
                      "program",
                      name, thread_.number)};
}

}  // namespace clew
