#pragma once

#include "arch/arch.h"

namespace clew::arch {

const Arch& x86_64();

}  // namespace clew::arch
