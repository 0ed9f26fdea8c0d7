#include "base/check.h"

#include <cstdio>
#include <cstdlib>

namespace clew {

void check_failed(const char* expression, const char* file, int line) {
  std::fprintf(stderr,
               "clew: internal error at %s:%d: %s\nclew: the target runs on; please report this\n",
               file, line, expression);
  std::abort();
}

}  // namespace clew
