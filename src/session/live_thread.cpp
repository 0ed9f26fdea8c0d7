#include "session/live_thread.h"

#include "session/register_access.h"

namespace clew {

Result<std::vector<std::byte>> LiveThread::read(const arch::RegisterInfo& info) const {
  if (registers_ && info.block == arch::RegisterBlock::general) {
    const Bytes bytes =
        Bytes(std::as_bytes(std::span(registers_->bytes))).subspan(info.offset, info.size);
    return std::vector<std::byte>(bytes.begin(), bytes.end());
  }
  auto value = read_register(inferior_, id_, info);
  if (!value) return tl::unexpected(value.error());
  return std::move(value->bytes);
}

Status LiveThread::write(const arch::RegisterInfo& info, Bytes bytes) const {
  if (registers_) {
    return fail(ErrorCode::unsupported,
                "registers cannot be changed while others run past the breakpoint");
  }
  auto done = write_register(inferior_, id_, info, bytes);
  if (done) changed_();
  return done;
}

Result<uint64_t> LiveThread::thread_pointer() const {
  if (registers_) return registers_->word(arch().thread_pointer);
  const auto registers = inferior_.general(id_);
  if (!registers) return tl::unexpected(registers.error());
  return (*registers)->word(arch().thread_pointer);
}

}  // namespace clew
