#include "sym/code_ranges.h"

#include <algorithm>

namespace clew::sym {

CodeRanges::CodeRanges(const ElfImage& image) {
  constexpr uint64_t code = SHF_ALLOC | SHF_EXECINSTR;
  for (const ElfImage::Section& section : image.sections()) {
    if ((section.flags & code) == code)
      ranges_.push_back({section.address, section.address + section.size});
  }
  if (ranges_.empty()) {  // section headers can be stripped, segments not
    for (const ElfImage::Segment& segment : image.segments()) {
      if (segment.type == PT_LOAD && (segment.flags & PF_X) != 0)
        ranges_.push_back({segment.address, segment.address + segment.memory_size});
    }
  }
  std::erase_if(ranges_, [](const Range& range) { return range.start >= range.end; });
  std::sort(ranges_.begin(), ranges_.end(),
            [](const Range& a, const Range& b) { return a.start < b.start; });
}

CodeRanges CodeRanges::everything() {
  CodeRanges all;
  all.ranges_.push_back({0, UINT64_MAX});
  return all;
}

bool CodeRanges::contains(uint64_t address) const {
  auto after = std::upper_bound(ranges_.begin(), ranges_.end(), address,
                                [](uint64_t a, const Range& range) { return a < range.start; });
  return after != ranges_.begin() && address < (--after)->end;
}

}  // namespace clew::sym
