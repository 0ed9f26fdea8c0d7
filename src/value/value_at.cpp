#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "value/locator.h"
#include "value/place.h"

namespace clew::value {
namespace {

/// Copies bits, the least significant of each byte first.
void copy_bits(Bytes from, uint64_t from_bit, MutableBytes into, uint64_t into_bit,
               uint64_t count) {
  if (from_bit % 8 == 0 && into_bit % 8 == 0 && count % 8 == 0) {
    std::memcpy(into.data() + into_bit / 8, from.data() + from_bit / 8, count / 8);
    return;
  }
  for (uint64_t i = 0; i < count; ++i) {
    const auto bit = static_cast<unsigned>(from[(from_bit + i) / 8]) >> ((from_bit + i) % 8) & 1;
    const auto mask = static_cast<std::byte>(1U << ((into_bit + i) % 8));
    std::byte& byte = into[(into_bit + i) / 8];
    byte = bit != 0 ? byte | mask : byte & ~mask;
  }
}

/// One piece, read: its bytes from its own first bit on.
struct ReadPiece {
  Result<std::vector<std::byte>> bytes = std::vector<std::byte>();
  uint64_t first_bit = 0;
  std::string where;
  std::function<Status(Bytes)> write;
};

ReadPiece read_piece(Target& target, const stack::Piece& piece, uint64_t bits,
                     const std::shared_ptr<const Frame>& frame) {
  ReadPiece read;
  read.first_bit = piece.bit_offset;
  const uint64_t size = (piece.bit_offset + bits + 7) / 8;
  switch (piece.kind) {
    case stack::Piece::Kind::memory: {
      const Addr at{piece.number + piece.bit_offset / 8};
      read.first_bit = piece.bit_offset % 8;
      std::vector<std::byte> bytes((read.first_bit + bits + 7) / 8);
      if (auto status = target.memory().read_exactly(at, bytes); status) {
        read.bytes = std::move(bytes);
      } else {
        read.bytes = fail(ErrorCode::fault, fmt::format("cannot read memory at {:#x}", at.value));
      }
      read.where = fmt::format("memory at {:#x}", at.value);
      read.write = [&target, at](Bytes changed) { return target.write_memory(at, changed); };
      return read;
    }
    case stack::Piece::Kind::in_register: {
      const auto number = static_cast<unsigned>(piece.number);
      if (frame == nullptr) {
        read.bytes = fail(ErrorCode::unavailable, "it is in a register: select a frame");
        return read;
      }
      read.where = "register " + frame->register_name(number);
      read.bytes = frame->register_bytes(number, size);
      read.write = [frame, number](Bytes changed) {
        return frame->write_register(number, changed);
      };
      return read;
    }
    case stack::Piece::Kind::value:
      read.bytes = piece.bytes;
      read.where = "a computed value";
      if (piece.bytes.size() < size) {
        read.bytes = fail(ErrorCode::unavailable,
                          fmt::format("the debug information describes {} of its {} bytes",
                                      piece.bytes.size(), size));
      }
      return read;
    case stack::Piece::Kind::implicit_pointer:
      read.bytes = fail(ErrorCode::unavailable, "a pointer that was optimised out");
      return read;
    case stack::Piece::Kind::absent:
      break;
  }
  read.bytes = fail(ErrorCode::unavailable, "optimised out");
  return read;
}

Value in_pieces(Target& target, const Type* type, uint64_t size, const stack::Location& location,
                const std::shared_ptr<const Frame>& frame) {
  std::vector<std::byte> bytes(size);
  std::vector<Place::Piece> pieces;
  uint64_t at = 0;
  const uint64_t bits = size * 8;
  for (const stack::Piece& piece : location.pieces) {
    if (at >= bits) break;
    const uint64_t count = piece.bit_size == 0 ? bits - at : std::min(piece.bit_size, bits - at);
    constexpr uint64_t most_offset = 1 << 20;
    Place::Piece part;
    part.bit_start = at;
    part.bit_size = count;
    if (piece.bit_offset > most_offset && piece.kind != stack::Piece::Kind::memory) {
      part.missing = "its place makes no sense";
    } else {
      const ReadPiece read = read_piece(target, piece, count, frame);
      part.where = read.where;
      if (read.bytes) {
        copy_bits(*read.bytes, read.first_bit, bytes, at, count);
        // Whole bytes from the piece's start on can be written back as they are.
        if (read.first_bit == 0) part.write = read.write;
      } else {
        part.missing = read.bytes.error().text;
      }
    }
    pieces.push_back(std::move(part));
    at += count;
  }
  if (at < bits) {
    Place::Piece rest;
    rest.bit_start = at;
    rest.bit_size = bits - at;
    rest.missing = "optimised out";
    pieces.push_back(std::move(rest));
  }
  const auto first = pieces.front();
  const bool is_all_missing = std::all_of(pieces.begin(), pieces.end(),
                                          [](const auto& piece) { return !piece.missing.empty(); });
  if (is_all_missing) return Value::absent(target, type, first.missing);
  return Value::at_place(target, type, Place::in_pieces(std::move(bytes), std::move(pieces)));
}

}  // namespace

Value value_at(Target& target, const Type* type, const stack::Location& location,
               const std::shared_ptr<const Frame>& frame,
               const std::function<Result<Value>(uint64_t die)>& implicit) {
  const auto known = type->size();
  const uint64_t size = known ? *known : type->stripped()->size().value_or(0);
  if (location.pieces.size() == 1) {
    const stack::Piece& piece = location.pieces.front();
    // One that is smaller than the object is all that is left of it.
    const bool is_whole = piece.bit_size == 0 || piece.bit_size >= size * 8;
    if (piece.kind == stack::Piece::Kind::memory && piece.bit_offset == 0 && is_whole)
      return Value::in_memory(target, type, Addr{piece.number});
    if (piece.kind == stack::Piece::Kind::implicit_pointer) {
      return Value::at_place(
          target, type, Place::implicit_pointer([implicit, piece]() -> Result<Value> {
            auto pointed = implicit(piece.number);
            if (!pointed || piece.byte_offset == 0) return pointed;
            return pointed->part(static_cast<uint64_t>(piece.byte_offset), pointed->type());
          }));
    }
  }
  if (size == 0) return Value::absent(target, type, "optimised out");
  if (size > Value::most_bytes)
    return Value::absent(target, type, "too large to be anywhere but in memory");
  return in_pieces(target, type, size, location, frame);
}

}  // namespace clew::value
