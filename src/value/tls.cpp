#include "value/tls.h"

#include <elf.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>

namespace clew::value {
namespace {

using Segment = sym::ElfImage::Segment;

/// Entries of a dynamic section, libraries of a process, namespaces of dlmopen(3): more is a
/// circle.
constexpr int most_listed = 4096;
constexpr int most_namespaces = 64;

tl::unexpected<Error> no_storage(std::string_view why) {
  return fail(ErrorCode::unavailable,
              fmt::format("the thread's own storage cannot be found: {}", why));
}

const Segment* find_segment(const sym::LoadedModule& module, uint32_t type) {
  for (const Segment& segment : module.module->image().segments()) {
    if (segment.type == type) return &segment;
  }
  return nullptr;
}

/// A value of the dynamic section, as the dynamic linker has left it in memory.
std::optional<uint64_t> dynamic_value(MemoryReader& memory, const sym::LoadedModule& module,
                                      int64_t tag) {
  const Segment* const dynamic = find_segment(module, PT_DYNAMIC);
  if (dynamic == nullptr) return std::nullopt;
  Addr at = module.to_runtime(dynamic->address);
  for (int i = 0; i < most_listed; ++i) {
    const auto entry = memory.read<Elf64_Dyn>(at);
    if (!entry || entry->d_tag == DT_NULL) return std::nullopt;
    if (entry->d_tag == tag) return entry->d_un.d_val;
    at = at + sizeof *entry;
  }
  return std::nullopt;
}

/// Only programs have a place for the address of the dynamic linker's list.
bool is_program(MemoryReader& memory, const sym::LoadedModule& module) {
  return module.module->image().type() == ET_EXEC ||
         dynamic_value(memory, module, DT_DEBUG).has_value();
}

/// The program's block is the first in front of the thread pointer (ELF Handling for Thread-Local
/// Storage, 3.4.6), and ends as its alignment demands.
Result<uint64_t> block_of_program(const Segment& tls, uint64_t thread_pointer) {
  const uint64_t align = std::max<uint64_t>(tls.alignment, 1);
  if ((align & (align - 1)) != 0) return no_storage("its alignment makes no sense");
  const uint64_t first = (0 - tls.address) & (align - 1);
  const uint64_t offset = ((tls.memory_size - first + align - 1) & ~(align - 1)) + first;
  return thread_pointer - offset;
}

/// The dynamic linker's record of a module: struct link_map of <link.h>, by the address of its
/// dynamic section. 0 when there is none.
uint64_t find_link_map(Target& target, uint64_t dynamic) {
  MemoryReader& memory = target.memory();
  uint64_t debug = 0;
  for (const sym::LoadedModule& module : target.modules().modules()) {
    debug = dynamic_value(memory, module, DT_DEBUG).value_or(0);
    if (debug != 0) break;
  }
  // struct r_debug: version, first map, …; from version 2 on the next namespace at 40.
  for (int space = 0; space < most_namespaces && debug != 0; ++space) {
    uint64_t map = memory.read<uint64_t>(Addr{debug + word_size}).value_or(0);
    for (int i = 0; i < most_listed && map != 0; ++i) {
      if (memory.read<uint64_t>(Addr{map + 2 * word_size}).value_or(0) == dynamic) return map;
      map = memory.read<uint64_t>(Addr{map + 3 * word_size}).value_or(0);
    }
    const int version = memory.read<int>(Addr{debug}).value_or(0);
    debug = version < 2 ? 0 : memory.read<uint64_t>(Addr{debug + 5 * word_size}).value_or(0);
  }
  return 0;
}

/// Where the number of a module's block stands in its struct link_map: glibc tells debuggers by a
/// symbol, as three words of 32 bits: bits, count, offset (nptl_db).
std::optional<uint64_t> module_number_offset(Target& target) {
  constexpr std::string_view name = "_thread_db_link_map_l_tls_modid";
  for (const sym::LoadedModule& module : target.modules().modules()) {
    if (!module.module->name().starts_with("libc.") &&
        !module.module->name().starts_with("libc-") &&
        !module.module->name().starts_with("libpthread")) {
      continue;
    }
    for (const sym::Symbol* symbol : module.module->symbols().find(name)) {
      const auto words =
          target.memory().read<std::array<uint32_t, 3>>(module.to_runtime(symbol->address));
      if (words) return (*words)[2];
    }
  }
  return std::nullopt;
}

Result<uint64_t> block_of_library(Target& target, const sym::LoadedModule& module,
                                  uint64_t thread_pointer) {
  const Segment* const dynamic = find_segment(module, PT_DYNAMIC);
  const uint64_t map =
      dynamic == nullptr ? 0 : find_link_map(target, module.to_runtime(dynamic->address).value);
  if (map == 0) return no_storage("the dynamic linker does not list the library");
  const auto offset = module_number_offset(target);
  if (!offset) return no_storage("the C library does not say where it keeps it");
  MemoryReader& memory = target.memory();
  const auto number = memory.read<uint64_t>(Addr{map + *offset});
  const auto vector = memory.read<uint64_t>(Addr{thread_pointer + word_size});
  if (!number || !vector || *number == 0 || *vector == 0) return no_storage("it is not set up yet");
  // Each entry has two words; the one before the first says how many there are.
  const auto count = memory.read<uint64_t>(Addr{*vector - 2 * word_size});
  constexpr uint64_t unallocated = UINT64_MAX;
  const auto block = count && *number <= *count
                         ? memory.read<uint64_t>(Addr{*vector + *number * 2 * word_size})
                         : Result<uint64_t>(unallocated);
  if (!block) return tl::unexpected(block.error());
  if (*block == unallocated || *block == 0) {
    return fail(ErrorCode::unavailable,
                fmt::format("this thread has not used the thread-local variables of {} yet",
                            module.module->name()));
  }
  return *block;
}

}  // namespace

Result<uint64_t> thread_local_address(Target& target, const sym::LoadedModule& module,
                                      const ThreadState& thread, uint64_t offset) {
  const Segment* const tls = find_segment(module, PT_TLS);
  if (tls == nullptr) return no_storage("the module has none");
  auto thread_pointer = thread.thread_pointer();
  if (!thread_pointer) return thread_pointer;
  if (*thread_pointer == 0) return no_storage("the thread has none yet");
  auto block = is_program(target.memory(), module)
                   ? block_of_program(*tls, *thread_pointer)
                   : block_of_library(target, module, *thread_pointer);
  if (!block) return block;
  return *block + offset;
}

}  // namespace clew::value
