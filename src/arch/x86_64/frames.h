#pragma once

#include "arch/frame_facts.h"

namespace clew::arch {

const FrameFacts& x86_64_frames();

}  // namespace clew::arch
