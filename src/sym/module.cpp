#include "sym/module.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <array>

#include "sym/code_tables.h"
#include "sym/mini_debug.h"
#include "sym/split_dwarf.h"
#include "sym/unwind_table.h"

namespace clew::sym {
namespace {

/// A file at one time of its life. nullopt without a descriptor: what lies in memory.
std::optional<std::string> file_identity(int fd) {
  struct stat info {};
  if (fd < 0 || fstat(fd, &info) != 0) return std::nullopt;
  return fmt::format("{}:{}:{}:{}.{} ", info.st_dev, info.st_ino, info.st_size, info.st_mtim.tv_sec,
                     info.st_mtim.tv_nsec);
}

}  // namespace

std::shared_ptr<Module> Module::create(std::unique_ptr<ElfImage> image, std::string path,
                                       std::shared_ptr<const DebugFileFinder> finder,
                                       std::vector<std::string> problems) {
  std::shared_ptr<Module> module(new Module(std::move(image), std::move(path), std::move(finder)));
  module->add_problems(std::move(problems));
  return module;
}

Module::Module(std::unique_ptr<ElfImage> image, std::string path,
               std::shared_ptr<const DebugFileFinder> finder)
    : path_(std::move(path)), image_(std::move(image)), finder_(std::move(finder)) {}

Module::~Module() {
  code_tables_.reset();
  split_.reset();
  if (dwarf_ != nullptr) dwarf_end(dwarf_);
  if (alternate_dwarf_ != nullptr) dwarf_end(alternate_dwarf_);
}

std::string_view Module::name() const {
  const std::string_view path = path_;
  return path.substr(path.find_last_of('/') + 1);
}

std::vector<std::string> Module::problems() const {
  const std::lock_guard guard(problems_mutex_);
  return problems_;
}

void Module::add_problems(std::vector<std::string> problems) const {
  const std::lock_guard guard(problems_mutex_);
  for (std::string& problem : problems) problems_.push_back(std::move(problem));
}

const ElfImage& Module::packed_debug_image() const {
  std::call_once(found_once_, [&] {
    const bool has_own = image_->find_section(".debug_info") != nullptr ||
                         image_->find_section(".zdebug_info") != nullptr;
    if (has_own || finder_ == nullptr) return;
    std::vector<std::string> problems;
    found_ = finder_->find(*image_, path_, problems);
    add_problems(std::move(problems));
  });
  return found_ != nullptr ? *found_ : *image_;
}

const ElfImage& Module::debug_image() const {
  const ElfImage& packed = packed_debug_image();
  std::call_once(debug_once_, [&] {
    if (!packed.has_compressed_debug_sections()) return;
    std::vector<std::string> problems;
    // Not in place: others may be reading the image.
    if (auto plain = packed.decompressed_copy(problems)) debug_ = std::move(*plain);
    add_problems(std::move(problems));
  });
  return debug_ != nullptr ? *debug_ : packed;
}

std::shared_ptr<const Module> Module::without_code() const {
  constexpr std::array<std::string_view, 7> described{
      ".debug_info", ".debug_types",    ".debug_abbrev",     ".debug_str",
      ".debug_addr", ".debug_line_str", ".debug_str_offsets"};
  if (&packed_debug_image() != image_.get() || !image_->has_compressed_debug_sections())
    return nullptr;
  std::vector<std::string> problems;
  auto copy = image_->decompressed_copy(problems, described);
  if (!copy || !problems.empty()) return nullptr;
  return create(std::move(*copy), path_, finder_);
}

bool Module::has_separate_debug_file() const {
  packed_debug_image();
  return found_ != nullptr;
}

std::optional<std::string> Module::files() const {
  {
    const auto guard = lock();
    if (split_ != nullptr && split_->has_skeletons()) return std::nullopt;
  }
  std::string all;
  const ElfImage* const used[] = {image_.get(), &packed_debug_image(), packed_alternate()};
  for (const ElfImage* image : used) {
    if (image == nullptr) continue;
    const auto file = file_identity(image->fd());
    if (!file) return std::nullopt;
    all += *file;
  }
  return all;
}

uint64_t Module::debug_bias() const {
  if (!has_separate_debug_file()) return 0;
  // Whoever moves a module moves all of it by the same number of bytes.
  const auto base = [](const ElfImage& image) -> std::optional<uint64_t> {
    for (const ElfImage::Segment& segment : image.segments()) {
      if (segment.type == PT_LOAD) return segment.address;
    }
    return std::nullopt;
  };
  const auto own = base(*image_);
  const auto separate = base(debug_image());
  return own && separate ? *own - *separate : 0;
}

CodeTables& Module::code_tables() const {
  if (code_tables_ == nullptr) code_tables_ = std::make_unique<CodeTables>(*this);
  return *code_tables_;
}

Dwarf* Module::dwarf() const {
  std::call_once(dwarf_once_, [&] { open_dwarf(); });
  return dwarf_;
}

const ElfImage* Module::packed_alternate() const {
  const ElfImage& image = packed_debug_image();
  std::call_once(alternate_once_, [&] {
    if (finder_ == nullptr) return;
    std::vector<std::string> problems;
    alternate_ = finder_->find_alternate(image, image.label(), problems);
    add_problems(std::move(problems));
  });
  return alternate_.get();
}

void Module::open_dwarf() const {
  dwarf_ = dwarf_begin_elf(debug_image().elf(), DWARF_C_READ, nullptr);
  if (dwarf_ == nullptr || finder_ == nullptr) return;
  const ElfImage* alternate = packed_alternate();
  if (alternate != nullptr && alternate->has_compressed_debug_sections()) {
    std::vector<std::string> problems;
    if (auto plain = alternate->decompressed_copy(problems)) {
      plain_alternate_ = std::move(*plain);
      alternate = plain_alternate_.get();
    }
    add_problems(std::move(problems));
  }
  if (alternate != nullptr)
    alternate_dwarf_ = dwarf_begin_elf(alternate->elf(), DWARF_C_READ, nullptr);
  // With nullptr too: else libdw would look for the file by itself, outside of the target's root.
  dwarf_setalt(dwarf_, alternate_dwarf_);
}

void Module::complete_unit(Dwarf_Die& unit) const {
  if (dwarf() == nullptr) return;
  if (split_ == nullptr)
    split_ = std::make_unique<SplitDwarf>(debug_image(), dwarf(), path_, finder_.get());
  std::vector<std::string> problems;
  split_->complete(unit, problems);
  if (!problems.empty()) add_problems(std::move(problems));
}

const UnwindTable& Module::eh_frame() const {
  std::call_once(eh_frame_once_, [&] { eh_frame_ = UnwindTable::eh_frame(*image_); });
  return *eh_frame_;
}

const UnwindTable& Module::debug_frame() const {
  std::call_once(debug_frame_once_, [&] {
    debug_frame_ = UnwindTable::debug_frame(*image_, 0);
    if (debug_frame_->is_empty() && has_separate_debug_file())
      debug_frame_ = UnwindTable::debug_frame(debug_image(), debug_bias());
  });
  return *debug_frame_;
}

const SymbolTable& Module::symbols() const {
  std::call_once(symbols_once_, [&] {
    const ElfImage& debug = debug_image();
    const auto has_symtab = [](const ElfImage& image) {
      const ElfImage::Section* const section = image.find_section(".symtab");
      return section != nullptr && section->type == SHT_SYMTAB;
    };
    if (has_symtab(debug)) {
      symbols_ = SymbolTable(debug, debug_bias());
      return;
    }
    symbols_ = SymbolTable(*image_);
    if (has_symtab(*image_)) return;
    auto mini = mini_debug_image(*image_);
    if (mini) {
      mini_debug_ = std::move(*mini);
      symbols_.merge(SymbolTable(*mini_debug_));
    } else if (mini.error().code != ErrorCode::not_found) {
      add_problems({mini.error().text});
    }
  });
  return symbols_;
}

}  // namespace clew::sym
