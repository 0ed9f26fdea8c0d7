#include "sym/source_path.h"

namespace clew::sym {

std::string normal_path(std::string_view path) {
  std::string result;
  size_t kept = 0;  // parts of the result that a ".." can take back
  const bool absolute = path.starts_with('/');
  while (!path.empty()) {
    const size_t slash = path.find('/');
    const std::string_view part = path.substr(0, slash);
    path = slash == std::string_view::npos ? std::string_view() : path.substr(slash + 1);
    if (part.empty() || part == ".") continue;
    if (part == ".." && kept > 0) {
      const size_t before = result.rfind('/');
      result.erase(before == std::string::npos ? 0 : before);
      --kept;
      continue;
    }
    if (part == ".." && absolute) continue;  // path_resolution(7): the root is its own parent
    if (part != "..") ++kept;
    if (absolute || !result.empty()) result += '/';
    result += part;
  }
  if (result.empty() && absolute) result.push_back('/');
  return result;
}

bool path_ends_with(std::string_view path, std::string_view wanted) {
  if (wanted.empty() || !path.ends_with(wanted)) return false;
  return path.size() == wanted.size() || wanted.front() == '/' ||
         path[path.size() - wanted.size() - 1] == '/';
}

std::string_view last_part(std::string_view path) {
  return path.substr(path.find_last_of('/') + 1);
}

}  // namespace clew::sym
