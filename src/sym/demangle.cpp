#include "sym/demangle.h"

#include <libiberty/demangle.h>

#include <algorithm>

#include "sym/cpp_name.h"
#include "sym/rust_name.h"

namespace clew::sym {
namespace {

/// Longer names are left as they are. libiberty keeps some 80 bytes of stack for each character.
constexpr size_t longest_name = 8192;
/// libiberty refuses a name of more than half as many characters as this, unless it is told that
/// the depth of recursion does not matter; below longest_name it does not.
constexpr size_t longest_limited = DEMANGLE_RECURSION_LIMIT / 2;
/// A name of a kilobyte can stand for a text that is larger than memory, because each part of it
/// can name two earlier ones ("Itanium C++ ABI", Compression).
constexpr size_t longest_result = 65536;

/// Thrown through libiberty, which owns nothing while it prints, to make it end.
struct TooLong {};

void append(const char* text, size_t size, void* opaque) {
  auto& result = *static_cast<std::string*>(opaque);
  if (size > longest_result - result.size()) throw TooLong{};
  result.append(text, size);
}

using Demangler = int (*)(const char*, int, demangle_callbackref, void*);

/// @return empty when the name is none of this demangler's.
std::string run(Demangler demangler, const std::string& name, int options) {
  std::string result;
  try {
    if (demangler(name.c_str(), options, append, &result) == 0) return {};
  } catch (const TooLong&) {
    return {};
  }
  return result;
}

/// Mangled names have no dot or '@' of their own, except legacy Rust ones, which have ".." for "::"
/// and '.' for '-' inside. What stands behind is the compiler's (".llvm.123", ".cold") or the
/// linker's ("@@GLIBCXX_3.4").
size_t end_of_rust_name(std::string_view name) {
  const size_t version = std::min(name.find('@'), name.size());
  if (name.starts_with("_R")) return std::min(name.find('.'), version);
  return std::min(name.find(".llvm."), version);
}

std::string demangle_rust(std::string_view name, int options) {
  name = name.substr(0, end_of_rust_name(name));
  if (name.starts_with("_R")) return demangle_rust_v0(name);
  return run(rust_demangle_callback, std::string(name), options);
}

std::string demangle_cpp(std::string_view name, int options) {
  const size_t version = std::min(name.find('@'), name.size());
  if (version > longest_limited) options |= DMGL_NO_RECURSE_LIMIT;
  const std::string plain(name.substr(0, version));
  if (!is_harmless_cpp_name(plain, options)) return {};
  std::string result = run(cplus_demangle_v3_callback, plain, options);
  if (!result.empty()) result += name.substr(version);
  return result;
}

std::string demangle_with(std::string_view name, int options) {
  if (name.size() > longest_name) return std::string(name);
  std::string result;
  // Legacy Rust names are C++ names of a form that C++ does not use, so that Rust is asked first.
  if (name.starts_with("_R") || name.starts_with("_ZN")) result = demangle_rust(name, options);
  if (result.empty() && (name.starts_with("_Z") || name.starts_with("_GLOBAL_")))
    result = demangle_cpp(name, options);
  return result.empty() ? std::string(name) : result;
}

}  // namespace

std::string demangle(std::string_view name) { return demangle_with(name, DMGL_PARAMS | DMGL_ANSI); }

std::string demangle_plain(std::string_view name) { return demangle_with(name, DMGL_ANSI); }

}  // namespace clew::sym
