#include "session/source_files.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/printable.h"
#include "base/unique_fd.h"

namespace clew {
namespace {

constexpr size_t largest_source = 64 << 20;
/// Texts that are kept.
constexpr size_t most_known = 16;

Result<std::shared_ptr<const SourceText>> read_source(const std::string& path) {
  // Not a pipe, on which the open would wait.
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  struct stat info {};
  if (!fd || fstat(fd.value(), &info) != 0)
    return fail_os(errno, fmt::format("cannot open {}", printable(path)));
  if (!S_ISREG(info.st_mode))
    return fail(ErrorCode::bad_data, fmt::format("{} is not a file", printable(path)));
  if (static_cast<size_t>(info.st_size) > largest_source)
    return fail(ErrorCode::bad_data, fmt::format("{} is too large", printable(path)));
  std::string text(static_cast<size_t>(info.st_size), '\0');
  size_t done = 0;
  while (done < text.size()) {
    const ssize_t n = ::read(fd.value(), text.data() + done, text.size() - done);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) break;
    done += static_cast<size_t>(n);
  }
  text.resize(done);
  return std::make_shared<SourceText>(path, std::move(text), info.st_mtim);
}

/// True when `path` begins with the whole parts of `prefix`.
bool begins_with_parts(const std::string& path, const std::string& prefix) {
  return path.starts_with(prefix) &&
         (path.size() == prefix.size() || prefix.ends_with('/') || path[prefix.size()] == '/');
}

}  // namespace

SourceText::SourceText(std::string path, std::string text, timespec changed)
    : path_(std::move(path)), text_(std::move(text)), changed_(changed) {
  for (size_t at = 0; at < text_.size();) {
    starts_.push_back(at);
    const size_t end = text_.find('\n', at);
    if (end == text_.npos) break;
    at = end + 1;
  }
}

std::string_view SourceText::line(size_t number) const {
  if (number == 0 || number > starts_.size()) return {};
  const size_t start = starts_[number - 1];
  const size_t end = number < starts_.size() ? starts_[number] : text_.size();
  std::string_view line = std::string_view(text_).substr(start, end - start);
  while (line.ends_with('\n') || line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

void SourceFiles::substitute(const std::string& from, const std::string& to) {
  std::erase_if(substitutions_, [&](const Substitution& s) { return s.first == from; });
  substitutions_.emplace_back(from, to);
  known_.clear();
}

Status SourceFiles::forget_substitution(const std::string& from) {
  known_.clear();
  if (std::erase_if(substitutions_, [&](const Substitution& s) { return s.first == from; }) == 0)
    return fail(ErrorCode::not_found,
                fmt::format("nothing is substituted for {}", printable(from)));
  return {};
}

void SourceFiles::forget_substitutions() {
  known_.clear();
  substitutions_.clear();
}

void SourceFiles::set_directories(std::vector<std::string> directories) {
  directories_ = std::move(directories);
  known_.clear();
}

std::vector<std::string> SourceFiles::candidates(const std::string& name) const {
  std::vector<std::string> paths;
  for (const auto& [from, to] : substitutions_) {
    if (!begins_with_parts(name, from)) continue;
    paths.push_back(to + name.substr(from.size()));
    break;
  }
  paths.push_back(name);
  for (const std::string& directory : directories_) {
    for (size_t at = name.find_first_not_of('/'); at != name.npos;) {
      paths.push_back(fmt::format("{}/{}", directory, std::string_view(name).substr(at)));
      const size_t slash = name.find('/', at);
      at = slash == name.npos ? name.npos : name.find_first_not_of('/', slash);
    }
  }
  return paths;
}

Result<std::shared_ptr<const SourceText>> SourceFiles::open(const std::string& name) {
  for (const Known& known : known_) {
    if (known.name == name) return known.text;
  }
  std::optional<Error> first;
  for (const std::string& path : candidates(name)) {
    auto text = read_source(path);
    if (text) {
      if (known_.size() >= most_known) known_.erase(known_.begin());
      known_.push_back({name, *text});
      return text;
    }
    if (!first) first = text.error();
  }
  return fail(first->code, first->sys_errno,
              first->text +
                  "; `set substitute-path FROM TO` or `directory FOLDER` say where the "
                  "source is");
}

}  // namespace clew
