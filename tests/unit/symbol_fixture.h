#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "sym/code.h"
#include "sym/module.h"

namespace clew::sym {

/// The path of a program of tests/fixtures/sym.
inline std::string symbol_fixture(const std::string& name) {
  return std::string(CLEW_FIXTURES) + "/sym/" + name;
}

/// A program of tests/fixtures/sym, as a module, and what its source says of it.
class SymbolProgram {
 public:
  /// `source` is the file's name in tests/fixtures/sym.
  SymbolProgram(const std::string& name, const std::string& source,
                std::shared_ptr<const DebugFileFinder> finder = nullptr)
      : path_(symbol_fixture(name)),
        source_(std::string(CLEW_SOURCE_DIR) + "/tests/fixtures/sym/" + source) {
    auto image = ElfImage::open_path(path_);
    if (image) module_ = Module::create(std::move(*image), path_, std::move(finder));
  }

  static bool exists(const std::string& name) {
    return ::access(symbol_fixture(name).c_str(), R_OK) == 0;
  }

  const Module& module() const { return *module_; }
  bool is_open() const { return module_ != nullptr; }
  const std::string& path() const { return path_; }
  const std::string& source() const { return source_; }

  /// The address of a PLACE(); 0 when the compiler has left it out.
  uint64_t place(const std::string& name) const { return symbol("place_" + name); }
  uint64_t symbol(const std::string& name) const {
    const auto found = module_->symbols().find(name);
    return found.empty() ? 0 : found.front()->address;
  }

  /// The number of the line with "@line:name".
  unsigned line(const std::string& name) const {
    std::ifstream file(source_);
    std::string text;
    for (unsigned number = 1; std::getline(file, text); ++number) {
      std::istringstream rest(text);
      for (std::string word; rest >> word;) {
        if (word == "@line:" + name) return number;
      }
    }
    return 0;
  }

 private:
  std::string path_, source_;
  std::shared_ptr<Module> module_;
};

/// Names of functions_at(), innermost first.
inline std::vector<std::string> names_at(const Module& module, uint64_t address) {
  std::vector<std::string> names;
  for (const FunctionAt& function : functions_at(module, address)) names.push_back(function.name);
  return names;
}

}  // namespace clew::sym
