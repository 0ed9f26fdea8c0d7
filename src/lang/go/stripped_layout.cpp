#include "lang/go/stripped_layout.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "lang/go/runtime_types.h"
#include "lang/go/structure_fields.h"
#include "sym/go_table.h"

namespace clew::go {
namespace {

/// The program's own variables; more is data of its user's.
constexpr uint64_t most_data = 256 << 20;
/// How many entries of a list are looked at.
constexpr uint64_t most_checked = 64;
/// Of so many one may make no sense: it was looked at while its stack was moved.
constexpr uint64_t one_may_be_odd = 8;
constexpr uint64_t largest_stack = uint64_t{1} << 30;
constexpr uint32_t most_states = 16;
constexpr size_t most_reasons_found = 256;
constexpr uint64_t longest_reason_found = 64;

/// As the program describes it to itself.
class RuntimeStructure final : public StructureFields {
 public:
  RuntimeStructure(const RuntimeTypes& types, std::string name, std::string& missing)
      : StructureFields(missing),
        types_(types),
        name_(std::move(name)),
        type_(types.find_structure(name_)) {}

  uint64_t size() const override { return type_ == 0 ? 0 : types_.size(type_); }

 private:
  std::optional<Extent> look_up(Path path) const override {
    uint64_t type = type_;
    uint64_t offset = 0;
    for (const std::string_view name : path) {
      const auto fields = types_.fields(type);
      const auto field = std::find_if(fields.begin(), fields.end(),
                                      [&](const auto& one) { return one.name == name; });
      if (field == fields.end()) return std::nullopt;
      offset += field->offset;
      type = field->type;
    }
    return Extent{offset, offset + std::max(types_.size(type), word_size)};
  }
  std::string name() const override { return name_; }

  const RuntimeTypes& types_;
  std::string name_;
  uint64_t type_;
};

class RuntimeStructures final : public StructureSource {
 public:
  explicit RuntimeStructures(const RuntimeTypes& types) : types_(types) {}

  std::unique_ptr<StructureFields> structure(const std::string& name,
                                             std::string& missing) override {
    return std::make_unique<RuntimeStructure>(types_, name, missing);
  }

 private:
  const RuntimeTypes& types_;
};

/// A copy of a stretch of the target's memory.
struct Piece {
  uint64_t start = 0;
  std::vector<std::byte> bytes;

  size_t words() const { return bytes.size() / word_size; }
  uint64_t word(size_t index) const {
    uint64_t value = 0;
    std::memcpy(&value, bytes.data() + index * word_size, sizeof value);
    return value;
  }
  uint64_t at(size_t index) const { return start + index * word_size; }
};

class StrippedReader {
 public:
  StrippedReader(const sym::GoTable::ModuleData& module, uint64_t bias, MemoryReader& memory)
      : module_(module), bias_(bias), memory_(memory) {}

  Result<RuntimeLayout> read();

 private:
  void read_data();
  void find_goroutines();
  void find_machines();
  void find_wait_reasons();
  void find_labels(const RuntimeTypes& types);
  uint64_t goroutines_in(uint64_t list, uint64_t count) const;
  size_t machines_from(uint64_t first) const;
  bool is_goroutine(uint64_t address) const;
  std::optional<Piece> copy(uint64_t address, uint64_t size) const;
  bool is_code(uint64_t pc) const {
    return pc >= module_.text.start + bias_ && pc < module_.text.end + bias_;
  }
  std::optional<std::string> text(uint64_t start, uint64_t length) const;
  static uint64_t word_in(const Piece& piece, uint64_t offset) {
    uint64_t value = 0;
    if (offset + sizeof value <= piece.bytes.size())
      std::memcpy(&value, piece.bytes.data() + offset, sizeof value);
    return value;
  }

