#pragma once

#include <algorithm>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "lang/go/runtime_layout.h"

namespace clew::go {

/// A structure of the runtime, wherever it is described.
class StructureFields {
 public:
  /// The first thing that is missing is put into `missing`, which must outlive it.
  explicit StructureFields(std::string& missing) : missing_(missing) {}
  virtual ~StructureFields() = default;
  StructureFields(const StructureFields&) = delete;
  StructureFields& operator=(const StructureFields&) = delete;

  using Path = std::initializer_list<std::string_view>;

  /// The offset of a field, by its name, of a field in that, and so on. Remembers how far fields
  /// reach.
  std::optional<uint64_t> find(Path path) {
    const auto found = look_up(path);
    if (!found) return std::nullopt;
    end_ = std::max(end_, found->end);
    return found->start;
  }
  uint64_t need(Path path) {
    if (const auto offset = find(path)) return *offset;
    if (missing_.empty()) {
      missing_ = name();
      for (const std::string_view field : path) missing_ += "." + std::string(field);
    }
    return 0;
  }
  uint64_t end() const { return end_; }
  /// Of the whole structure; 0 when it is not known.
  virtual uint64_t size() const = 0;

 protected:
  struct Extent {
    uint64_t start = 0, end = 0;
  };

 private:
  virtual std::optional<Extent> look_up(Path path) const = 0;
  virtual std::string name() const = 0;

  std::string& missing_;
  uint64_t end_ = 0;
};

/// Where structures are described.
class StructureSource {
 public:
  virtual ~StructureSource() = default;
  /// By name ("runtime.g"). Never nullptr: one that is not there has no fields.
  virtual std::unique_ptr<StructureFields> structure(const std::string& name,
                                                     std::string& missing) = 0;
};

/// Fills the parts of the layout that are offsets of fields. @return the first field that is
/// missing and cannot be done without; empty when there is none.
std::string read_structures(StructureSource& source, RuntimeLayout& layout);

}  // namespace clew::go
