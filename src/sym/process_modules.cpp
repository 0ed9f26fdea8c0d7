// The files of a running process, as it sees them itself.

#include <fcntl.h>
#include <fmt/format.h>

#include <map>
#include <string>

#include "sym/module_map.h"

namespace clew::sym {
namespace {

constexpr std::string_view deleted_mark = " (deleted)";
/// The vdso is two pages or so; what claims to be more is something else.
constexpr uint64_t largest_vdso = 1 << 20;

class ProcessModules final : public ModuleLoader {
 public:
  ProcessModules(const os::ProcDir& proc, MemoryReader& memory,
                 std::shared_ptr<const DebugFileFinder> finder)
      : proc_(proc), memory_(memory), finder_(std::move(finder)) {}

  std::shared_ptr<const Module> load(const os::Mapping& mapping) override;

 private:
  std::unique_ptr<ElfImage> open_image(const os::Mapping& mapping) const;
  std::unique_ptr<ElfImage> open_vdso(const os::Mapping& mapping) const;
  UniqueFd open_file(const os::Mapping& mapping) const;

  const os::ProcDir& proc_;
  MemoryReader& memory_;
  std::shared_ptr<const DebugFileFinder> finder_;
  /// By file, so that a path that was replaced is another module.
  std::map<std::string, std::shared_ptr<const Module>> known_;
};

std::shared_ptr<const Module> ProcessModules::load(const os::Mapping& mapping) {
  if (mapping.path.empty()) return nullptr;
  const std::string key =
      fmt::format("{} {} {}", mapping.device, mapping.inode,
                  mapping.inode == 0 ? fmt::format("{:#x} {}", mapping.start.value, mapping.path)
                                     : mapping.path);
  auto [found, is_new] = known_.try_emplace(key);
  if (is_new) {
    if (auto image = open_image(mapping)) {
      found->second = Module::create(std::move(image), mapping.path, finder_);
    }
  }
  return found->second;
}

std::unique_ptr<ElfImage> ProcessModules::open_image(const os::Mapping& mapping) const {
  if (mapping.path == "[vdso]") return open_vdso(mapping);
  if (mapping.path.front() != '/') return nullptr;
  UniqueFd fd = open_file(mapping);
  if (!fd) return nullptr;
  auto image = ElfImage::open(std::move(fd), mapping.path);
  return image ? std::move(*image) : nullptr;
}

UniqueFd ProcessModules::open_file(const os::Mapping& mapping) const {
  // map_files leads to the very file that is mapped, deleted or replaced as it may be, whatever the
  // target's root (proc_pid_map_files(5); needs CAP_SYS_ADMIN or CAP_CHECKPOINT_RESTORE).
  const std::string name =
      fmt::format("map_files/{:x}-{:x}", mapping.start.value, mapping.end.value);
  if (auto fd = proc_.open_file(name, O_RDONLY)) return std::move(*fd);
  const auto exe = proc_.read_link("exe");
  if (exe && *exe == mapping.path) {
    if (auto fd = proc_.open_file("exe", O_RDONLY)) return std::move(*fd);
  }
  // By its name only when that is still the same file.
  if (mapping.path.ends_with(deleted_mark)) return {};
  if (auto fd = proc_.open_file("root" + mapping.path, O_RDONLY)) return std::move(*fd);
  return {};
}

std::unique_ptr<ElfImage> ProcessModules::open_vdso(const os::Mapping& mapping) const {
  const uint64_t size = mapping.end - mapping.start;
  if (size > largest_vdso) return nullptr;
  std::vector<std::byte> bytes(size);
  if (!memory_.read_exactly(mapping.start, bytes)) return nullptr;
  auto image = ElfImage::from_memory(std::move(bytes), mapping.path);
  return image ? std::move(*image) : nullptr;
}

}  // namespace

std::unique_ptr<ModuleLoader> process_module_loader(const os::ProcDir& proc, MemoryReader& memory,
                                                    std::shared_ptr<const DebugFileFinder> finder) {
  return std::make_unique<ProcessModules>(proc, memory, std::move(finder));
}

}  // namespace clew::sym
