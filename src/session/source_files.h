#pragma once

#include <ctime>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace clew {

/// The text of a source file, by lines. Immutable.
class SourceText {
 public:
  SourceText(std::string path, std::string text, timespec changed);

  /// Where it was read from.
  const std::string& path() const { return path_; }
  size_t line_count() const { return starts_.size(); }
  /// Counted from 1, without its end; empty beyond the last.
  std::string_view line(size_t number) const;
  timespec changed() const { return changed_; }

 private:
  std::string path_;
  std::string text_;
  std::vector<size_t> starts_;
  timespec changed_;
};

/// Finds and reads source files by the names that debug information has for them: often those of
/// another machine or folder.
class SourceFiles {
 public:
  using Substitution = std::pair<std::string, std::string>;

  /// Whole parts at the beginning of a name that are replaced; the first that fits counts.
  const std::vector<Substitution>& substitutions() const { return substitutions_; }
  /// Replaces what `from` was substituted by.
  void substitute(const std::string& from, const std::string& to);
  /// @return not_found.
  Status forget_substitution(const std::string& from);
  void forget_substitutions();

  /// Folders in which a file is looked for that is not where its name says, with its whole path,
  /// then with less and less of it.
  const std::vector<std::string>& directories() const { return directories_; }
  void set_directories(std::vector<std::string> directories);

  /// @return not_found, permission, bad_data for what is too large to be source.
  Result<std::shared_ptr<const SourceText>> open(const std::string& name);

 private:
  std::vector<std::string> candidates(const std::string& name) const;

  std::vector<Substitution> substitutions_;
  std::vector<std::string> directories_;
  struct Known {
    std::string name;
    std::shared_ptr<const SourceText> text;
  };
  std::vector<Known> known_;  // the latest last
};

}  // namespace clew
