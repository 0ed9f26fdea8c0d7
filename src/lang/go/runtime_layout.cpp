#include "lang/go/runtime_layout.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "lang/go/stripped_layout.h"
#include "lang/go/structure_fields.h"
#include "sym/static_address.h"
#include "value/types.h"

namespace clew::go {
namespace {

using value::Type;

/// Far more than any version has.
constexpr uint64_t most_wait_reasons = 1024;
constexpr uint64_t longest_wait_reason = 256;

/// As the debug information describes it.
class DebugStructure final : public StructureFields {
 public:
  DebugStructure(const Type* type, std::string& missing)
      : StructureFields(missing), type_(type == nullptr ? nullptr : type->stripped()) {}

  uint64_t size() const override { return type_ == nullptr ? 0 : type_->size().value_or(0); }

  /// What a field that is a pointer points to; nullptr when it is none.
  const Type* pointed_by(std::string_view name) const {
    if (type_ == nullptr) return nullptr;
    const auto way = type_->find_member(name);
    if (way.empty() || !way.back()->type->is_pointer()) return nullptr;
    return way.back()->type->stripped()->target()->stripped();
  }

 private:
  std::optional<Extent> look_up(Path path) const override {
    const Type* type = type_;
    uint64_t offset = 0;
    for (const std::string_view name : path) {
      const auto way =
          type == nullptr ? std::vector<const value::Member*>() : type->find_member(name);
      if (way.empty()) return std::nullopt;
      for (const value::Member* member : way) {
        offset += member->offset();
        type = member->type->stripped();
      }
    }
    return Extent{offset, offset + (type == nullptr ? 8 : type->size().value_or(8))};
  }
  std::string name() const override {
    return type_ == nullptr ? "a structure of the runtime" : std::string(type_->full_name());
  }

  const Type* type_;
};

class LayoutReader final : StructureSource {
 public:
  LayoutReader(const sym::LoadedModule& loaded, const sym::ModuleNames& names, MemoryReader& memory)
      : loaded_(loaded), names_(names), memory_(memory) {}

  Result<RuntimeLayout> read();

 private:
  std::optional<sym::FoundName> find(const std::string& name, sym::NameKinds kinds) const;
  std::optional<Addr> variable(const std::string& name) const;
  const Type* structure_type(const std::string& name);
  std::unique_ptr<StructureFields> structure(const std::string& name,
                                             std::string& missing) override {
    return std::make_unique<DebugStructure>(structure_type(name), missing);
  }
  void read_labels();
  void read_label_map(const Type* map);
  Status read_wait_reasons();

