#include "session/go_runtime.h"

#include <elf.h>
#include <fmt/format.h>

#include <algorithm>

#include "base/printable.h"
#include "base/worker.h"
#include "lang/go/build_info.h"
#include "lang/go/layout_bytes.h"
#include "os/scheduling.h"
#include "sym/go_table.h"
#include "sym/thread_words.h"
#include "sym/unwind_table.h"

namespace clew {
namespace {

constexpr std::string_view no_go_program =
    "no Go program: none of the files that are mapped was built by Go";

/// A library has its storage anywhere: its own code asks the word that the loader writes for it.
std::optional<ThreadGoroutine> in_library(const sym::LoadedModule& loaded) {
  const auto symbols = loaded.module->symbols().find("runtime.tlsg");
  const auto words = sym::thread_words(loaded.module->image());
  const auto found = std::find_if(words.begin(), words.end(), [&](const sym::ThreadWord& word) {
    return symbols.empty() || word.offset == symbols.front()->address;
  });
  if (found == words.end()) return std::nullopt;
  // A stripped one does not say which is the goroutine's, if C has some of its own.
  const bool is_sure = !symbols.empty() || std::all_of(words.begin(), words.end(), [&](auto& word) {
    return word.offset == found->offset;
  });
  if (!is_sure) return std::nullopt;
  return ThreadGoroutine{0, loaded.to_runtime(found->address)};
}

/// A program's own thread-local storage ends at the thread pointer (variant II of the ELF TLS
/// documents, 3.4.6); the linker puts runtime.tlsg into it where it has other parts as well (cgo).
std::optional<ThreadGoroutine> find_thread_goroutine(const sym::LoadedModule& loaded) {
  const sym::ElfImage& image = loaded.module->image();
  const bool is_program = std::any_of(image.segments().begin(), image.segments().end(),
                                      [](const auto& s) { return s.type == PT_INTERP; }) ||
                          image.type() == ET_EXEC;
  if (!is_program) return in_library(loaded);
  constexpr ThreadGoroutine alone{-sizeof(uint64_t), std::nullopt};
  for (const auto& segment : image.segments()) {
    if (segment.type != PT_TLS) continue;
    const auto symbols = loaded.module->symbols().find("runtime.tlsg");
    if (symbols.empty()) return alone;
    const uint64_t alignment = std::max<uint64_t>(segment.alignment, 1);
    const uint64_t padding = -(segment.address + segment.memory_size) & (alignment - 1);
    return ThreadGoroutine{symbols.front()->address - (segment.memory_size + padding),
                           std::nullopt};
  }
  return alone;
}

constexpr std::string_view kept_layout = "go";

std::optional<go::RuntimeLayout> load_layout(const Symbols& symbols,
                                             const sym::LoadedModule& loaded) {
  const auto kept = symbols.cache().load_part(loaded.module->image().build_id(), kept_layout);
  return kept ? go::layout_of_bytes(*kept, loaded) : std::nullopt;
}

/// Whether all names of the program will be wanted.
enum class Names { few, all };

/// From the few names that it takes, beside which most of the debug information is left alone.
Result<go::RuntimeLayout> read_layout_alone(const sym::LoadedModule& loaded, MemoryReader& memory) {
  sym::LoadedModule described = loaded;
  if (auto module = loaded.module->without_code()) described.module = std::move(module);
  WorkControl control;  // nobody cancels it
  const auto names =
      sym::ModuleNames::load_only(described.module, go::is_of_layout, os::usable_cpus(), control);
  if (!names) return tl::unexpected(names.error());
  return go::read_layout(described, **names, memory);
}

/// Reads it, and keeps it for the next time.
Result<go::RuntimeLayout> read_layout(Symbols& symbols, const sym::LoadedModule& loaded,
                                      MemoryReader& memory, Names wanted) {
  const sym::ModuleNames* const names = wanted == Names::all ? symbols.read_names_of(loaded.module)
                                                             : symbols.names_of(*loaded.module);
  if (names == nullptr && wanted == Names::all)
    return fail(ErrorCode::not_found, "its names cannot be read");
  auto layout = names != nullptr ? go::read_layout(loaded, *names, memory)
                                 : read_layout_alone(loaded, memory);
  // A library that is being loaded has no words yet.
  if (layout && layout->is_described && !layout->wait_reasons.empty()) {
    symbols.cache().store_part(loaded.module->image().build_id(), kept_layout,
                               go::layout_to_bytes(*layout, loaded));
  }
  return layout;
}

Result<GoLayout> find_go_layout(Symbols& symbols, MemoryReader& memory, Names wanted) {
  Error why(ErrorCode::not_found, std::string(no_go_program));
  for (const sym::LoadedModule& loaded : symbols.modules().modules()) {
    if (!go::is_go_image(loaded.module->image())) continue;
    auto layout = load_layout(symbols, loaded);
    if (!layout) {
      // What is needed as well, and takes nearly as long.
      std::thread table = start_worker([&] { (void)sym::go_table(*loaded.module); });
      auto read = read_layout(symbols, loaded, memory, wanted);
      table.join();
      if (!read) {
        // A plugin has Go code without a runtime of its own.
        if (why.code == ErrorCode::not_found) why = read.error();
        continue;
      }
      layout = std::move(*read);
    }
    (void)sym::go_table(*loaded.module);
    return GoLayout{loaded, go::go_version(loaded.module->image()).value_or(""),
                    std::move(*layout)};
  }
  return tl::unexpected(why);
}

}  // namespace

bool has_go_code(const sym::ModuleMap& modules) {
  return std::any_of(
      modules.modules().begin(), modules.modules().end(),
      [](const sym::LoadedModule& loaded) { return go::is_go_image(loaded.module->image()); });
}

Result<GoLayout> find_go_layout(Symbols& symbols, MemoryReader& memory) {
  return find_go_layout(symbols, memory, Names::few);
}

Result<GoRuntime> find_go_runtime(Symbols& symbols, MemoryReader& memory) {
  auto found = find_go_layout(symbols, memory, Names::all);
  if (!found) return tl::unexpected(found.error());
  const sym::LoadedModule& loaded = found->module;
  (void)symbols.read_names_of(loaded.module);
  (void)loaded.module->symbols();
  (void)loaded.module->debug_frame().find(loaded.module->image().entry());
  return GoRuntime{loaded, std::move(found->version), std::move(found->layout),
                   go::find_runtime_code(loaded), find_thread_goroutine(loaded)};
}

std::vector<std::string> told_of_other_runtimes(const sym::ModuleMap& modules,
                                                const sym::LoadedModule& shown) {
  std::vector<std::string> told;
  for (const sym::LoadedModule& loaded : modules.modules()) {
    if (loaded.module == shown.module || !go::is_go_image(loaded.module->image())) continue;
    const sym::GoTable* const table = sym::go_table(*loaded.module);
    if (table == nullptr) continue;
    // Where a runtime is begun: _rt0_amd64_linux_lib and the like.
    const bool has_runtime =
        std::any_of(table->functions().begin(), table->functions().end(),
                    [](const auto& function) { return function.name.starts_with("_rt0_"); });
    if (has_runtime) {
      told.push_back(fmt::format(
          "{} has a Go runtime of its own, whose goroutines are not shown: these are those of {}",
          printable(loaded.module->path()), printable(shown.module->path())));
    }
  }
  return told;
}

std::vector<go::ThreadAt> go_threads(Inferior& inferior,
                                     const std::function<pid_t(pid_t)>& inner_tid) {
  const arch::Arch& arch = inferior.arch();
  std::vector<go::ThreadAt> threads;
  for (const Thread& thread : inferior.threads()) {
    if (!is_held(thread.activity)) continue;
    const auto registers = inferior.general(thread.id);
    if (!registers) continue;
    threads.push_back({thread.id.tid, inner_tid(thread.id.tid), arch.pc_of(**registers),
                       arch.sp_of(**registers), (*registers)->word(arch.fp)});
  }
  return threads;
}

}  // namespace clew
