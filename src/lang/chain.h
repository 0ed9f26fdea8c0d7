#pragma once

#include "lang/present.h"

namespace clew::lang {

/// Nodes that each hold the address of the next one in their first bytes or further in.
struct Chain {
  Addr first;                     ///< the first node, or `end`
  Addr end;                       ///< what the last node's link says: 0, or the list's head
  uint64_t next_offset = 0;       ///< of the link in a node
  uint64_t value_offset = 0;      ///< of the element in a node
  std::optional<uint64_t> count;  ///< how many nodes the container says there are
};

/// Walks along a chain. A chain that leads back into itself, or has more or fewer nodes than its
/// container says, ends with an error.
Addresses addresses_in_chain(Target& target, const Chain& chain);

}  // namespace clew::lang
