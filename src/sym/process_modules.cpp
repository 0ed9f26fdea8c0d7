// The files of a running process, as it sees them itself.

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <map>
#include <string>

#include "base/printable.h"
#include "sym/memory_image.h"
#include "sym/module_map.h"
#include "sym/root_dir.h"

namespace clew::sym {
namespace {

constexpr std::string_view deleted_mark = " (deleted)";
/// The vdso is two pages or so; what claims to be more is something else.
constexpr uint64_t largest_vdso = 1 << 20;

/// The path without what the kernel puts behind that of a deleted file.
std::string plain_path(std::string_view path) {
  if (path.ends_with(deleted_mark)) path.remove_suffix(deleted_mark.size());
  return std::string(path);
}

/// True when the file is the one that a line of /proc/PID/maps is about, as far as that tells: some
/// file systems (overlayfs, btrfs) show one device there and another in stat(2).
bool is_file_of(const os::Mapping& mapping, int fd) {
  struct stat status {};
  if (::fstat(fd, &status) != 0 || status.st_ino != mapping.inode) return false;
  return mapping.device ==
         fmt::format("{:02x}:{:02x}", ::major(status.st_dev), ::minor(status.st_dev));
}

class ProcessModules final : public ModuleLoader {
 public:
  ProcessModules(const os::ProcDir& proc, MemoryReader& memory,
                 std::shared_ptr<const DebugFileFinder> finder)
      : proc_(proc), memory_(memory), finder_(std::move(finder)) {}

  std::shared_ptr<const Module> load(const os::Mapping& mapping) override;

 private:
  enum class Sameness { same, other, unknown };

  std::shared_ptr<const Module> open(const os::Mapping& mapping) const;
  std::unique_ptr<ElfImage> open_vdso(const os::Mapping& mapping) const;
  std::unique_ptr<ElfImage> open_mapped_file(const os::Mapping& mapping) const;
  std::unique_ptr<ElfImage> open_by_name(const os::Mapping& mapping) const;
  std::unique_ptr<ElfImage> open_regular(const std::string& name, const std::string& label) const;
  Sameness compare(const ElfImage& image, const os::Mapping& mapping) const;

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
  // A library that was unloaded, replaced and loaded again can have the number of its file again.
  const bool is_stale = !is_new && found->second != nullptr &&
                        compare(found->second->image(), mapping) == Sameness::other;
  if (is_new || is_stale) found->second = open(mapping);
  return found->second;
}

std::shared_ptr<const Module> ProcessModules::open(const os::Mapping& mapping) const {
  if (mapping.path == "[vdso]") {
    auto image = open_vdso(mapping);
    return image == nullptr ? nullptr : Module::create(std::move(image), mapping.path, finder_);
  }
  if (mapping.path.front() != '/') return nullptr;
  const std::string path = plain_path(mapping.path);
  std::vector<std::string> problems;
  auto image = open_mapped_file(mapping);
  if (image == nullptr) image = open_by_name(mapping);
  if (image != nullptr && compare(*image, mapping) == Sameness::other) {
    problems.push_back(fmt::format(
        "{} is of another build than what is in memory, and is not used: names and lines can be "
        "missing",
        printable(path)));
    image = nullptr;
  }
  if (image == nullptr && mapping.start.value >= mapping.file_offset) {
    auto rebuilt = image_from_memory(mapping.start - mapping.file_offset, memory_, path);
    if (!rebuilt) return nullptr;
    image = std::move(*rebuilt);
    if (problems.empty()) {
      problems.push_back(fmt::format(
          "{} cannot be read as it was mapped (deleted or replaced, and /proc/{}/map_files is only "
          "for CAP_SYS_ADMIN or CAP_CHECKPOINT_RESTORE): its names are those that it exports",
          printable(path), proc_.pid()));
    }
  }
  if (image == nullptr) return nullptr;
  return Module::create(std::move(image), path, finder_, std::move(problems));
}

ProcessModules::Sameness ProcessModules::compare(const ElfImage& image,
                                                 const os::Mapping& mapping) const {
  if (image.build_id().empty()) return Sameness::unknown;
  const auto bias = load_bias(image, mapping.file_offset, mapping.start);
  if (!bias) return Sameness::other;  // nothing of this file would be mapped like that
  const BuildId id = build_id_in_memory(image, *bias, memory_);
  if (id.empty()) return Sameness::unknown;
  return id == image.build_id() ? Sameness::same : Sameness::other;
}

std::unique_ptr<ElfImage> ProcessModules::open_mapped_file(const os::Mapping& mapping) const {
  // map_files leads to the very file that is mapped, deleted or replaced as it may be, whatever the
  // target's root (proc_pid_map_files(5); needs CAP_SYS_ADMIN or CAP_CHECKPOINT_RESTORE).
  const std::string name =
      fmt::format("map_files/{:x}-{:x}", mapping.start.value, mapping.end.value);
  if (auto image = open_regular(name, mapping.path)) return image;
  const auto exe = proc_.read_link("exe");
  return exe && *exe == mapping.path ? open_regular("exe", mapping.path) : nullptr;
}

std::unique_ptr<ElfImage> ProcessModules::open_by_name(const os::Mapping& mapping) const {
  const std::string path = plain_path(mapping.path);
  auto root = RootDir::of_process(proc_);
  if (!root) return nullptr;
  auto fd = root->open_file(path);
  if (!fd) return nullptr;
  const bool is_same_file = is_file_of(mapping, fd->value());
  auto image = ElfImage::open(std::move(*fd), path);
  if (!image) return nullptr;
  // What bears the name now is taken only when something says that it is the same. A build-id that
  // differs is told to the user by open().
  if (!is_same_file && compare(**image, mapping) == Sameness::unknown) return nullptr;
  return std::move(*image);
}

std::unique_ptr<ElfImage> ProcessModules::open_regular(const std::string& name,
                                                       const std::string& label) const {
  // Looked at before it is opened: to open a device can have effects.
  auto place = proc_.open_file(name, O_PATH);
  struct stat status {};
  if (!place || ::fstat(place->value(), &status) != 0 || !S_ISREG(status.st_mode)) return nullptr;
  auto fd = proc_.open_file(name, O_RDONLY);
  if (!fd) return nullptr;
  auto image = ElfImage::open(std::move(*fd), label);
  return image ? std::move(*image) : nullptr;
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
