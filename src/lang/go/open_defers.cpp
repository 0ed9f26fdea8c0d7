#include "lang/go/open_defers.h"

#include "sym/byte_reader.h"
#include "sym/go_table.h"

namespace clew::go {
namespace {

/// Of the function's data (abi.FUNCDATA_OpenCodedDeferInfo): where in the frame is what.
constexpr uint32_t table_of_defers = 4;
constexpr unsigned most_calls = 8;

}  // namespace

std::vector<DeferredCall> open_coded_calls(const sym::LoadedModule& loaded,
                                           const RuntimeLayout& layout, Addr lookup, Addr cfa,
                                           MemoryReader& memory) {
  std::vector<DeferredCall> calls;
  const sym::GoTable* const table = sym::go_table(*loaded.module);
  const uint64_t own = loaded.to_file(lookup);
  const sym::GoTable::Function* const function = table == nullptr ? nullptr : table->find(own);
  // Before the frame is there, so are its variables not.
  if (function == nullptr || table->frame_size(own).value_or(0) == 0) return calls;
  sym::ByteReader reader(table->function_data(*function, table_of_defers));
  if (reader.at_end()) return calls;
  // Behind the frame's variables come the caller's frame pointer and the return address.
  const Addr variables = cfa - 2 * word_size;
  const auto bits = memory.read<uint8_t>(variables - reader.uleb());
  if (!bits || *bits == 0) return calls;
  // From Go 1.22 on the functions lie in a row; before, each had a place of its own.
  const bool is_row = layout.panics.frame_sp.has_value();
  const uint64_t second = reader.uleb();
  const uint64_t count = is_row ? most_calls : second;
  if (count > most_calls) return calls;
  for (uint64_t i = count; i-- > 0;) {
    const Addr slot = is_row ? variables - second + i * word_size : variables - reader.uleb();
    if (reader.failed() || (*bits >> i & 1) == 0) continue;
    const auto closure = memory.read<uint64_t>(slot);
    const uint64_t code = closure ? memory.read<uint64_t>({*closure}).value_or(0) : 0;
    const sym::GoTable::Function* const called = table->find(loaded.to_file({code}));
    // What has not been set yet is no function.
    if (called == nullptr || loaded.to_runtime(called->start).value != code) continue;
    DeferredCall call;
    call.function = {code};
    calls.push_back(call);
  }
  return calls;
}

}  // namespace clew::go
