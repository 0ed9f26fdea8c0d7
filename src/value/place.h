#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/addr.h"
#include "base/bytes.h"
#include "base/result.h"

namespace clew::value {

class Value;

/// Where the bytes of a value are. Immutable and shared by all the values that are parts of one.
class Place {
 public:
  enum class Kind : uint8_t {
    memory,
    computed,          ///< nowhere: the bytes are all there is
    pieces,            ///< in registers, or here and there
    implicit_pointer,  ///< a pointer that was optimised away, to something that is known
    absent
  };

  /// A part of a value in pieces.
  struct Piece {
    uint64_t bit_start = 0, bit_size = 0;  ///< of the value
    std::string where;                     ///< in words: "register rax"; empty when it is missing
    std::string missing;                   ///< why there is none; empty when it is there
    /// Writes the whole bytes of this piece; empty when it cannot be written.
    std::function<Status(Bytes)> write;
  };

  static std::shared_ptr<const Place> memory(Addr address);
  /// Memory whose bytes were read before.
  static std::shared_ptr<const Place> memory(Addr address, std::vector<std::byte> bytes);
  static std::shared_ptr<const Place> computed(std::vector<std::byte> bytes);
  /// `bytes` has zeros where something is missing.
  static std::shared_ptr<const Place> in_pieces(std::vector<std::byte> bytes,
                                                std::vector<Piece> pieces);
  static std::shared_ptr<const Place> implicit_pointer(std::function<Result<Value>()> target);
  static std::shared_ptr<const Place> absent(std::string reason);

  Kind kind() const { return kind_; }
  Addr address() const { return address_; }
  /// Of memory only when it was read before.
  const std::vector<std::byte>& bytes() const { return bytes_; }
  const std::vector<Piece>& pieces() const { return pieces_; }
  const std::string& reason() const { return reason_; }
  Result<Value> pointed_to() const;

  /// Reads what is known without memory: [offset, offset + into.size()). @return unavailable with
  /// the reason when a part of it is missing, bad_data when it is not all there.
  Status read(uint64_t offset, MutableBytes into) const;

 private:
  Place() = default;

  Kind kind_ = Kind::absent;
  Addr address_;
  std::vector<std::byte> bytes_;
  std::vector<Piece> pieces_;
  std::string reason_;
  std::function<Result<Value>()> pointed_to_;
};

}  // namespace clew::value
