#pragma once

#include <csignal>
#include <vector>

namespace clew::os {

/// What clew was given by the one who started it, and what a program that clew starts is given in
/// turn, whatever clew has made of its own meanwhile.
struct Inherited {
  sigset_t mask{};               ///< signals that were blocked
  sigset_t ignored{};            ///< signals that were ignored
  std::vector<int> descriptors;  ///< open ones above 2 that an exec keeps, in order

  /// To be called before anything of it is changed.
  static Inherited capture();
};

}  // namespace clew::os
