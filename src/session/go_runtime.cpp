#include "session/go_runtime.h"

#include "lang/go/build_info.h"
#include "sym/unwind_table.h"

namespace clew {

Result<GoRuntime> find_go_runtime(Symbols& symbols, MemoryReader& memory) {
  Error why(ErrorCode::not_found,
            "no Go program: none of the files that are mapped was built by Go");
  for (const sym::LoadedModule& loaded : symbols.modules().modules()) {
    if (!go::is_go_image(loaded.module->image())) continue;
    const sym::ModuleNames* const names = symbols.read_names_of(loaded.module);
    if (names == nullptr) continue;
    auto layout = go::read_layout(loaded, *names, memory);
    if (!layout) {
      // A plugin has Go code without a runtime of its own.
      if (why.code == ErrorCode::not_found) why = layout.error();
      continue;
    }
    (void)loaded.module->symbols();
    (void)loaded.module->debug_frame().find(loaded.module->image().entry());
    return GoRuntime{loaded, go::go_version(loaded.module->image()).value_or(""),
                     std::move(*layout)};
  }
  return tl::unexpected(why);
}

}  // namespace clew