  const sym::GoTable::ModuleData& module_;
  uint64_t bias_;
  MemoryReader& memory_;
  RuntimeLayout layout_;
  std::vector<Piece> data_;
};

std::optional<Piece> StrippedReader::copy(uint64_t address, uint64_t size) const {
  Piece piece{address, std::vector<std::byte>(size)};
  if (address == 0 || address % word_size != 0 || !memory_.read_exactly({address}, piece.bytes)) {
    return std::nullopt;
  }
  return piece;
}

void StrippedReader::read_data() {
  uint64_t left = most_data;
  for (const sym::GoTable::Stretch& stretch : module_.data) {
    if (stretch.end <= stretch.start || stretch.end - stretch.start > left) continue;
    const uint64_t start = (stretch.start + bias_ + word_size - 1) / word_size * word_size;
    if (auto piece = copy(start, stretch.end + bias_ - start)) {
      left -= piece->bytes.size();
      data_.push_back(std::move(*piece));
    }
  }
}

/// What a runtime.g must be, living or dead.
bool StrippedReader::is_goroutine(uint64_t address) const {
  const RuntimeLayout::Goroutine& at = layout_.goroutine;
  const auto g = copy(address, at.end);
  if (!g) return false;
  const uint64_t low = word_in(*g, at.stack_low);
  const uint64_t high = word_in(*g, at.stack_high);
  const auto state = static_cast<uint32_t>(word_in(*g, at.status)) & ~scan_bit;
  const uint64_t start = word_in(*g, at.start_pc);
  const uint64_t made = word_in(*g, at.go_pc);
  const bool has_stack = low < high && high - low <= largest_stack && high % word_size == 0;
  return (has_stack || (low == 0 && high == 0)) && state < most_states &&
         (start == 0 || is_code(start)) && (made == 0 || is_code(made - 1));
}

/// How many goroutines the list has, when it can be nothing else; else 0.
uint64_t StrippedReader::goroutines_in(uint64_t list, uint64_t count) const {
  const auto pointers = copy(list, std::min(count, most_checked) * word_size);
  if (!pointers) return 0;
  bool has_living = false;
  uint64_t odd = 0;
  for (size_t i = 0; i < pointers->words(); ++i) {
    const uint64_t address = pointers->word(i);
    if (!is_goroutine(address)) {
      if (++odd * one_may_be_odd > pointers->words()) return 0;
      continue;
    }
    const auto id = memory_.read<uint64_t>({address + layout_.goroutine.id});
    const auto start = memory_.read<uint64_t>({address + layout_.goroutine.start_pc});
    has_living = has_living || (id && *id != 0 && start && is_code(*start));
  }
  return has_living ? count : 0;
}

void StrippedReader::find_goroutines() {
  uint64_t most = 0;
  for (const Piece& piece : data_) {
    for (size_t i = 0; i + 2 < piece.words(); ++i) {
      const uint64_t list = piece.word(i);
      const uint64_t count = piece.word(i + 1);
      const uint64_t room = piece.word(i + 2);
      if (list == 0 || list % word_size != 0 || count <= most || count > room ||
          room > most_goroutines) {
        continue;
      }
      if (const uint64_t found = goroutines_in(list, count); found > most) {
        most = found;
        layout_.all_pointer = {piece.at(i)};
        layout_.all_count = {piece.at(i + 1)};
      }
    }
  }
}

/// How long the chain of threads is that begins there; 0 when it is none.
size_t StrippedReader::machines_from(uint64_t first) const {
  size_t count = 0;
  for (uint64_t at = first; at != 0; ++count) {
    const auto m = count < most_machines ? copy(at, layout_.machine.end) : std::nullopt;
    if (!m) return 0;
    const uint64_t own = word_in(*m, layout_.machine.system_stack);
    if (own == 0 || own % word_size != 0) return 0;
    const auto back = memory_.read<uint64_t>({own + layout_.goroutine.machine});
    if (!back || *back != at) return 0;
    at = word_in(*m, layout_.machine.next);
  }
  return count;
}

void StrippedReader::find_machines() {
  size_t most = 0;
  for (const Piece& piece : data_) {
    for (size_t i = 0; i < piece.words(); ++i) {
      const uint64_t first = piece.word(i);
      if (first < word_size || first % word_size != 0) continue;
      const size_t count = machines_from(first);
      if (count <= most) continue;
      most = count;
      layout_.all_machines = {piece.at(i)};
    }
  }
}

std::optional<std::string> StrippedReader::text(uint64_t start, uint64_t length) const {
  std::string text(length, '\0');
  if (length > longest_reason_found ||
      !memory_.read_exactly({start}, std::as_writable_bytes(std::span(text)))) {
    return std::nullopt;
  }
  const bool is_plain =
      std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c <= '~'; });
  return is_plain ? std::optional(text) : std::nullopt;
}

