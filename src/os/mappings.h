#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/addr.h"
#include "base/result.h"
#include "os/proc_dir.h"

namespace clew::os {

/// One line of /proc/PID/maps (proc_pid_maps(5)).
struct Mapping {
  Addr start, end;  ///< [start, end)
  bool readable = false, writable = false, executable = false, shared = false;
  uint64_t file_offset = 0;
  uint64_t inode = 0;
  std::string device;  ///< "major:minor", in hexadecimal as the kernel prints it
  std::string path;    ///< a file, "[stack]", "[vdso]", …, or empty

  bool contains(Addr a) const { return start <= a && a < end; }
};

/// Lines that are not of the known form are left out.
std::vector<Mapping> parse_maps(std::string_view text);

/// All mappings. With ten thousand threads there are twenty thousand (a stack and its guard each).
Result<std::vector<Mapping>> read_mappings(const ProcDir& proc);

/// Only what code can lie in: executable mappings, by address. Where the kernel has PROCMAP_QUERY
/// (since 6.11) this is one ioctl a mapping, however many others there are; else all of
/// /proc/PID/maps is read.
Result<std::vector<Mapping>> read_code_mappings(const ProcDir& proc);

}  // namespace clew::os
