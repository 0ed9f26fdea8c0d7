#include "lang/go/runtime_layout.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "sym/static_address.h"
#include "value/types.h"

namespace clew::go {
namespace {

using value::Type;

/// Far more than any version has.
constexpr uint64_t most_wait_reasons = 1024;
constexpr uint64_t longest_wait_reason = 256;

/// A structure, and what is asked of it. The first thing that is missing is kept.
class Structure {
 public:
  Structure(const Type* type, std::string& missing)
      : type_(type == nullptr ? nullptr : type->stripped()), missing_(missing) {}

  /// By the names of a field, of a field in that, and so on. Remembers how far fields reach.
  std::optional<uint64_t> find(std::initializer_list<std::string_view> path) {
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
    end_ = std::max(end_, offset + type->size().value_or(8));
    return offset;
  }

  uint64_t need(std::initializer_list<std::string_view> path) {
    if (const auto offset = find(path)) return *offset;
    if (missing_.empty()) {
      missing_ = type_ == nullptr ? "a structure of the runtime" : std::string(type_->full_name());
      for (const std::string_view name : path) missing_ += "." + std::string(name);
    }
    return 0;
  }

  /// The type of a field; nullptr when there is none.
  const Type* type_of(std::initializer_list<std::string_view> path) const {
    const Type* type = type_;
    for (const std::string_view name : path) {
      const auto way =
          type == nullptr ? std::vector<const value::Member*>() : type->find_member(name);
      if (way.empty()) return nullptr;
      type = way.back()->type->stripped();
    }
    return type;
  }

  /// What a field that is a pointer points to; nullptr when it is none.
  const Type* pointed_by(std::string_view name) const {
    if (type_ == nullptr) return nullptr;
    const auto way = type_->find_member(name);
    if (way.empty() || !way.back()->type->is_pointer()) return nullptr;
    return way.back()->type->stripped()->target()->stripped();
  }

  uint64_t end() const { return end_; }

 private:
  const Type* type_;
  std::string& missing_;
  uint64_t end_ = 0;
};

class LayoutReader {
 public:
  LayoutReader(const sym::LoadedModule& loaded, const sym::ModuleNames& names, MemoryReader& memory)
      : loaded_(loaded), names_(names), memory_(memory) {}

  Result<RuntimeLayout> read();

 private:
  std::optional<sym::FoundName> find(const std::string& name, sym::NameKinds kinds) const;
  std::optional<Addr> variable(const std::string& name) const;
  const Type* goroutine_type();
  void read_goroutine(const Type* type);
  void read_panics(const Type* type);
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

/// By the list of all goroutines, which is a slice of pointers to them.
const Type* LayoutReader::goroutine_type() {
  const auto all = find("runtime.allgs", sym::variable_kinds);
  if (!all) return nullptr;
  std::string ignored;
  const Type* const element =
      Structure(types_.type_of(loaded_.module, all->die), ignored).pointed_by("array");
  if (element == nullptr || !element->is_pointer()) return nullptr;
  return element->target()->stripped();
}

void LayoutReader::read_goroutine(const Type* type) {
  Structure g(type, missing_);
  RuntimeLayout::Goroutine& at = layout_.goroutine;
  at.stack_low = g.need({"stack", "lo"});
  at.stack_high = g.need({"stack", "hi"});
  at.machine = g.need({"m"});
  at.saved_sp = g.need({"sched", "sp"});
  at.saved_pc = g.need({"sched", "pc"});
  at.saved_fp = g.need({"sched", "bp"});
  at.syscall_sp = g.need({"syscallsp"});
  at.syscall_pc = g.need({"syscallpc"});
  at.status = g.need({"atomicstatus"});
  at.id = g.need({"goid"});
  at.wait_since = g.need({"waitsince"});
  at.wait_reason = g.need({"waitreason"});
  at.go_pc = g.need({"gopc"});
  at.start_pc = g.need({"startpc"});
  at.labels = g.find({"labels"});
  at.parent = g.find({"parentGoid"});
  at.end = g.end();
  read_panics(type);
  Structure m(g.pointed_by("m"), missing_);
  layout_.machine.thread_id = m.need({"procid"});
  layout_.machine.goroutine = m.need({"curg"});
  layout_.machine.end = m.end();
}

void LayoutReader::read_panics(const Type* type) {
  std::string lacking;
  Structure g(type, lacking);
  RuntimeLayout::Panics& at = layout_.panics;
  at.list = g.find({"_panic"});
  at.defers = g.find({"_defer"});
  Structure panic(g.pointed_by("_panic"), lacking);
  at.argument = panic.find({"arg"});
  at.earlier = panic.find({"link"});
  at.value_type = panic.find({"arg", "_type"});
  at.value = panic.find({"arg", "data"});
  if (at.argument && at.value_type && at.value) {
    *at.value_type -= *at.argument;
    *at.value -= *at.argument;
  }
  if (const Type* const held = panic.type_of({"arg", "_type"});
      held != nullptr && held->is_pointer()) {
    Structure described(held->target(), lacking);
    at.kind = described.find({"Kind_"});
    if (!at.kind) at.kind = described.find({"kind"});
  }
  // Before, it had an "sp" of another meaning.
  if (panic.find({"slotsPtr"})) at.frame_sp = panic.find({"sp"});
  Structure defer(g.pointed_by("_defer"), lacking);
  at.deferrer_sp = defer.find({"sp"});
}

/// A structure whose first part, however deep, is a slice of pairs of strings; or a map.
void LayoutReader::read_labels() {
  const auto found = find("runtime/pprof.labelMap", sym::type_kinds);
  if (!found || !layout_.goroutine.labels) return;
  const Type* type = types_.of(loaded_.module, found->die)->stripped();
  if (type->is_pointer()) return read_label_map(type->target()->stripped());
  for (int depth = 0; depth < 4 && type->is_structure(); ++depth) {
    std::string ignored;
    Structure slice(type, ignored);
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
  Structure header(map, lacking);
  RuntimeLayout::LabelBucket& at = layout_.label_bucket;
  at.count = header.need({"count"});
  at.shift = header.need({"B"});
  at.buckets = header.need({"buckets"});
  at.old_buckets = header.need({"oldbuckets"});
  const Type* const bucket_type = header.pointed_by("buckets");
  Structure bucket(bucket_type, lacking);
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
  const Type* const type = goroutine_type();
  const auto all_pointer = variable("runtime.allgptr");
  const auto all_count = variable("runtime.allglen");
  if (type == nullptr || !all_pointer || !all_count) {
    return fail(ErrorCode::unsupported,
                fmt::format("{} has no debug information of the Go runtime (built with -ldflags=-w "
                            "or -s, or stripped): where the runtime keeps its goroutines is not "
                            "known",
                            loaded_.module->path()));
  }
  layout_.all_pointer = *all_pointer;
  layout_.all_count = *all_count;
  read_goroutine(type);
  if (!missing_.empty()) {
    return fail(
        ErrorCode::unsupported,
        fmt::format("the Go runtime in {} is of a kind that clew does not know: it has no {}",
                    loaded_.module->path(), missing_));
  }
  read_labels();
  if (auto read = read_wait_reasons(); !read) layout_.wait_reasons.clear();
  return std::move(layout_);
}

}  // namespace

Result<RuntimeLayout> read_layout(const sym::LoadedModule& loaded, const sym::ModuleNames& names,
                                  MemoryReader& memory) {
  return LayoutReader(loaded, names, memory).read();
}

}  // namespace clew::go
