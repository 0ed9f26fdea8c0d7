#include "lang/printers.h"

#include "lang/cpp/printers.h"
#include "lang/go/printers.h"
#include "lang/rust/printers.h"

namespace clew::lang {

value::PrinterSet all_printers() {
  value::PrinterSet printers;
  add_cpp_printers(printers);
  add_rust_printers(printers);
  add_go_printers(printers);
  return printers;
}

}  // namespace clew::lang
