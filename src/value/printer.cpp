#include "value/printer.h"

namespace clew::value {

const Printer* PrinterSet::find(const Type* type) const {
  type = type->stripped();
  const auto [known, is_new] = known_.try_emplace(type);
  if (is_new) {
    for (const Maker& maker : makers_) {
      auto printer = maker(type);
      if (printer == nullptr) continue;
      // A maker may have asked for other types meanwhile.
      return (known_[type] = std::move(printer)).get();
    }
    return nullptr;
  }
  return known->second.get();
}

}  // namespace clew::value