  const sym::LoadedModule& loaded_;
  const sym::ModuleNames& names_;
  MemoryReader& memory_;
  value::Types types_;
  RuntimeLayout layout_;
  std::string missing_;
};

std::optional<sym::FoundName> LayoutReader::find(const std::string& name,
                                                 sym::NameKinds kinds) const {
  const auto query = sym::NameQuery::parse(name);
  if (!query) return std::nullopt;
  for (sym::FoundName& found : names_.find(*query, kinds)) {
    if (found.name == name && found.die.addr != nullptr) return std::move(found);
  }
  return std::nullopt;
}

std::optional<Addr> LayoutReader::variable(const std::string& name) const {
  const auto found = find(name, sym::variable_kinds);
  if (!found) return std::nullopt;
  const auto lock = loaded_.module->lock();
  const auto address = sym::static_address(*loaded_.module, found->die);
  return address ? std::optional(loaded_.to_runtime(*address)) : std::nullopt;
}

const Type* LayoutReader::structure_type(const std::string& name) {
  const auto found = find(name, sym::type_kinds);
  if (!found) return nullptr;
  const Type* const type = types_.of(loaded_.module, found->die)->stripped();
  return type->is_structure() ? type : nullptr;
}

/// A structure whose first part, however deep, is a slice of pairs of strings; or a map.
void LayoutReader::read_labels() {
  const auto found = find("runtime/pprof.labelMap", sym::type_kinds);
  if (!found || !layout_.goroutine.labels) return;
  const Type* type = types_.of(loaded_.module, found->die)->stripped();
  if (type->is_pointer()) return read_label_map(type->target()->stripped());
  for (int depth = 0; depth < 4 && type->is_structure(); ++depth) {
    std::string ignored;
    DebugStructure slice(type, ignored);
    if (const Type* const pair = slice.pointed_by("array");
        pair != nullptr && slice.find({"len"})) {
      if (pair->members().size() == 2 && pair->size() == 32u)
        layout_.labels = RuntimeLayout::Labels::list;
      return;
    }
    if (type->members().empty() || type->members().front().offset() != 0) return;
    type = type->members().front().type->stripped();
  }
}

void LayoutReader::read_label_map(const Type* map) {
  std::string lacking;
  DebugStructure header(map, lacking);
  RuntimeLayout::LabelBucket& at = layout_.label_bucket;
  at.count = header.need({"count"});
  at.shift = header.need({"B"});
  at.buckets = header.need({"buckets"});
  at.old_buckets = header.need({"oldbuckets"});
  const Type* const bucket_type = header.pointed_by("buckets");
  DebugStructure bucket(bucket_type, lacking);
  at.marks = bucket.need({"tophash"});
  at.keys = bucket.need({"keys"});
  at.values = bucket.need({"values"});
  at.next = bucket.need({"overflow"});
  at.size = bucket_type == nullptr ? 0 : bucket_type->size().value_or(0);
  if (lacking.empty() && at.size != 0) layout_.labels = RuntimeLayout::Labels::map;
}

Status LayoutReader::read_wait_reasons() {
  const auto found = find("runtime.waitReasonStrings", sym::variable_kinds);
  const auto at = variable("runtime.waitReasonStrings");
  if (!found || !at) return fail(ErrorCode::unsupported, "runtime.waitReasonStrings");
  const uint64_t count =
      types_.type_of(loaded_.module, found->die)->stripped()->count().value_or(0);
  std::vector<std::array<uint64_t, 2>> strings(std::min(count, most_wait_reasons));
  if (auto read = memory_.read_exactly(*at, std::as_writable_bytes(std::span(strings))); !read)
    return read;
  for (const auto& [start, length] : strings) {
    std::string text(std::min(length, longest_wait_reason), '\0');
    if (auto read = memory_.read_exactly({start}, std::as_writable_bytes(std::span(text))); !read)
      return read;
    layout_.wait_reasons.push_back(std::move(text));
  }
  return {};
}

Result<RuntimeLayout> LayoutReader::read() {
  const auto all_pointer = variable("runtime.allgptr");
  const auto all_count = variable("runtime.allglen");
  if (!all_pointer || !all_count) {
    auto found = read_stripped_layout(loaded_, memory_);
    if (found) return found;
    return fail(ErrorCode::unsupported,
                fmt::format("{} has no debug information of the Go runtime (built with -ldflags=-w "
                            "or -s, or stripped), and {}: where the runtime keeps its goroutines "
                            "is not known",
                            loaded_.module->path(), found.error().text));
  }
  layout_.all_pointer = *all_pointer;
  layout_.all_count = *all_count;
  layout_.all_machines = variable("runtime.allm").value_or(Addr{});
  missing_ = read_structures(*this, layout_);
  if (!missing_.empty()) {
    return fail(
        ErrorCode::unsupported,
        fmt::format("the Go runtime in {} is of a kind that clew does not know: it has no {}",
                    loaded_.module->path(), missing_));
  }
  read_labels();
  if (auto read = read_wait_reasons(); !read) layout_.wait_reasons.clear();
  layout_.is_described = true;
  return std::move(layout_);
}

}  // namespace

bool is_of_layout(sym::NameKind kind, std::string_view name) {
  return (kind == sym::NameKind::variable || kind == sym::NameKind::type) &&
         (name.starts_with("runtime.") || name.starts_with("internal/abi.Type") ||
          name.starts_with("runtime/pprof.label"));
}

Result<RuntimeLayout> read_layout(const sym::LoadedModule& loaded, const sym::ModuleNames& names,
                                  MemoryReader& memory) {
  return LayoutReader(loaded, names, memory).read();
}

}  // namespace clew::go
