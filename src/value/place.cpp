#include "value/place.h"

#include <fmt/format.h>

#include <cstring>

#include "value/value.h"

namespace clew::value {

std::shared_ptr<const Place> Place::memory(Addr address) { return memory(address, {}); }

std::shared_ptr<const Place> Place::memory(Addr address, std::vector<std::byte> bytes) {
  auto place = std::shared_ptr<Place>(new Place());
  place->kind_ = Kind::memory;
  place->address_ = address;
  place->bytes_ = std::move(bytes);
  return place;
}

std::shared_ptr<const Place> Place::computed(std::vector<std::byte> bytes) {
  auto place = std::shared_ptr<Place>(new Place());
  place->kind_ = Kind::computed;
  place->bytes_ = std::move(bytes);
  return place;
}

std::shared_ptr<const Place> Place::in_pieces(std::vector<std::byte> bytes,
                                              std::vector<Piece> pieces) {
  auto place = std::shared_ptr<Place>(new Place());
  place->kind_ = Kind::pieces;
  place->bytes_ = std::move(bytes);
  place->pieces_ = std::move(pieces);
  return place;
}

std::shared_ptr<const Place> Place::implicit_pointer(std::function<Result<Value>()> target) {
  auto place = std::shared_ptr<Place>(new Place());
  place->kind_ = Kind::implicit_pointer;
  place->reason_ = "the pointer itself was optimised out; what it points to can be looked at";
  place->pointed_to_ = std::move(target);
  return place;
}

std::shared_ptr<const Place> Place::absent(std::string reason) {
  auto place = std::shared_ptr<Place>(new Place());
  place->kind_ = Kind::absent;
  place->reason_ = std::move(reason);
  return place;
}

Result<Value> Place::pointed_to() const {
  if (pointed_to_) return pointed_to_();
  return fail(ErrorCode::unavailable, reason_);
}

Status Place::read(uint64_t offset, MutableBytes into) const {
  if (kind_ == Kind::absent || kind_ == Kind::implicit_pointer)
    return fail(ErrorCode::unavailable, reason_);
  if (offset > bytes_.size() || into.size() > bytes_.size() - offset) {
    return fail(ErrorCode::bad_data,
                fmt::format("the debug information describes {} bytes of it, not byte {}",
                            bytes_.size(), offset + into.size() - 1));
  }
  for (const Piece& piece : pieces_) {
    const uint64_t start = offset * 8;
    const uint64_t end = start + into.size() * 8;
    if (!piece.missing.empty() && piece.bit_start < end &&
        start < piece.bit_start + piece.bit_size) {
      return fail(ErrorCode::unavailable, piece.missing);
    }
  }
  std::memcpy(into.data(), bytes_.data() + offset, into.size());
  return {};
}

}  // namespace clew::value