/// The words have begun with these three in every release.
void StrippedReader::find_wait_reasons() {
  constexpr std::array<std::string_view, 3> first{"", "GC assist marking", "IO wait"};
  const auto is_text = [&](const Piece& piece, size_t index, std::string_view wanted) {
    if (piece.word(index + 1) != wanted.size()) return false;
    const auto found = text(piece.word(index), wanted.size());
    return wanted.empty() || (found && *found == wanted);
  };
  for (const Piece& piece : data_) {
    for (size_t i = 0; i + 2 * first.size() <= piece.words(); ++i) {
      if (!is_text(piece, i, first[0]) || !is_text(piece, i + 2, first[1]) ||
          !is_text(piece, i + 4, first[2])) {
        continue;
      }
      for (size_t at = i;
           at + 2 <= piece.words() && layout_.wait_reasons.size() < most_reasons_found; at += 2) {
        const uint64_t length = piece.word(at + 1);
        const auto reason = text(piece.word(at), length);
        if (!reason && at != i) break;
        if (length == 0 && at != i) break;
        layout_.wait_reasons.push_back(reason.value_or(""));
      }
      return;
    }
  }
}

/// A structure whose first part, however deep, is a slice of pairs of strings.
void StrippedReader::find_labels(const RuntimeTypes& types) {
  constexpr uint64_t size_of_pair = 32;
  if (!layout_.goroutine.labels) return;
  uint64_t type = types.find_structure("pprof.labelMap");
  for (int depth = 0; depth < 4 && type != 0; ++depth) {
    if (types.is_slice(type)) {
      const uint64_t pair = types.element(type);
      if (types.size(pair) == size_of_pair && types.fields(pair).size() == 2)
        layout_.labels = RuntimeLayout::Labels::list;
      return;
    }
    const auto fields = types.fields(type);
    if (fields.empty() || fields.front().offset != 0) return;
    type = fields.front().type;
  }
}

Result<RuntimeLayout> StrippedReader::read() {
  const auto types = RuntimeTypes::read(module_, bias_, memory_);
  if (!types) return fail(ErrorCode::unsupported, "its descriptions of types were not found");
  RuntimeStructures source(*types);
  const std::string missing = read_structures(source, layout_);
  if (!missing.empty())
    return fail(ErrorCode::unsupported, fmt::format("its types do not tell of {}", missing));
  // An interface{} has no fields for the runtime: two words, the type's and the value's.
  layout_.panics.value_type = 0;
  layout_.panics.value = word_size;
  layout_.panics.kind = RuntimeTypes::kind_at;
  read_data();
  // The program runs: an entry can be looked at while it is made.
  constexpr int most_tries = 3;
  for (int i = 0; i < most_tries && layout_.all_pointer.value == 0; ++i) find_goroutines();
  if (layout_.all_pointer.value == 0)
    return fail(ErrorCode::unsupported, "no list of goroutines was found in its data");
  find_machines();
  find_wait_reasons();
  find_labels(*types);
  return std::move(layout_);
}

}  // namespace

Result<RuntimeLayout> read_stripped_layout(const sym::LoadedModule& loaded, MemoryReader& memory) {
  const sym::GoTable* const table = sym::go_table(*loaded.module);
  if (table == nullptr)
    return fail(ErrorCode::unsupported, "no table of functions that clew can read");
  if (table->module_data().address == 0)
    return fail(ErrorCode::unsupported, "the runtime's description of the program was not found");
  return StrippedReader(table->module_data(), loaded.bias, memory).read();
}

}  // namespace clew::go
