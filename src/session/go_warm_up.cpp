#include "session/go_warm_up.h"

#include "lang/go/build_info.h"
#include "sym/go_table.h"

namespace clew {

void warm_up_go(Symbols& symbols) {
  for (const sym::LoadedModule& loaded : symbols.modules().modules()) {
    if (!go::is_go_image(loaded.module->image())) continue;
    (void)symbols.read_names_of(loaded.module);
    (void)sym::go_table(*loaded.module);
  }
}

}  // namespace clew
