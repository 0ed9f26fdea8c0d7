// libFuzzer: files of the cache of names. Those with a right checksum are read through as well.

#include <unistd.h>

#include <cstdint>
#include <fstream>
#include <string>

#include "sections_input.h"
#include "sym/name_cache.h"
#include "sym/name_query.h"

using namespace clew;
using namespace clew::sym;

namespace {

const std::string& directory() {
  static const std::string path = [] {
    std::string pattern = "/tmp/clew-fuzz-XXXXXX";
    return mkdtemp(pattern.data()) == nullptr ? std::string("/tmp") : pattern;
  }();
  return path;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  NameCacheKey key;
  key.build_id.bytes = "fuzz";
  const NameCache cache(directory());
  std::ofstream(cache.path_of(key), std::ios::binary | std::ios::trunc)
      .write(reinterpret_cast<const char*>(data), static_cast<std::streamsize>(size));
  // What is let in makes no sense in these sections, which must do no harm either.
  const DwarfSections sections(DwarfSections::InMemory{});
  const auto check = [&](const NameIndex& index) {
    for (size_t i = 0; i < index.names().size(); ++i) {
      full_name(sections, index, index.names()[i]);
      index.unit_of(i);
    }
    NameQuery::parse("a::b")->find(sections, index, function_kinds);
  };
  if (const auto index = cache.load(key)) check(*index);
  // The records of a file with any checksum: as if a forger had made it right.
  fuzz::Input input(data, size);
  const auto names = input.records<NameRecord>();
  const auto scopes = input.records<ScopeRecord>();
  const auto units = input.records<NameIndex::Unit>();
  check(NameIndex(names, scopes, units, nullptr));
  return 0;
}
