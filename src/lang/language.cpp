#include "lang/language.h"

#include "value/dwarf_read.h"

namespace clew::lang {

Language language_of(int dwarf_language) {
  if (value::is_rust(dwarf_language)) return Language::rust;
  if (value::is_go(dwarf_language)) return Language::go;
  return value::is_cpp(dwarf_language) ? Language::cpp : Language::c;
}

std::string_view language_name(Language language) {
  switch (language) {
    case Language::c:
      return "c";
    case Language::cpp:
      return "c++";
    case Language::rust:
      return "rust";
    case Language::go:
      return "go";
  }
  return "c";
}

std::optional<Language> parse_language(std::string_view name) {
  for (const Language language : {Language::c, Language::cpp, Language::rust, Language::go}) {
    if (name == language_name(language)) return language;
  }
  return std::nullopt;
}

}  // namespace clew::lang
