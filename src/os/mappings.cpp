#include "os/mappings.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/ioctl.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <iterator>

namespace clew::os {
namespace {

// struct procmap_query of the kernel's include/uapi/linux/fs.h (6.11), which Debian 12's headers
// lack.
struct ProcmapQuery {
  uint64_t size;
  uint64_t query_flags;
  uint64_t query_addr;
  uint64_t vma_start;
  uint64_t vma_end;
  uint64_t vma_flags;
  uint64_t vma_page_size;
  uint64_t vma_offset;
  uint64_t inode;
  uint32_t dev_major;
  uint32_t dev_minor;
  uint32_t vma_name_size;
  uint32_t build_id_size;
  uint64_t vma_name_addr;
  uint64_t build_id_addr;
};

constexpr uint64_t vma_readable = 0x01;
constexpr uint64_t vma_writable = 0x02;
constexpr uint64_t vma_executable = 0x04;
constexpr uint64_t vma_shared = 0x08;
constexpr uint64_t covering_or_next = 0x10;
constexpr unsigned long procmap_query = _IOWR('f', 17, ProcmapQuery);

std::string_view next_word(std::string_view& line) {
  const size_t start = std::min(line.find_first_not_of(' '), line.size());
  const size_t end = std::min(line.find(' ', start), line.size());
  const std::string_view word = line.substr(start, end - start);
  line.remove_prefix(end);
  return word;
}

bool hex_number(std::string_view text, uint64_t& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, 16);
  return error == std::errc() && end == text.data() + text.size();
}

std::optional<Mapping> parse_line(std::string_view line) {
  Mapping mapping;
  const std::string_view range = next_word(line);
  const std::string_view rights = next_word(line);
  const std::string_view offset = next_word(line);
  mapping.device = next_word(line);
  const std::string_view inode = next_word(line);
  const size_t dash = range.find('-');
  if (dash == range.npos || rights.size() != 4 ||
      !hex_number(range.substr(0, dash), mapping.start.value) ||
      !hex_number(range.substr(dash + 1), mapping.end.value) ||
      !hex_number(offset, mapping.file_offset)) {
    return std::nullopt;
  }
  std::from_chars(inode.data(), inode.data() + inode.size(), mapping.inode);
  mapping.readable = rights[0] == 'r';
  mapping.writable = rights[1] == 'w';
  mapping.executable = rights[2] == 'x';
  mapping.shared = rights[3] == 's';
  const size_t path = line.find_first_not_of(' ');
  if (path != line.npos) mapping.path = line.substr(path);
  return mapping;
}

/// @return nothing when the kernel has no such ioctl.
std::optional<std::vector<Mapping>> query_code_mappings(int maps_fd) {
  std::vector<Mapping> found;
  char name[4096];
  uint64_t address = 0;
  for (;;) {
    ProcmapQuery query{};
    query.size = sizeof query;
    query.query_flags = covering_or_next | vma_executable;
    query.query_addr = address;
    query.vma_name_size = sizeof name;
    query.vma_name_addr = reinterpret_cast<uint64_t>(name);
    if (::ioctl(maps_fd, procmap_query, &query) != 0) {
      if (errno == ENOENT) return found;  // no further mapping
      return std::nullopt;
    }
    Mapping mapping;
    mapping.start = {query.vma_start};
    mapping.end = {query.vma_end};
    mapping.readable = (query.vma_flags & vma_readable) != 0;
    mapping.writable = (query.vma_flags & vma_writable) != 0;
    mapping.executable = true;
    mapping.shared = (query.vma_flags & vma_shared) != 0;
    mapping.file_offset = query.vma_offset;
    mapping.inode = query.inode;
    mapping.device = fmt::format("{:02x}:{:02x}", query.dev_major, query.dev_minor);
    if (query.vma_name_size > 1) mapping.path.assign(name, query.vma_name_size - 1);
    address = query.vma_end;
    found.push_back(std::move(mapping));
  }
}

}  // namespace

std::vector<Mapping> parse_maps(std::string_view text) {
  std::vector<Mapping> mappings;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    if (auto mapping = parse_line(text.substr(0, end))) mappings.push_back(std::move(*mapping));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return mappings;
}

Result<std::vector<Mapping>> read_mappings(const ProcDir& proc) {
  auto text = proc.read("maps");
  if (!text) return tl::unexpected(text.error());
  return parse_maps(*text);
}

Result<std::vector<Mapping>> read_code_mappings(const ProcDir& proc) {
  auto fd = proc.open_file("maps", O_RDONLY);
  if (!fd) return tl::unexpected(fd.error());
  if (auto found = query_code_mappings(fd->value())) return std::move(*found);
  auto all = read_mappings(proc);
  if (!all) return tl::unexpected(all.error());
  std::vector<Mapping> code;
  std::copy_if(std::make_move_iterator(all->begin()), std::make_move_iterator(all->end()),
               std::back_inserter(code), [](const Mapping& m) { return m.executable; });
  return code;
}

}  // namespace clew::os
