#include "sym/debug_files.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>

#include "base/printable.h"
#include "sym/source_path.h"

namespace clew::sym {
namespace {

constexpr std::string_view debug_directory = "/usr/lib/debug";

/// The directory of a path, without a slash at its end: empty for the root.
std::string directory_of(std::string_view path) {
  const size_t slash = path.find_last_of('/');
  return std::string(path.substr(0, slash == std::string_view::npos ? 0 : slash));
}

std::string path_by_id(const BuildId& id) {
  const std::string hex = id.hex();
  return fmt::format("{}/.build-id/{}/{}.debug", debug_directory, hex.substr(0, 2), hex.substr(2));
}

bool is_same_file(const ElfImage& a, const ElfImage& b) {
  struct stat first {
  }, second{};
  return a.fd() >= 0 && b.fd() >= 0 && ::fstat(a.fd(), &first) == 0 &&
         ::fstat(b.fd(), &second) == 0 && first.st_dev == second.st_dev &&
         first.st_ino == second.st_ino;
}

std::unique_ptr<ElfImage> open_elf(const RootDir& root, const std::string& path) {
  auto fd = root.open_file(path);
  if (!fd) return nullptr;
  auto image = ElfImage::open(std::move(*fd), path);
  return image ? std::move(*image) : nullptr;
}

}  // namespace

DebugFiles::DebugFiles(std::vector<RootDir> roots, std::unique_ptr<DebugServer> server)
    : roots_(std::move(roots)), server_(std::move(server)) {}

std::shared_ptr<const DebugFiles> DebugFiles::of_process(const os::ProcDir& proc,
                                                         std::unique_ptr<DebugServer> server) {
  std::vector<RootDir> roots;
  auto target = RootDir::of_process(proc);
  RootDir own = RootDir::own();
  if (target && !target->is_same(own)) roots.push_back(std::move(*target));
  roots.push_back(std::move(own));
  return std::make_shared<DebugFiles>(std::move(roots), std::move(server));
}

std::unique_ptr<ElfImage> DebugFiles::find(const ElfImage& image, const std::string& path,
                                           std::vector<std::string>& problems) const {
  const BuildId& id = image.build_id();
  if (auto found = find_by_id(id, &image)) return found;
  if (auto found = find_by_link(image, path, problems)) return found;
  return fetch(id, path, problems);
}

std::unique_ptr<ElfImage> DebugFiles::find_by_id(const BuildId& id, const ElfImage* of) const {
  if (id.bytes.size() < 2) return nullptr;
  for (const RootDir& root : roots_) {
    auto found = open_elf(root, path_by_id(id));
    if (found != nullptr && found->build_id() == id &&
        (of == nullptr || !is_same_file(*found, *of)))
      return found;
  }
  return nullptr;
}

std::unique_ptr<ElfImage> DebugFiles::find_by_link(const ElfImage& image, const std::string& path,
                                                   std::vector<std::string>& problems) const {
  const auto link = debug_link_of(image);
  if (!link || !path.starts_with('/')) return nullptr;
  const std::string directory = directory_of(path);
  const std::string candidates[] = {
      fmt::format("{}/{}", directory, link->name),
      fmt::format("{}/.debug/{}", directory, link->name),
      fmt::format("{}{}/{}", debug_directory, directory, link->name),
  };
  for (const RootDir& root : roots_) {
    for (const std::string& candidate : candidates) {
      auto found = open_elf(root, candidate);
      if (found == nullptr || is_same_file(*found, image)) continue;
      // Equal build-ids say more than the CRC and are there without reading all of the file.
      const bool by_id = !image.build_id().empty() && !found->build_id().empty();
      bool fits = by_id && found->build_id() == image.build_id();
      if (!by_id) {
        const auto crc = crc_of_file(found->fd());
        fits = crc && *crc == link->crc;
      }
      if (fits) return found;
      problems.push_back(fmt::format("{} is of another build than {} and is not used",
                                     printable(candidate), printable(path)));
    }
  }
  return nullptr;
}

std::unique_ptr<ElfImage> DebugFiles::fetch(const BuildId& id, const std::string& what,
                                            std::vector<std::string>& problems) const {
  if (server_ == nullptr || id.empty()) return nullptr;
  auto fd = server_->fetch_debug_file(id, what);
  if (!fd) {
    // That there is none is ordinary; that nobody answers is said once.
    if (fd.error().code == ErrorCode::unavailable) {
      std::call_once(server_problem_once_, [&] { problems.push_back(fd.error().text); });
    } else if (fd.error().code != ErrorCode::not_found) {
      problems.push_back(fd.error().text);
    }
    return nullptr;
  }
  auto image = ElfImage::open(std::move(*fd), fmt::format("debug file of {}", what));
  if (!image || (*image)->build_id() != id) {
    problems.push_back(fmt::format("what a debuginfod server sent for {} is no debug file of it",
                                   printable(what)));
    return nullptr;
  }
  return std::move(*image);
}

std::unique_ptr<ElfImage> DebugFiles::find_alternate(const ElfImage& image, const std::string& path,
                                                     std::vector<std::string>& problems) const {
  const auto link = alternate_link_of(image);
  if (!link) return nullptr;
  if (auto found = find_by_id(link->build_id, nullptr)) return found;
  const std::string file = link->path.starts_with('/')
                               ? link->path
                               : normal_path(fmt::format("{}/{}", directory_of(path), link->path));
  for (const RootDir& root : roots_) {
    auto found = open_elf(root, file);
    if (found != nullptr && found->build_id() == link->build_id) return found;
  }
  if (auto found = fetch(link->build_id, file, problems)) return found;
  problems.push_back(fmt::format(
      "{} shares debug information with {} (dwz), which is not there: names can be missing",
      printable(path), printable(file)));
  return nullptr;
}

std::unique_ptr<ElfImage> DebugFiles::open_file(const std::string& path) const {
  for (const RootDir& root : roots_) {
    if (auto found = open_elf(root, path)) return found;
  }
  return nullptr;
}

}  // namespace clew::sym
