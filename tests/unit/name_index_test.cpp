// The index of names against libdw, which is slow and sure, on the same sources in every format.

#include "sym/name_index.h"

#include <dwarf.h>
#include <elfutils/libdw.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <map>
#include <set>
#include <unordered_map>

#include "sym/dwarf_sections.h"

namespace clew::sym {
namespace {

/// (section, offset, kind, full name) of everything that should be found.
using Truth = std::set<std::tuple<bool, uint64_t, NameKind, std::string>>;

class LibdwWalk {
 public:
  explicit LibdwWalk(const std::string& path) {
    fd_ = UniqueFd(::open(path.c_str(), O_RDONLY));
    dwarf_ = dwarf_begin(fd_.value(), DWARF_C_READ);
  }
  ~LibdwWalk() { dwarf_end(dwarf_); }

  Truth names();

 private:
  void visit_units();
  void visit(Dwarf_Die die, const void* parent, bool in_function, bool in_types);
  static Dwarf_Die declaration_of(Dwarf_Die die);
  std::string scoped_name(Dwarf_Die die) const;
  std::optional<NameKind> kind_of(Dwarf_Die& die, bool in_function) const;

  struct Parent {
    const void* parent = nullptr;
    Dwarf_Die die{};
  };
  struct Found {
    Dwarf_Die die{};
    NameKind kind{};
    bool in_types = false;
  };

