#include "base/background.h"

#include <sys/eventfd.h>

#include "base/worker.h"

namespace clew {

Background::Background(std::function<void(WorkControl&)> work) : done_fd_(eventfd(0, EFD_CLOEXEC)) {
  worker_ = start_worker([this, work = std::move(work)] {
    work(control_);
    done_ = true;
    eventfd_write(done_fd_.value(), 1);
  });
}

Background::~Background() {
  cancel();
  join();
}

void Background::join() {
  if (worker_.joinable()) worker_.join();
}

}  // namespace clew
