#include "sym/kept_places.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <utility>

#include "sym/byte_reader.h"

namespace clew::sym {
namespace {

constexpr std::string_view part_name = "places";
/// No place has more copies inlined into each other.
constexpr uint64_t most_functions = 4096;

/// Another clew may call a place otherwise.
std::string own_identity() {
  struct stat info {};
  if (stat("/proc/self/exe", &info) != 0) return {};
  return fmt::format("clew {}:{}:{}.{} ", info.st_ino, info.st_size, info.st_mtim.tv_sec,
                     info.st_mtim.tv_nsec);
}

class Writer {
 public:
  void number(uint64_t value) { put(bytes_of(std::as_const(value))); }
  void text(std::string_view text) {
    number(text.size());
    put(std::as_bytes(std::span(text)));
  }
  void line(const SourceLine& line) {
    text(line.file);
    number(line.line);
    number(line.column);
  }
  void function(const FunctionAt& function) {
    text(function.name);
    text(function.linkage_name);
    number(function.is_inlined ? 1 : 0);
    line(function.call_site);
    number(function.entry);
    number(static_cast<uint64_t>(function.language));
  }
  void place(const CodePlace& place) {
    number(place.functions.size());
    for (const FunctionAt& at : place.functions) function(at);
    number(place.line ? 1 : 0);
    if (place.line) line(*place.line);
  }
  void put(Bytes bytes) { bytes_.insert(bytes_.end(), bytes.begin(), bytes.end()); }
  const std::vector<std::byte>& bytes() const { return bytes_; }

 private:
  std::vector<std::byte> bytes_;
};

/// What is damaged has failed() in the end.
class PlaceReader {
 public:
  explicit PlaceReader(Bytes bytes) : bytes_(bytes) {}

  bool failed() const { return bytes_.failed(); }
  bool at_end() const { return bytes_.at_end(); }
  uint64_t number() { return bytes_.u64(); }
  std::string text() {
    const Bytes found = bytes_.bytes(bytes_.u64());
    return {reinterpret_cast<const char*>(found.data()), found.size()};
  }
  SourceLine line() {
    SourceLine line;
    line.file = text();
    line.line = static_cast<unsigned>(number());
    line.column = static_cast<unsigned>(number());
    return line;
  }
  FunctionAt function() {
    FunctionAt function;
    function.name = text();
    function.linkage_name = text();
    function.is_inlined = number() != 0;
    function.call_site = line();
    function.entry = number();
    function.language = static_cast<int>(number());
    return function;
  }
  CodePlace place() {
    CodePlace place;
    const uint64_t count = number();
    if (count > most_functions) bytes_.fail();
    for (uint64_t i = 0; i < count && !failed(); ++i) place.functions.push_back(function());
    if (number() != 0) place.line = line();
    return place;
  }

 private:
  ByteReader bytes_;
};

}  // namespace

KeptPlaces::OfModule& KeptPlaces::of(const ModulePointer& module) {
  const auto [found, is_new] = modules_.try_emplace(module);
  OfModule& all = found->second;
  if (!is_new || module->build_id().empty()) return all;
  const auto files = module->files();
  if (!files) return all;
  all.files = own_identity() + *files;
  const auto bytes = files_.load_part(module->build_id(), part_name);
  if (!bytes) return all;
  PlaceReader reader(*bytes);
  if (reader.text() != all.files) return all;
  std::unordered_map<uint64_t, Entry> entries;
  while (!reader.at_end()) {
    const uint64_t address = reader.number();
    entries[address].place = reader.place();
  }
  if (!reader.failed()) all.entries = std::move(entries);
  return all;
}

const CodePlace* KeptPlaces::find(const ModulePointer& module, uint64_t address) {
  auto& entries = of(module).entries;
  const auto found = entries.find(address);
  if (found == entries.end()) return nullptr;
  found->second.is_used = true;
  return &found->second.place;
}

void KeptPlaces::add(const ModulePointer& module, uint64_t address, CodePlace place) {
  OfModule& all = of(module);
  // What the user was told of files that are broken has to be found out, and told, each time; and
  // only by now it is known whether units are split off.
  if (all.files.empty() || !module->problems().empty() || !module->files()) return;
  for (FunctionAt& function : place.functions) function.die = {};
  all.entries[address] = {std::move(place), true};
  all.has_news = true;
}

void KeptPlaces::store() const {
  for (const auto& [module, all] : modules_) {
    if (!all.has_news) continue;
    Writer writer;
    writer.text(all.files);
    for (const bool is_used : {true, false}) {
      for (const auto& [address, entry] : all.entries) {
        if (entry.is_used != is_used) continue;
        Writer one;
        one.number(address);
        one.place(entry.place);
        if (writer.bytes().size() + one.bytes().size() > NameCache::largest_part) continue;
        writer.put(one.bytes());
      }
    }
    files_.store_part(module->build_id(), part_name, writer.bytes());
  }
}

}  // namespace clew::sym
