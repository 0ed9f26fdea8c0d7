#include "value/frame.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

namespace clew::value {
namespace {

/// The register of a DWARF number, and the widest one of which it is a part: xmm0's bytes are the
/// first of ymm0.
const arch::RegisterInfo* find_register(const arch::Arch& arch, unsigned dwarf, size_t size) {
  const arch::RegisterInfo* found = nullptr;
  for (const arch::RegisterInfo& info : arch.registers) {
    if (info.dwarf == static_cast<int>(dwarf)) found = &info;
  }
  if (found == nullptr || found->size >= size || !found->name.starts_with("xmm")) return found;
  const std::string wide = "ymm" + std::string(found->name.substr(3));
  const arch::RegisterInfo* const wider = arch.find(wide);
  return wider != nullptr && wider->size >= size ? wider : found;
}

}  // namespace

Result<std::vector<std::byte>> ThreadState::read(const arch::RegisterInfo& info) const {
  return fail(ErrorCode::unavailable, fmt::format("register {} is not known", info.name));
}

Status ThreadState::write(const arch::RegisterInfo& info, Bytes) const {
  return fail(ErrorCode::unsupported, fmt::format("register {} cannot be changed", info.name));
}

Result<uint64_t> ThreadState::thread_pointer() const {
  return fail(ErrorCode::unavailable, "where the thread's own storage is is not known");
}

std::shared_ptr<const Frame> Frame::make(std::shared_ptr<const stack::Stack> stack, size_t level,
                                         std::shared_ptr<const ThreadState> thread, Deeper deeper) {
  if (stack == nullptr || level >= stack->frames.size() ||
      stack->frames[level].physical >= stack->raw.frames.size()) {
    return nullptr;
  }
  auto frame = std::shared_ptr<Frame>(new Frame());
  frame->stack_ = std::move(stack);
  frame->level_ = level;
  frame->thread_ = std::move(thread);
  frame->deeper_ = std::move(deeper);
  return frame;
}

const sym::FunctionAt& Frame::physical_function() const {
  size_t i = level_;
  while (i + 1 < stack_->frames.size() && stack_->frames[i + 1].physical == shown().physical) ++i;
  return stack_->frames[i].function;
}

const sym::LoadedModule* Frame::module() const {
  return shown().module ? &*shown().module : nullptr;
}

std::string Frame::register_name(unsigned dwarf) const {
  const arch::RegisterInfo* const info = find_register(thread_->arch(), dwarf, 0);
  return info == nullptr ? fmt::format("register {}", dwarf) : std::string(info->name);
}

tl::unexpected<Error> Frame::not_saved(unsigned dwarf) const {
  // The frame just inside of this one: the last that users see of its physical frame.
  unsigned inner = 0;
  for (const stack::Frame& frame : stack_->frames) {
    if (frame.physical < shown().physical) inner = frame.level;
  }
  return fail(ErrorCode::unavailable,
              fmt::format("register {} was not saved by frame {}", register_name(dwarf), inner));
}

Result<uint64_t> Frame::register_word(unsigned dwarf) const {
  if (const auto word = raw().registers.word(dwarf)) return *word;
  const arch::RegisterInfo* const info = find_register(thread_->arch(), dwarf, 0);
  if (info == nullptr)
    return fail(ErrorCode::unsupported, fmt::format("there is no register {}", dwarf));
  if (!is_innermost()) return not_saved(dwarf);
  const auto bytes = thread_->read(*info);
  if (!bytes) return tl::unexpected(bytes.error());
  uint64_t word = 0;
  std::memcpy(&word, bytes->data(), std::min(bytes->size(), sizeof word));
  return word;
}

Result<std::vector<std::byte>> Frame::register_bytes(unsigned dwarf, size_t size) const {
  if (const auto word = raw().registers.word(dwarf); word && size <= sizeof *word) {
    const Bytes bytes = bytes_of(*word);
    return std::vector<std::byte>(bytes.begin(), bytes.begin() + static_cast<ptrdiff_t>(size));
  }
  const arch::RegisterInfo* const info = find_register(thread_->arch(), dwarf, size);
  if (info == nullptr || info->size < size) {
    return fail(ErrorCode::unsupported,
                fmt::format("{} has no {} bytes", register_name(dwarf), size));
  }
  if (!is_innermost()) return not_saved(dwarf);
  auto bytes = thread_->read(*info);
  if (bytes) bytes->resize(size);
  return bytes;
}

Status Frame::write_register(unsigned dwarf, Bytes bytes) const {
  const arch::RegisterInfo* const info = find_register(thread_->arch(), dwarf, bytes.size());
  if (info == nullptr || info->size < bytes.size())
    return fail(ErrorCode::unsupported, fmt::format("there is no register {}", dwarf));
  if (!is_innermost()) {
    return fail(ErrorCode::unsupported,
                fmt::format("it was in register {} when frame {} made its call, and cannot be "
                            "changed there: select frame 0",
                            info->name, level()));
  }
  auto whole = thread_->read(*info);
  if (!whole) return tl::unexpected(whole.error());
  std::copy(bytes.begin(), bytes.end(), whole->begin());
  return thread_->write(*info, *whole);
}

Result<uint64_t> Frame::cfa() const {
  if (raw().cfa.value == 0)
    return fail(ErrorCode::unavailable, "where the frame begins is not known");
  return raw().cfa.value;
}

std::shared_ptr<const Frame> Frame::caller() const {
  for (size_t i = level_; i < stack_->frames.size(); ++i) {
    if (stack_->frames[i].physical == shown().physical + 1) return make(stack_, i, thread_);
  }
  if (!deeper_ || stack_->raw.end != stack::StackEnd::depth_limit) return nullptr;
  const auto whole = make(deeper_(), level_, thread_);
  return whole == nullptr ? nullptr : whole->caller();
}

}  // namespace clew::value
