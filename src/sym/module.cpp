#include "sym/module.h"

#include "sym/code_tables.h"

namespace clew::sym {

std::shared_ptr<Module> Module::create(std::unique_ptr<ElfImage> image, std::string path,
                                       std::shared_ptr<const DebugFileFinder> finder) {
  return std::shared_ptr<Module>(new Module(std::move(image), std::move(path), std::move(finder)));
}

Module::Module(std::unique_ptr<ElfImage> image, std::string path,
               std::shared_ptr<const DebugFileFinder> finder)
    : path_(std::move(path)), image_(std::move(image)), finder_(std::move(finder)) {}

Module::~Module() {
  code_tables_.reset();
  if (eh_frame_ != nullptr) dwarf_cfi_end(eh_frame_);
  if (dwarf_ != nullptr) dwarf_end(dwarf_);
}

std::string_view Module::name() const {
  const std::string_view path = path_;
  return path.substr(path.find_last_of('/') + 1);
}

const ElfImage& Module::debug_image() const {
  std::call_once(debug_once_, [&] {
    const bool has_own = image_->find_section(".debug_info") != nullptr ||
                         image_->find_section(".zdebug_info") != nullptr;
    if (!has_own && finder_ != nullptr) separate_ = finder_->find(*image_, path_);
  });
  return separate_ != nullptr ? *separate_ : *image_;
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
  const ElfImage& image = debug_image();
  std::call_once(dwarf_once_,
                 [&] { dwarf_ = dwarf_begin_elf(image.elf(), DWARF_C_READ, nullptr); });
  return dwarf_;
}

Dwarf_CFI* Module::eh_frame() const {
  std::call_once(eh_frame_once_, [&] { eh_frame_ = dwarf_getcfi_elf(image_->elf()); });
  return eh_frame_;
}

Dwarf_CFI* Module::debug_frame() const {
  Dwarf* const debug = dwarf();
  return debug == nullptr ? nullptr : dwarf_getcfi(debug);
}

const SymbolTable& Module::symbols() const {
  std::call_once(symbols_once_, [&] {
    symbols_ = SymbolTable(debug_image());
    if (symbols_.empty() || debug_image().find_section(".symtab") == nullptr)
      symbols_ = SymbolTable(*image_);
  });
  return symbols_;
}

}  // namespace clew::sym
