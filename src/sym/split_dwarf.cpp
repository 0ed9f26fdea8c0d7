#include "sym/split_dwarf.h"

#include <dwarf.h>
#include <fmt/format.h>

#include <algorithm>

#include "base/printable.h"
#include "sym/dwarf_attribute.h"
#include "sym/dwarf_data.h"
#include "sym/module.h"
#include "sym/split_patch.h"

namespace clew::sym {

/// What the skeleton says of where the rest is and of how it is to be read.
struct SplitDwarf::Skeleton {
  Dwarf_Die die{};
  uint64_t id = 0;
  unsigned version = 0;
  std::string name, compilation_directory;
  uint64_t low_pc = 0;
  uint64_t address_base = 0, range_base = 0, range_end = UINT64_MAX;
  std::optional<uint64_t> line_offset;
};

/// A unit that was put together, with all that its bytes are views of.
struct SplitDwarf::Whole {
  Whole() = default;
  Whole(const Whole&) = delete;
  Whole& operator=(const Whole&) = delete;
  ~Whole() {
    if (dwarf != nullptr) dwarf_end(dwarf);
  }

  std::unique_ptr<ElfImage> file;  // none when it is from the package
  std::vector<std::vector<std::byte>> joined;
  std::vector<std::byte> info, abbrev, addresses, ranges;
  std::unique_ptr<SectionedElf> elf;
  Dwarf* dwarf = nullptr;
  Dwarf_Die unit{};
};

SplitDwarf::SplitDwarf(const ElfImage& image, Dwarf* dwarf, std::string path,
                       const DebugFileFinder* finder)
    : image_(image), dwarf_(dwarf), path_(std::move(path)), finder_(finder) {}

SplitDwarf::~SplitDwarf() = default;

bool SplitDwarf::read_skeleton(const Dwarf_Die& unit, Skeleton& skeleton) {
  std::string_view name = string_attribute(unit, DW_AT_dwo_name);
  if (name.empty()) name = string_attribute(unit, DW_AT_GNU_dwo_name);
  if (name.empty() || dwarf_cu_getdwarf(unit.cu) != dwarf_) return false;
  Dwarf_Half version = 0;
  uint64_t id = 0;
  if (dwarf_cu_info(unit.cu, &version, nullptr, nullptr, nullptr, &id, nullptr, nullptr) != 0)
    return false;
  const auto number = [&](unsigned attribute) {
    return number_attribute(unit, attribute).value_or(0);
  };
  skeleton.die = unit;
  skeleton.version = version;
  skeleton.id = version >= 5 ? id : number(DW_AT_GNU_dwo_id);
  skeleton.name = name;
  skeleton.compilation_directory = string_attribute(unit, DW_AT_comp_dir);
  skeleton.address_base = number(version >= 5 ? DW_AT_addr_base : DW_AT_GNU_addr_base);
  skeleton.range_base = number(DW_AT_GNU_ranges_base);
  if (version < 5) skeleton.range_end = end_of_ranges(skeleton.range_base);
  skeleton.line_offset = number_attribute(unit, DW_AT_stmt_list);
  Dwarf_Addr low_pc = 0;
  if (dwarf_lowpc(&skeleton.die, &low_pc) == 0) skeleton.low_pc = low_pc;
  return true;
}

void SplitDwarf::complete(Dwarf_Die& unit, std::vector<std::string>& problems) {
  auto [known, is_new] = known_.try_emplace(unit.cu);
  if (is_new) {
    Skeleton skeleton;
    if (!read_skeleton(unit, skeleton)) return;
    has_skeletons_ = true;
    known->second = find(skeleton);
    if (known->second == nullptr && !missing_was_said_) {
      missing_was_said_ = true;
      problems.push_back(fmt::format(
          "{}: debug information was split off into {} and more, which is not there or of another "
          "build: keep the .dwo files or a .dwp beside the program",
          printable(path_), printable(skeleton.name)));
    }
  }
  if (known->second != nullptr) unit = known->second->unit;
}

std::unique_ptr<SplitDwarf::Whole> SplitDwarf::find(const Skeleton& skeleton) {
  auto whole = find_in_package(skeleton);
  return whole != nullptr ? std::move(whole) : find_file(skeleton);
}

std::unique_ptr<ElfImage> SplitDwarf::open(const std::string& path) const {
  std::unique_ptr<ElfImage> image;
  if (finder_ != nullptr) {
    image = finder_->open_file(path);
  } else if (auto opened = ElfImage::open_path(path)) {
    image = std::move(*opened);
  }
  if (image == nullptr || !image->has_compressed_debug_sections()) return image;
  std::vector<std::string> problems;
  auto plain = image->decompressed_copy(problems);
  return plain ? std::move(*plain) : nullptr;
}

std::unique_ptr<SplitDwarf::Whole> SplitDwarf::find_in_package(const Skeleton& skeleton) {
  if (!package_was_looked_for_) {
    package_was_looked_for_ = true;
    for (const std::string& path : {path_ + ".dwp", image_.label() + ".dwp"}) {
      package_image_ = open(path);
      if (package_image_ != nullptr) package_ = DwarfPackage::read(*package_image_);
      if (package_) break;
    }
  }
  if (!package_) return nullptr;
  auto sections = package_->find(skeleton.id);
  if (!sections) return nullptr;
  auto whole = std::make_unique<Whole>();
  return assemble(skeleton, *sections, *whole) ? std::move(whole) : nullptr;
}

std::unique_ptr<SplitDwarf::Whole> SplitDwarf::find_file(const Skeleton& skeleton) {
  std::vector<std::string> paths;
  if (skeleton.name.starts_with('/')) {
    paths.push_back(skeleton.name);
  } else {
    paths.push_back(skeleton.compilation_directory + "/" + skeleton.name);
    // Beside the program, when the build directory was moved.
    const auto directory = [](const std::string& path) {
      return path.substr(0, path.find_last_of('/') + 1);
    };
    paths.push_back(directory(path_) + skeleton.name);
    if (image_.label() != path_) paths.push_back(directory(image_.label()) + skeleton.name);
  }
  for (const std::string& path : paths) {
    auto file = open(path);
    if (file == nullptr) continue;
    auto whole = std::make_unique<Whole>();
    whole->file = std::move(file);
    if (assemble(skeleton, split_sections_of_file(*whole->file, whole->joined), *whole))
      return whole;
  }
  return nullptr;
}

uint64_t SplitDwarf::end_of_ranges(uint64_t base) {
  if (!range_bases_) {
    range_bases_.emplace();
    Dwarf_CU* unit = nullptr;
    Dwarf_CU* next = nullptr;
    Dwarf_Die die;
    while (dwarf_get_units(dwarf_, unit, &next, nullptr, nullptr, &die, nullptr) == 0) {
      unit = next;
      if (const auto number = number_attribute(die, DW_AT_GNU_ranges_base))
        range_bases_->push_back(*number);
    }
    std::sort(range_bases_->begin(), range_bases_->end());
  }
  const auto after = std::upper_bound(range_bases_->begin(), range_bases_->end(), base);
  return after == range_bases_->end() ? UINT64_MAX : *after;
}

bool SplitDwarf::assemble(const Skeleton& skeleton, SplitSections sections, Whole& whole) const {
  const auto from = [](Bytes bytes, uint64_t offset) {
    return bytes.subspan(std::min<uint64_t>(offset, bytes.size()));
  };
  Bytes addresses = from(dwarf_section(dwarf_, ".debug_addr"), skeleton.address_base);
  Bytes ranges;
  if (skeleton.version >= 5) {
    // Offsets are from the unit's base address, which only the skeleton has.
    SplitUnit unit{sections.info, sections.abbrev, skeleton.id};
    const Bytes own =
        addresses_of_unit(dwarf_section(dwarf_, ".debug_addr"), skeleton.address_base);
    whole.addresses.assign(own.begin(), own.end());
    const uint64_t index = whole.addresses.size() / sizeof(uint64_t);
    whole.addresses.resize((index + 1) * sizeof(uint64_t));
    std::memcpy(whole.addresses.data() + index * sizeof(uint64_t), &skeleton.low_pc,
                sizeof skeleton.low_pc);
    if (!make_whole_unit(unit, index, whole.info, whole.abbrev)) return false;
    sections.info = whole.info;
    sections.abbrev = whole.abbrev;
    addresses = whole.addresses;
  } else {
    ranges = from(dwarf_section(dwarf_, ".debug_ranges"), skeleton.range_base);
    ranges =
        ranges.first(std::min<uint64_t>(ranges.size(), skeleton.range_end - skeleton.range_base));
    if (skeleton.low_pc != 0) {
      whole.ranges = add_to_ranges(ranges, skeleton.low_pc);
      ranges = whole.ranges;
    }
  }
  if (sections.line.empty() && skeleton.line_offset)
    sections.line = from(dwarf_section(dwarf_, ".debug_line"), *skeleton.line_offset);

  whole.elf = std::make_unique<SectionedElf>(
      std::vector<SectionedElf::Section>{
          {".debug_info", sections.info},
          {".debug_types", sections.types},
          {".debug_abbrev", sections.abbrev},
          {".debug_line", sections.line},
          {".debug_line_str", dwarf_section(dwarf_, ".debug_line_str")},
          {".debug_loc", sections.loc},
          {".debug_loclists", sections.loclists},
          {".debug_str_offsets", sections.str_offsets},
          {".debug_str", sections.str},
          {".debug_rnglists", sections.rnglists},
          {".debug_ranges", ranges},
          {".debug_macro", sections.macro},
          {".debug_macinfo", sections.macinfo},
          {".debug_addr", addresses},
      },
      image_.machine());
  if (whole.elf->elf() == nullptr) return false;
  whole.dwarf = dwarf_begin_elf(whole.elf->elf(), DWARF_C_READ, nullptr);
  if (whole.dwarf == nullptr) return false;
  Dwarf_CU* unit = nullptr;
  Dwarf_CU* next = nullptr;
  while (dwarf_get_units(whole.dwarf, unit, &next, nullptr, nullptr, &whole.unit, nullptr) == 0) {
    unit = next;
    if (dwarf_tag(&whole.unit) != DW_TAG_compile_unit) continue;
    // A unit of version 5 was found by its id when it was made whole; the others have theirs here.
    if (skeleton.version >= 5 || number_attribute(whole.unit, DW_AT_GNU_dwo_id) == skeleton.id)
      return true;
  }
  return false;
}

}  // namespace clew::sym
