#include "session/symbols.h"

#include <algorithm>

namespace clew {
namespace {

bool is_same(const os::Mapping& a, const os::Mapping& b) {
  return a.start == b.start && a.end == b.end && a.file_offset == b.file_offset &&
         a.inode == b.inode && a.device == b.device && a.path == b.path;
}

}  // namespace

Symbols::Symbols(const os::ProcDir& proc, std::shared_ptr<const sym::DebugFileFinder> finder)
    : proc_(proc),
      memory_(proc),
      loader_(sym::process_module_loader(proc, memory_, std::move(finder))) {
  refresh();
}

bool Symbols::refresh() {
  auto code = os::read_code_mappings(proc_);
  if (!code || std::equal(code->begin(), code->end(), code_.begin(), code_.end(), is_same))
    return false;
  code_ = std::move(*code);
  // After an exec the old descriptor would show the old program's memory.
  memory_.reopen();
  modules_ = sym::ModuleMap(code_, *loader_);
  return true;
}

}  // namespace clew