  UniqueFd fd_;
  Dwarf* dwarf_ = nullptr;
  std::unordered_map<const void*, Parent> parents_;
  std::vector<Found> found_;
};

bool flag(Dwarf_Die& die, unsigned name) {
  Dwarf_Attribute attribute;
  bool value = false;
  return dwarf_attr(&die, name, &attribute) != nullptr && dwarf_formflag(&attribute, &value) == 0 &&
         value;
}

Dwarf_Die LibdwWalk::declaration_of(Dwarf_Die die) {
  for (int i = 0; i < 6; ++i) {
    Dwarf_Attribute attribute;
    Dwarf_Die next;
    if (dwarf_attr(&die, DW_AT_specification, &attribute) == nullptr &&
        dwarf_attr(&die, DW_AT_abstract_origin, &attribute) == nullptr)
      break;
    if (dwarf_formref_die(&attribute, &next) == nullptr) break;
    die = next;
  }
  return die;
}

std::optional<NameKind> LibdwWalk::kind_of(Dwarf_Die& die, bool in_function) const {
  const bool is_declared = flag(die, DW_AT_declaration);
  switch (dwarf_tag(&die)) {
    case DW_TAG_subprogram: {
      if (is_declared) return std::nullopt;
      if (dwarf_hasattr(&die, DW_AT_low_pc) || dwarf_hasattr(&die, DW_AT_ranges))
        return NameKind::function;
      Dwarf_Attribute attribute;
      Dwarf_Word how = DW_INL_not_inlined;
      if (dwarf_attr(&die, DW_AT_inline, &attribute) != nullptr) dwarf_formudata(&attribute, &how);
      return how == DW_INL_inlined || how == DW_INL_declared_inlined
                 ? std::optional(NameKind::inlined_function)
                 : std::nullopt;
    }
    case DW_TAG_member:
    case DW_TAG_variable:
    case DW_TAG_constant: {
      if (dwarf_hasattr(&die, DW_AT_const_value) && !in_function) return NameKind::variable;
      if (dwarf_tag(&die) == DW_TAG_member || is_declared) return std::nullopt;
      Dwarf_Attribute attribute;
      Dwarf_Op* ops = nullptr;
      size_t count = 0;
      if (dwarf_attr(&die, DW_AT_location, &attribute) == nullptr ||
          dwarf_getlocation(&attribute, &ops, &count) != 0 || count == 0)
        return std::nullopt;
      const auto op = ops[0].atom;
      const bool tls = count > 1 && (op == DW_OP_const4u || op == DW_OP_const8u ||
                                     op == DW_OP_constx || op == DW_OP_GNU_const_index);
      return op == DW_OP_addr || op == DW_OP_addrx || tls ? std::optional(NameKind::variable)
                                                          : std::nullopt;
    }
    case DW_TAG_structure_type:
    case DW_TAG_class_type:
    case DW_TAG_union_type:
    case DW_TAG_enumeration_type:
    case DW_TAG_interface_type:
    case DW_TAG_typedef:
    case DW_TAG_base_type:
    case DW_TAG_unspecified_type:
    case DW_TAG_template_alias:
      return is_declared ? std::nullopt : std::optional(NameKind::type);
    case DW_TAG_enumerator:
      return NameKind::enumerator;
    default:
      return std::nullopt;
  }
}

std::string LibdwWalk::scoped_name(Dwarf_Die die) const {
  const Dwarf_Die declaration = declaration_of(die);
  const char* const own = dwarf_diename(&die);
  Dwarf_Die d = declaration;
  if (own == nullptr && dwarf_diename(&d) == nullptr) return {};
  std::string name = own != nullptr ? own : dwarf_diename(&d);
  const auto start = parents_.find(declaration.addr);
  if (start == parents_.end()) return "?::" + name;
  for (const void* at = start->second.parent; at != nullptr;) {
    const Parent& parent = parents_.at(at);
    Dwarf_Die scope = parent.die;
    const Dwarf_Die declared = declaration_of(scope);
    const auto around = parents_.find(declared.addr);
    at = around == parents_.end() ? nullptr : around->second.parent;
    std::string_view nameless;
    switch (dwarf_tag(&scope)) {
      case DW_TAG_namespace:
        nameless = "(anonymous namespace)";
        break;
      case DW_TAG_union_type:
        nameless = "(anonymous union)";
        break;
      case DW_TAG_class_type:
        nameless = "(anonymous class)";
        break;
      case DW_TAG_structure_type:
        nameless = "(anonymous struct)";
        break;
      case DW_TAG_enumeration_type:
        if (!flag(scope, DW_AT_enum_class)) continue;
        break;
      case DW_TAG_subprogram:
        if (dwarf_diename(&scope) == nullptr) continue;
        break;
      case DW_TAG_module:
        break;
      default:
        continue;
    }
    const char* text = dwarf_diename(&scope);
    Dwarf_Attribute signature;
    Dwarf_Die type;
    if (text == nullptr && dwarf_attr(&scope, DW_AT_signature, &signature) != nullptr &&
        dwarf_formref_die(&signature, &type) != nullptr)
      text = dwarf_diename(&type);
    name = fmt::format("{}::{}", text != nullptr ? text : nameless, name);
  }
  return name;
}

void LibdwWalk::visit(Dwarf_Die die, const void* parent, bool in_function, bool in_types) {
  parents_[die.addr] = {parent, die};
  if (const auto kind = kind_of(die, in_function)) found_.push_back({die, *kind, in_types});
  in_function = in_function || dwarf_tag(&die) == DW_TAG_subprogram;
  Dwarf_Die child;
  if (dwarf_child(&die, &child) != 0) return;
  do {
    visit(child, die.addr, in_function, in_types);
  } while (dwarf_siblingof(&child, &child) == 0);
}

void LibdwWalk::visit_units() {
  Dwarf_CU* cu = nullptr;
  Dwarf_Die unit;
  uint8_t type = 0;
  while (dwarf_get_units(dwarf_, cu, &cu, nullptr, &type, &unit, nullptr) == 0) {
    // Those of .debug_types come last, and have offsets of their own.
    Dwarf_Half version = 0;
    dwarf_cu_info(cu, &version, nullptr, nullptr, nullptr, nullptr, nullptr, nullptr);
    visit(unit, nullptr, false, type == DW_UT_type && version < 5);
  }
}

Truth LibdwWalk::names() {
  visit_units();
  if (Dwarf* const alt = dwarf_getalt(dwarf_)) {
    // Only to know what the names there lie in.
    Dwarf_CU* cu = nullptr;
    Dwarf_Die unit;
    const auto keep = found_;
    while (dwarf_get_units(alt, cu, &cu, nullptr, nullptr, &unit, nullptr) == 0)
      visit(unit, nullptr, false, false);
    found_ = keep;
  }
  Truth truth;
  for (Found& found : found_) {
    std::string name = scoped_name(found.die);
    if (!name.empty())
      truth.emplace(found.in_types, dwarf_dieoffset(&found.die), found.kind, std::move(name));
  }
  return truth;
}

Truth names_of(const std::string& path, unsigned threads) {
  const auto image = ElfImage::open_path(path);
  EXPECT_TRUE(image);
  DwarfSections sections(**image);
  std::unique_ptr<ElfImage> alt_image;
  std::unique_ptr<DwarfSections> alt;
  std::vector<DwarfUnit> alt_units;
  if ((*image)->find_section(".gnu_debugaltlink") != nullptr) {
    const auto folder = std::filesystem::path(path).parent_path();
    alt_image = ElfImage::open_path(folder / "gxx_dwz_common").value();
    alt = std::make_unique<DwarfSections>(*alt_image);
    alt_units = read_dwarf_units(*alt);
    sections.set_alt(alt.get());
  }
  const auto units = read_dwarf_units(sections);
  WorkControl control;
  const auto index = NameIndex::scan(sections, units, units, alt_units, threads, control);
  EXPECT_TRUE(index);
  EXPECT_EQ(index->broken_units(), 0u);
  Truth found;
  for (size_t i = 0; i < index->names().size(); ++i) {
    const NameRecord& name = index->names()[i];
    const NameIndex::Unit* const unit = index->unit_of(i);
    EXPECT_NE(unit, nullptr);
    const bool in_types = (unit->flags & NameIndex::Unit::is_in_types) != 0;
    EXPECT_EQ(name.hash, hash_name(base_name(text_of(sections, name.name_ref()), unit->language)));
    found.emplace(in_types, name.die(), name.kind(), full_name(sections, *index, name));
  }
  EXPECT_EQ(found.size(), index->names().size());
  return found;
}

std::string differences(const Truth& truth, const Truth& found) {
  std::string text;
  size_t shown = 0;
  const auto show = [&](std::string_view what, const Truth& from, const Truth& other) {
    for (const auto& entry : from) {
      if (other.count(entry) != 0 || ++shown > 30) continue;
      const auto& [in_types, die, kind, name] = entry;
      text += fmt::format("{} {:#x} kind {} {}\n", what, die, static_cast<int>(kind), name);
    }
  };
  show("missing", truth, found);
  show("too much", found, truth);
  return text;
}

std::vector<std::string> programs() {
  std::vector<std::string> paths;
  for (const auto& entry : std::filesystem::directory_iterator(CLEW_FIXTURES "/names")) {
    if (entry.is_regular_file() && entry.path().extension().empty() &&
        entry.path().filename() != "gxx_dwz_common" &&
        entry.path().filename().string().find("split") == std::string::npos)
      paths.push_back(entry.path());
  }
  std::sort(paths.begin(), paths.end());
  return paths;
}

class NamesOf : public testing::TestWithParam<std::string> {};

TEST_P(NamesOf, AreThoseThatLibdwFinds) {
  const Truth truth = LibdwWalk(GetParam()).names();
  const Truth found = names_of(GetParam(), 2);
  EXPECT_GT(truth.size(), 10u);
  EXPECT_EQ(differences(truth, found), "") << GetParam();
}

INSTANTIATE_TEST_SUITE_P(Formats, NamesOf, testing::ValuesIn(programs()), [](const auto& program) {
  return std::filesystem::path(program.param).filename().string();
});

TEST(NameIndex, IsTheSameHoweverManyThreadsScan) {
  const std::string path = CLEW_BINARY;
  EXPECT_EQ(names_of(path, 1), names_of(path, 3));
}

TEST(NameIndex, OfClewItselfIsWhatLibdwFinds) {
  const std::string path = CLEW_BINARY;
  EXPECT_EQ(differences(LibdwWalk(path).names(), names_of(path, 2)), "");
}

TEST(NameIndex, IsGivenUpWhenCancelled) {
  const auto image = ElfImage::open_path(CLEW_BINARY);
  ASSERT_TRUE(image);
  const DwarfSections sections(**image);
  const auto units = read_dwarf_units(sections);
  WorkControl control;
  control.cancelled = true;
  const auto index = NameIndex::scan(sections, units, units, {}, 2, control);
  ASSERT_FALSE(index);
  EXPECT_EQ(index.error().code, ErrorCode::cancelled);
}

}  // namespace
}  // namespace clew::sym
