#include "stack/frame_guess.h"

#include <algorithm>
#include <array>

namespace clew::stack {
namespace {

/// How far up the stack a return address is looked for.
constexpr size_t scanned_words = 512;
/// A frame larger than this is taken for a frame pointer that is none.
constexpr uint64_t largest_frame = 16 << 20;
/// Stubs of a procedure linkage table have no symbols; this is the size of one.
constexpr uint64_t stub_size = 16;

enum class Trust : uint8_t { none, plausible, sure };

class Guesser {
 public:
  Guesser(const RawFrame& frame, const CodeView& code, const arch::Arch& arch, MemoryReader& memory)
      : frame_(frame), code_(code), facts_(arch.frames), memory_(memory) {
    entry_ = code.entry_of(frame.lookup.value);
    is_elsewhere_ = !code.is_code(frame.pc.value);
  }

  std::optional<RawFrame> guess();

 private:
  struct Candidate {
    Trust trust = Trust::none;
    uint64_t slot = 0;  ///< where the return address is
    uint64_t return_address = 0;
  };

  Candidate by_frame_pointer();
  Candidate by_scan();
  bool is_signal_return(uint64_t address);
  Trust trust_in(uint64_t return_address);
  RawFrame caller(const Candidate& candidate, FrameOrigin origin);

  const RawFrame& frame_;
  const CodeView& code_;
  const arch::FrameFacts& facts_;
  MemoryReader& memory_;
  std::optional<uint64_t> entry_;
  bool is_elsewhere_ = false;  ///< the frame's pc is no address of code
};

/// The code that the kernel has a handler return to. Nobody calls it.
bool Guesser::is_signal_return(uint64_t address) {
  if (!code_.is_code(address)) return false;
  std::vector<std::byte> storage;
  return facts_.is_signal_return(code_.bytes(address, facts_.signal_return_size, memory_, storage));
}

/// Whether something stands behind a call, and behind one of this very function.
Trust Guesser::trust_in(uint64_t return_address) {
  if (is_signal_return(return_address)) return Trust::plausible;
  if (!code_.is_code(return_address) || !code_.is_code(return_address - facts_.longest_call))
    return Trust::none;
  std::vector<std::byte> storage;
  const Bytes before =
      code_.bytes(return_address - facts_.longest_call, facts_.longest_call, memory_, storage);
  if (before.size() < facts_.longest_call) return Trust::none;
  const auto call = facts_.call_before(before, return_address);
  if (!call) return Trust::none;
  if (!call->target) return Trust::plausible;
  const uint64_t pc = frame_.lookup.value;
  const bool is_ours =
      entry_ ? *call->target == *entry_ : *call->target <= pc && pc - *call->target < stub_size;
  return is_ours ? Trust::sure : Trust::plausible;
}

Guesser::Candidate Guesser::by_frame_pointer() {
  const auto pointer = frame_.registers.word(facts_.frame_pointer);
  const auto sp = frame_.registers.word(facts_.stack_pointer);
  if (!pointer || !sp || *pointer % word_size != 0 || *pointer < *sp ||
      *pointer - *sp > largest_frame) {
    return {};
  }
  const auto return_address = memory_.read<uint64_t>({*pointer + word_size});
  if (!return_address) return {};
  // A frame pointer that leads to a handler's way back is one.
  const Trust trust = is_signal_return(*return_address) ? Trust::sure : trust_in(*return_address);
  return {trust, *pointer + word_size, *return_address};
}

Guesser::Candidate Guesser::by_scan() {
  const auto sp = frame_.registers.word(facts_.stack_pointer);
  if (!sp) return {};
  const uint64_t start = (*sp + word_size - 1) & ~(word_size - 1);
  std::array<uint64_t, scanned_words> words{};
  const auto size = memory_.read_memory({start}, std::as_writable_bytes(std::span(words)));
  // Nothing is known of code that is not there, but how it was got into: by a call just now.
  const size_t count = is_elsewhere_ ? 1 : words.size();
  Candidate best;
  for (size_t i = 0; i < std::min(count, size ? *size / word_size : 0); ++i) {
    const Trust trust = trust_in(words[i]);
    if (trust > best.trust) best = {trust, start + i * word_size, words[i]};
    if (trust == Trust::sure) break;
  }
  return best;
}

RawFrame Guesser::caller(const Candidate& candidate, FrameOrigin origin) {
  RawFrame made;
  made.origin = origin;
  made.pc = {candidate.return_address};
  made.lookup = {candidate.return_address - 1};
  made.registers.set(facts_.return_address, candidate.return_address);
  made.registers.set(facts_.stack_pointer, candidate.slot + word_size);
  auto frame_pointer = frame_.registers.word(facts_.frame_pointer);
  if (origin == FrameOrigin::frame_pointer) {
    const auto saved = memory_.read<uint64_t>({candidate.slot - word_size});
    frame_pointer = saved ? std::optional(*saved) : std::nullopt;
  }
  if (frame_pointer) made.registers.set(facts_.frame_pointer, *frame_pointer);
  return made;
}

std::optional<RawFrame> Guesser::guess() {
  // Code that is not there has not set up a frame: the frame pointer is its caller's.
  const Candidate linked = is_elsewhere_ ? Candidate{} : by_frame_pointer();
  if (linked.trust == Trust::sure) return caller(linked, FrameOrigin::frame_pointer);
  const Candidate scanned = by_scan();
  if (scanned.trust == Trust::sure) return caller(scanned, FrameOrigin::scan);
  if (linked.trust == Trust::plausible) return caller(linked, FrameOrigin::frame_pointer);
  if (scanned.trust == Trust::plausible) return caller(scanned, FrameOrigin::scan);
  return std::nullopt;
}

}  // namespace

std::optional<RawFrame> guess_caller(const RawFrame& frame, const CodeView& code,
                                     const arch::Arch& arch, MemoryReader& memory) {
  return Guesser(frame, code, arch, memory).guess();
}

}  // namespace clew::stack
