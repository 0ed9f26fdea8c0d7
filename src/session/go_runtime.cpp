#include "session/go_runtime.h"

#include <algorithm>

#include "lang/go/build_info.h"
#include "sym/go_table.h"
#include "sym/unwind_table.h"

namespace clew {

bool has_go_code(const sym::ModuleMap& modules) {
  return std::any_of(
      modules.modules().begin(), modules.modules().end(),
      [](const sym::LoadedModule& loaded) { return go::is_go_image(loaded.module->image()); });
}

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
    (void)sym::go_table(*loaded.module);
    (void)loaded.module->debug_frame().find(loaded.module->image().entry());
    return GoRuntime{loaded, go::go_version(loaded.module->image()).value_or(""),
                     std::move(*layout)};
  }
  return tl::unexpected(why);
}

std::vector<go::ThreadAt> go_threads(Inferior& inferior,
                                     const std::function<pid_t(pid_t)>& inner_tid) {
  const arch::Arch& arch = inferior.arch();
  std::vector<go::ThreadAt> threads;
  for (const Thread& thread : inferior.threads()) {
    if (!is_held(thread.activity)) continue;
    const auto registers = inferior.general(thread.id);
    if (!registers) continue;
    threads.push_back({thread.id.tid, inner_tid(thread.id.tid), arch.pc_of(**registers),
                       arch.sp_of(**registers), (*registers)->word(arch.fp)});
  }
  return threads;
}

}  // namespace clew
