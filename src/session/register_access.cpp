#include "session/register_access.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cstring>

#include "base/printable.h"

namespace clew {
namespace {

/// A register that is kept in two places is one half here and one half there.
size_t low_size(const arch::RegisterInfo& info) {
  return info.high_offset == 0 ? info.size : info.size / 2U;
}

/// XSTATE_BV of the XSAVE header (Intel SDM volume 1, 13.4.2): which components hold anything but
/// their initial value.
constexpr size_t xsave_header = 512;

bool is_component_there(const arch::RegisterInfo& info, Bytes state) {
  const size_t end =
      std::max<size_t>(info.offset + low_size(info),
                       info.high_offset == 0 ? 0U : info.high_offset + info.size - low_size(info));
  return end <= state.size();
}

void mark_component_used(const arch::RegisterInfo& info, MutableBytes state) {
  if (state.size() < xsave_header + 8) return;
  uint64_t used = 0;
  std::memcpy(&used, state.data() + xsave_header, sizeof used);
  used |= info.component >= 0 ? uint64_t{1} << info.component : 0;
  // x87 is component 0, SSE is 1; a write to either must not be taken for the initial state.
  used |= 3;
  std::memcpy(state.data() + xsave_header, &used, sizeof used);
}

Result<std::vector<std::byte>> parse_wide(std::string_view text, size_t size) {
  while (!text.empty() && std::isspace(static_cast<unsigned char>(text.front())) != 0)
    text.remove_prefix(1);
  while (!text.empty() && std::isspace(static_cast<unsigned char>(text.back())) != 0)
    text.remove_suffix(1);
  const std::string_view digits = text.starts_with("0x") ? text.substr(2) : text;
  const bool all_digits = !digits.empty() && std::all_of(digits.begin(), digits.end(), [](char c) {
    return std::isxdigit(static_cast<unsigned char>(c)) != 0;
  });
  if (!text.starts_with("0x") || !all_digits || digits.size() > 2 * size) {
    return fail(
        ErrorCode::bad_request,
        fmt::format("\"{}\" is no value for a register of {} bytes: give 0x and up to {} digits",
                    printable(text), size, 2 * size));
  }
  std::vector<std::byte> bytes(size);
  for (size_t i = 0; i < digits.size(); ++i) {
    const char digit = digits[digits.size() - 1 - i];
    const int value = std::isdigit(static_cast<unsigned char>(digit)) != 0
                          ? digit - '0'
                          : std::tolower(digit) - 'a' + 10;
    bytes[i / 2] |= static_cast<std::byte>(value << (i % 2 == 0 ? 0 : 4));
  }
  return bytes;
}

}  // namespace

uint64_t RegisterValue::word() const {
  uint64_t value = 0;
  std::memcpy(&value, bytes.data(), std::min(bytes.size(), sizeof value));
  return value;
}

Result<RegisterValue> read_register(Inferior& inferior, ThreadId id, std::string_view name) {
  const arch::RegisterInfo* info = inferior.arch().find(name);
  if (info == nullptr) {
    return fail(
        ErrorCode::bad_request,
        fmt::format("there is no register \"{}\": `regs -a` shows them all", printable(name)));
  }
  return read_register(inferior, id, *info);
}

Result<RegisterValue> read_register(Inferior& inferior, ThreadId id,
                                    const arch::RegisterInfo& info) {
  switch (info.block) {
    case arch::RegisterBlock::general: {
      const auto registers = inferior.general(id);
      if (!registers) return tl::unexpected(registers.error());
      return register_of(**registers, {}, info);
    }
    case arch::RegisterBlock::debug: {
      const auto word = inferior.debug(id, info.offset / 8U);
      if (!word) return tl::unexpected(word.error());
      RegisterValue value{&info, std::vector<std::byte>(info.size)};
      std::memcpy(value.bytes.data(), &*word, sizeof *word);
      return value;
    }
    case arch::RegisterBlock::extended:
      break;
  }
  const auto state = inferior.extended(id);
  if (!state) return tl::unexpected(state.error());
  return register_of({}, *state, info);
}

Result<RegisterValue> register_of(const arch::GeneralRegisters& general, Bytes extended,
                                  const arch::RegisterInfo& info) {
  RegisterValue value{&info, std::vector<std::byte>(info.size)};
  if (info.block == arch::RegisterBlock::general) {
    std::memcpy(value.bytes.data(), general.bytes.data() + info.offset, info.size);
    return value;
  }
  if (info.block == arch::RegisterBlock::debug || !is_component_there(info, extended)) {
    return fail(ErrorCode::unavailable,
                fmt::format("the kernel does not keep {} for this thread", info.name));
  }
  const size_t low = low_size(info);
  std::memcpy(value.bytes.data(), extended.data() + info.offset, low);
  if (low < info.size)
    std::memcpy(value.bytes.data() + low, extended.data() + info.high_offset, info.size - low);
  return value;
}

Result<RegisterValue> read_register(Inferior& inferior, ThreadId id, const stack::RawFrame* frame,
                                    const arch::RegisterInfo& info) {
  if (frame == nullptr) return read_register(inferior, id, info);
  const auto& constant = inferior.arch().frames.constant;
  if (info.block == arch::RegisterBlock::general && info.dwarf >= 0 &&
      std::find(constant.begin(), constant.end(), info.dwarf) != constant.end()) {
    return read_register(inferior, id, info);
  }
  const auto word = info.block == arch::RegisterBlock::general && info.dwarf >= 0
                        ? frame->registers.word(static_cast<unsigned>(info.dwarf))
                        : std::nullopt;
  if (!word) {
    return fail(
        ErrorCode::unavailable,
        fmt::format("{} is not known in this frame: no frame further in has saved it", info.name));
  }
  RegisterValue value;
  value.info = &info;
  const Bytes bytes = bytes_of(*word);
  value.bytes.assign(bytes.begin(), bytes.begin() + info.size);
  return value;
}

Status write_register(Inferior& inferior, ThreadId id, const arch::RegisterInfo& info,
                      Bytes bytes) {
  RunControl* control = inferior.run_control();
  if (control == nullptr)
    return fail(ErrorCode::unsupported, "registers of a core file cannot be changed");
  switch (info.block) {
    case arch::RegisterBlock::general: {
      const auto registers = inferior.general(id);
      if (!registers) return tl::unexpected(registers.error());
      arch::GeneralRegisters changed = **registers;
      std::memcpy(changed.bytes.data() + info.offset, bytes.data(), info.size);
      return control->write_general(id, changed);
    }
    case arch::RegisterBlock::debug: {
      uint64_t word = 0;
      std::memcpy(&word, bytes.data(), sizeof word);
      return control->write_debug(id, info.offset / 8U, word);
    }
    case arch::RegisterBlock::extended:
      break;
  }
  auto state = inferior.extended(id);
  if (!state) return tl::unexpected(state.error());
  if (!is_component_there(info, *state)) {
    return fail(ErrorCode::unavailable,
                fmt::format("the kernel does not keep {} for this thread", info.name));
  }
  const size_t low = low_size(info);
  std::memcpy(state->data() + info.offset, bytes.data(), low);
  if (low < info.size)
    std::memcpy(state->data() + info.high_offset, bytes.data() + low, info.size - low);
  mark_component_used(info, *state);
  return control->write_extended(id, *state);
}

Status assign_wide_register(Inferior& inferior, ThreadId id, const arch::RegisterInfo& info,
                            std::string_view value) {
  const auto wide = parse_wide(value, info.size);
  if (!wide) return tl::unexpected(wide.error());
  return write_register(inferior, id, info, *wide);
}

}  // namespace clew
