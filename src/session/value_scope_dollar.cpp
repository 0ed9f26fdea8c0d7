// What begins with "$" in an expression: registers, values shown before, convenience variables.

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/printable.h"
#include "lang/arithmetic.h"
#include "session/register_view.h"
#include "session/signal_info.h"
#include "session/value_scope.h"
#include "value/place.h"

namespace clew {

using value::Type;
using value::Value;

Result<Value> ValueScope::register_value(const arch::RegisterInfo& info) {
  // The registers of a hit are all known without a frame.
  const auto frame = place_.registers ? nullptr : this->frame();
  if (!place_.thread && frame == nullptr) return fail(ErrorCode::not_stopped, place_.no_frame);
  const auto thread = place_.thread ? values_.thread(*place_.thread, place_.registers)
                                    : std::make_shared<const value::ThreadState>();
  const bool in_frame = frame != nullptr && info.block == arch::RegisterBlock::general;
  const bool is_outer = frame != nullptr && !frame->is_innermost();
  Result<std::vector<std::byte>> bytes = std::vector<std::byte>();
  if (in_frame && info.dwarf >= 0 && info.size <= 8) {
    bytes = frame->register_bytes(static_cast<unsigned>(info.dwarf), info.size);
    const auto& constant = thread->arch().frames.constant;
    // What no call changes is the same in every frame.
    if (!bytes && std::find(constant.begin(), constant.end(), info.dwarf) != constant.end())
      bytes = thread->read(info);
  } else if (is_outer) {
    bytes = fail(
        ErrorCode::unavailable,
        fmt::format("{} is not known in this frame: no frame further in has saved it", info.name));
  } else {
    bytes = frame != nullptr ? frame->thread().read(info) : thread->read(info);
  }
  const Type* const type =
      register_type(values_.types(), values_.session().inferior().arch(), info);
  if (!bytes) {
    if (bytes.error().code == ErrorCode::unavailable)
      return Value::absent(values_, type, bytes.error().text);
    return tl::unexpected(bytes.error());
  }
  bytes->resize(std::max<size_t>(bytes->size(), type->size().value_or(0)));
  value::Place::Piece piece;
  piece.bit_size = bytes->size() * 8;
  piece.where = "register " + std::string(info.name);
  piece.write = [&info, frame, thread, is_outer](Bytes changed) -> Status {
    if (is_outer) {
      return fail(ErrorCode::unsupported,
                  "only registers of the innermost frame can be changed: `frame 0` selects it");
    }
    const Bytes low = changed.first(std::min<size_t>(changed.size(), info.size));
    return frame != nullptr ? frame->thread().write(info, low) : thread->write(info, low);
  };
  return Value::at_place(values_, type, value::Place::in_pieces(std::move(*bytes), {piece}));
}

Result<Value> ValueScope::dollar(const std::string& name) {
  if (history_ != nullptr) {
    if (auto found = history_->find(name, values_)) return *found;
  }
  const arch::Arch& arch = values_.session().inferior().arch();
  if (const arch::RegisterInfo* const info = arch.find(name)) return register_value(*info);
  const lang::Arithmetic basic(values_, lang::Language::c);
  if (const auto part = find_register_part(arch, name)) {
    auto whole = register_value(*part->whole);
    if (!whole) return whole;
    return whole->part(part->offset, basic.signed_type(part->size));
  }
  if (name == "$_thread" || name == "$_gthread")
    return basic.number(basic.signed_type(4), place_.thread ? place_.thread->number : 0);
  if (name == "$_inferior") {
    return basic.number(basic.signed_type(4), place_.process);
  }
  if (name == "$_siginfo") {
    if (!place_.thread) return fail(ErrorCode::not_stopped, place_.no_frame);
    auto bytes = values_.session().inferior().signal_info(*place_.thread);
    if (!bytes) return tl::unexpected(bytes.error());
    return Value::of_bytes(values_, signal_info_type(values_.types()), std::move(*bytes));
  }
  if (name == "$_goroutine" || name == "$goid") {
    return basic.number(basic.signed_type(8), place_.goroutine ? place_.goroutine() : 0);
  }
  if (name == exit_code_name) return exit_code_value(values_, place_.exit_code);
  if (history_ != nullptr) {
    if (auto found = history_->variable(name)) return *found;
  }
  return Value(values_);
}

Status ValueScope::set_dollar(const std::string& name, const Value& value) {
  if (history_ != nullptr) return set_convenience_variable(*history_, name, value);
  return fail(ErrorCode::bad_request, fmt::format("{} cannot be set", printable(name)));
}

Status set_convenience_variable(ValueHistory& history, const std::string& name,
                                const Value& value) {
  const bool is_number = name.find_first_not_of("$0123456789") == name.npos;
  constexpr std::array<std::string_view, 7> fixed{
      "$_thread", "$_gthread", "$_inferior", "$_goroutine", "$goid", "$_siginfo", exit_code_name};
  const bool is_fixed = std::find(fixed.begin(), fixed.end(), name) != fixed.end();
  if (is_number || is_fixed)
    return fail(ErrorCode::bad_request, fmt::format("{} cannot be set", printable(name)));
  history.set_variable(name, value);
  return {};
}

Value exit_code_value(value::Target& target, const std::optional<int>& exit_code) {
  if (!exit_code) return Value(target);
  const lang::Arithmetic basic(target, lang::Language::c);
  return basic.number(basic.signed_type(4), static_cast<uint64_t>(*exit_code));
}

}  // namespace clew
