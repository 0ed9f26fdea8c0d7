#include "sym/code_tables.h"

#include <dwarf.h>

#include "sym/die_name.h"
#include "sym/dwarf_attribute.h"
#include "sym/dwarf_data.h"

namespace clew::sym {
namespace {

/// More units than this are not believed.
constexpr size_t most_units = 1 << 22;

bool has_range_attribute(Dwarf_Die& unit) {
  return dwarf_hasattr(&unit, DW_AT_low_pc) != 0 || dwarf_hasattr(&unit, DW_AT_ranges) != 0;
}

}  // namespace

RangeReader& CodeTables::range_reader() {
  if (!ranges_) ranges_.emplace(CodeRanges(module_.debug_image()));
  return *ranges_;
}

const std::vector<Dwarf_Die>& CodeTables::units() {
  if (!units_are_read_) read_units();
  return units_;
}

void CodeTables::read_units() {
  units_are_read_ = true;
  Dwarf* const dwarf = module_.dwarf();
  if (dwarf == nullptr) return;
  range_reader().allow(dwarf);
  std::vector<IntervalMap<uint32_t>::Item> ranges;
  Dwarf_CU* unit = nullptr;
  Dwarf_CU* next = nullptr;
  Dwarf_Die die;
  while (units_.size() < most_units &&
         dwarf_get_units(dwarf, unit, &next, nullptr, nullptr, &die, nullptr) == 0) {
    unit = next;
    const int tag = dwarf_tag(&die);
    if (tag == DW_TAG_compile_unit || tag == DW_TAG_skeleton_unit) add_unit(die, ranges);
  }
  unit_at_ = IntervalMap<uint32_t>(std::move(ranges));
}

void CodeTables::add_unit(Dwarf_Die unit, std::vector<IntervalMap<uint32_t>::Item>& ranges) {
  const auto index = static_cast<uint32_t>(units_.size());
  const auto add = [&](uint64_t start, uint64_t end) { ranges.push_back({start, end, index}); };
  const size_t before = ranges.size();
  if (has_range_attribute(unit)) {
    range_reader().for_each(unit, add);
    // Only what the linker has dropped: it has no code.
    if (ranges.size() == before) return;
  } else {
    // Not required of a unit (DWARF 5, 3.1.1): then its functions tell.
    UnitCode* const code = code_of(unit);
    if (code == nullptr) return;
    for (const auto& piece : code->function_pieces()) add(piece.start, piece.end);
    if (ranges.size() == before) {
      unit_code_.erase(code->unit().cu);
      return;
    }
  }
  units_.push_back(unit);
}

UnitCode* CodeTables::unit_of(const Dwarf_Die& die) {
  auto& known = unit_code_[die.cu];
  if (known == nullptr) {
    Dwarf_Die unit;
    if (dwarf_cu_die(die.cu, &unit, nullptr, nullptr, nullptr, nullptr, nullptr, nullptr) ==
        nullptr) {
      return nullptr;
    }
    known = std::make_unique<UnitCode>(unit, shapes_.shapes_of(unit), range_reader());
  }
  return known.get();
}

UnitCode* CodeTables::unit_at(uint64_t address) {
  if (!units_are_read_) read_units();
  const auto* const found = unit_at_.find(address);
  return found == nullptr ? nullptr : code_of(units_[found->value]);
}

UnitCode* CodeTables::code_of(const Dwarf_Die& unit) {
  Dwarf_Die whole = unit;
  module_.complete_unit(whole);
  if (whole.cu != unit.cu && skeletons_.try_emplace(whole.cu, unit).second)
    range_reader().allow(dwarf_cu_getdwarf(whole.cu));
  return unit_of(whole);
}

const LineSections& CodeTables::line_sections(Dwarf* dwarf) {
  auto [found, is_new] = line_sections_.try_emplace(dwarf);
  if (is_new) {
    found->second = {dwarf_section(dwarf, ".debug_line"), dwarf_section(dwarf, ".debug_line_str"),
                     dwarf_section(dwarf, ".debug_str")};
    // Programs do not overlap in well-formed data; in other data each could be the whole section.
    constexpr uint64_t times = 4;
    line_budget_ += times * found->second.line.size();
  }
  return found->second;
}

bool CodeTables::spend_on_lines(uint64_t program_size) {
  if (program_size > line_budget_) return false;
  line_budget_ -= program_size;
  return true;
}

const LineTable* CodeTables::table_at(Dwarf* dwarf, uint64_t offset, const Dwarf_Die& unit) {
  const LineSections& sections = line_sections(dwarf);
  if (offset >= sections.line.size()) return nullptr;
  auto [found, is_new] = lines_.try_emplace(sections.line.data() + offset);
  if (is_new && spend_on_lines(LineHeader(sections, offset).program_size())) {
    found->second = std::make_unique<LineTable>(sections, offset,
                                                std::string(string_attribute(unit, DW_AT_comp_dir)),
                                                range_reader().code());
  }
  return found->second.get();
}

const LineTable* CodeTables::lines_of(const Dwarf_Die& unit) {
  const auto skeleton = skeletons_.find(unit.cu);
  const Dwarf_Die& die = skeleton == skeletons_.end() ? unit : skeleton->second;
  const auto offset = number_attribute(die, DW_AT_stmt_list);
  return offset ? table_at(dwarf_cu_getdwarf(die.cu), *offset, die) : nullptr;
}

const LineTable* CodeTables::files_of(const Dwarf_Die& unit) {
  // Split units have a table of their own or share that of the skeleton: see SplitDwarf.
  const bool is_split = skeletons_.contains(unit.cu);
  return is_split ? table_at(dwarf_cu_getdwarf(unit.cu), 0, unit) : lines_of(unit);
}

std::vector<const LineTable*> CodeTables::lines_with_file(std::string_view file_name) {
  std::vector<const LineTable*> tables;
  for (const Dwarf_Die& die : units()) {
    const auto offset = number_attribute(die, DW_AT_stmt_list);
    if (!offset) continue;
    const LineHeader header(line_sections(dwarf_cu_getdwarf(die.cu)), *offset);
    if (!header.names_file(file_name)) continue;
    const LineTable* const table = lines_of(die);
    if (table != nullptr) tables.push_back(table);
  }
  return tables;
}

const FunctionName& CodeTables::name_of(const Dwarf_Die& function) {
  // Copies are many and share one name. Definitions can share an origin and yet have names of their
  // own: the constructors of a class.
  Dwarf_Die entry = function;
  const bool is_copy = dwarf_tag(&entry) == DW_TAG_inlined_subroutine;
  auto [found, is_new] = names_.try_emplace(is_copy ? origin_of(function).addr : function.addr);
  if (is_new) found->second = read_function_name(*this, function);
  return found->second;
}

const GoTable* CodeTables::go_table() {
  if (!go_table_) go_table_ = GoTable::open(module_.image());
  return go_table_->get();
}

std::string_view CodeTables::symbol_of(const Dwarf_Die& function) const {
  const uint64_t entry = entry_of(function);
  if (entry == 0) return {};
  const uint64_t address = entry + module_.debug_bias();
  const Symbol* const symbol = module_.symbols().find_code(address);
  return symbol == nullptr || symbol->address != address ? std::string_view() : symbol->name;
}

}  // namespace clew::sym
