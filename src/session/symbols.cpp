#include "session/symbols.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "sym/demangle.h"
#include "sym/static_address.h"

namespace clew {
namespace {

/// Looked-up addresses that are kept; a process with more distinct ones is asked again.
constexpr size_t most_places = 1 << 16;

bool is_same(const os::Mapping& a, const os::Mapping& b) {
  return a.start == b.start && a.end == b.end && a.file_offset == b.file_offset &&
         a.inode == b.inode && a.device == b.device && a.path == b.path;
}

}  // namespace

Symbols::Symbols(const os::ProcDir& proc, Options options) : Symbols(proc, std::move(options), {}) {
  refresh();
}

Symbols::Symbols(const os::ProcDir& proc, Options options, std::vector<os::Mapping> code)
    : proc_(proc),
      memory_(proc),
      loader_(sym::process_module_loader(proc, memory_, std::move(options.finder))),
      cache_(std::move(options.cache_directory)) {
  set_code(std::move(code));
}

bool Symbols::refresh() {
  auto code = os::read_code_mappings(proc_);
  if (!code || std::equal(code->begin(), code->end(), code_.begin(), code_.end(), is_same))
    return false;
  set_code(std::move(*code));
  return true;
}

void Symbols::set_code(std::vector<os::Mapping> code) {
  code_ = std::move(code);
  ++generation_;
  // After an exec the old descriptor would show the old program's memory.
  memory_.reopen();
  modules_ = sym::ModuleMap(code_, *loader_);
  places_.clear();
}

const NamedPlace& Symbols::place(Addr address, bool call) {
  if (places_.size() >= most_places) places_.clear();
  // Code is never at an odd end of the address space, so that one bit is free to tell the two
  // apart.
  const uint64_t key = address.value << 1 | (call ? 1 : 0);
  auto [found, is_new] = places_.try_emplace(key);
  if (is_new) found->second = look_up(address, call);
  return found->second;
}

std::optional<Symbols::Sleeper> Symbols::find_sleeper(pid_t tid) const {
  std::string buffer(512, '\0');
  const auto line = proc_.read_task(tid, "syscall", buffer);
  if (!line) return std::nullopt;
  // "number a b c d e f sp pc", or "running" (proc_pid_syscall(5)).
  std::string_view text = *line;
  std::array<uint64_t, 2> numbers{};  // pc, sp
  for (uint64_t& number : numbers) {
    while (text.ends_with('\n') || text.ends_with(' ')) text.remove_suffix(1);
    const size_t start = text.rfind("0x");
    if (start == text.npos) return std::nullopt;
    const auto [end, error] =
        std::from_chars(text.data() + start + 2, text.data() + text.size(), number, 16);
    if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
    text = text.substr(0, start);
  }
  return Sleeper{{numbers[1]}, {numbers[0]}};
}

void Symbols::warm_up(std::span<const pid_t> tids, sym::KeptPlaces* kept) {
  // Threads of a pool stand in the same few places.
  constexpr size_t most_threads = 64;
  const auto is_kept = [&](Addr pc) {
    const sym::LoadedModule* const loaded = kept == nullptr ? nullptr : modules_.find(pc);
    return loaded != nullptr && kept->find(loaded->module, loaded->to_file(pc)) != nullptr;
  };
  for (const pid_t tid : tids.first(std::min(tids.size(), most_threads))) {
    const auto sleeper = find_sleeper(tid);
    if (sleeper && !is_kept(sleeper->pc)) place(sleeper->pc);
  }
}

void Symbols::warm_up_stack() {
  constexpr size_t most_bytes = 32768;
  constexpr size_t most_lookups = 256;
  const auto sleeper = find_sleeper(proc_.pid());
  if (!sleeper) return;
  place(sleeper->pc);
  std::vector<uint64_t> words(most_bytes / sizeof(uint64_t));
  const auto read = memory_.read_memory(sleeper->sp, std::as_writable_bytes(std::span(words)));
  if (!read) return;
  words.resize(*read / sizeof(uint64_t));
  const size_t known = places_.size();
  for (const uint64_t word : words) {
    if (places_.size() - known >= most_lookups) return;
    if (modules_.find(Addr{word}) != nullptr) place({word}, true);
  }
}

NamedPlace Symbols::look_up(Addr address, bool call) const {
  const Addr inside = call ? address - 1 : address;
  const sym::LoadedModule* const loaded = modules_.find(inside);
  if (loaded == nullptr) return {};
  const uint64_t at = loaded->to_file(inside);
  NamedPlace place;
  const auto functions = sym::functions_at(*loaded->module, at);
  if (!functions.empty()) {
    place.function = functions.back().name;
    const uint64_t entry = functions.back().entry;
    if (entry != 0 && loaded->to_file(address) >= entry)
      place.offset = loaded->to_file(address) - entry;
  }
  if (auto line = sym::line_at(*loaded->module, at)) place.line = std::move(*line);
  return place;
}

const sym::LoadedModule* Symbols::module_of(Addr address) const {
  // Data lies in mappings that are not looked at: the segments tell where.
  for (const sym::LoadedModule& loaded : modules_.modules()) {
    const uint64_t at = loaded.to_file(address);
    for (const auto& segment : loaded.module->image().segments()) {
      if (segment.type == PT_LOAD && at - segment.address < segment.memory_size) return &loaded;
    }
  }
  return nullptr;
}

std::optional<Addr> Symbols::library_event() const {
  for (const sym::LoadedModule& loaded : modules_.modules()) {
    const std::string_view name = loaded.module->name();
    if (!name.starts_with("ld-") && !name.starts_with("ld.so") && !name.starts_with("ld64"))
      continue;
    // Its own symbols: the name is among those that it exports.
    const sym::SymbolTable exported(loaded.module->image());
    const auto found = exported.find("_dl_debug_state");
    if (!found.empty()) return loaded.to_runtime(found.front()->address);
  }
  return std::nullopt;
}

std::optional<Addr> Symbols::variable_address(const LoadedName& variable) const {
  const sym::FoundName& found = variable.found;
  if (found.die.addr == nullptr)
    return found.address == 0 ? std::nullopt
                              : std::optional(modules_.variable_at(variable.module, found.address));
  const sym::Module& module = *variable.module.module;
  const auto lock = module.lock();
  const auto address = sym::static_address(module, found.die);
  return address ? std::optional(modules_.variable_at(variable.module, *address)) : std::nullopt;
}

std::string Symbols::data_name(Addr address) const {
  const sym::LoadedModule* const loaded = module_of(address);
  if (loaded == nullptr) return {};
  const uint64_t at = loaded->to_file(address);
  const sym::Symbol* const symbol = loaded->module->symbols().find_data(at);
  if (symbol == nullptr) return {};
  const std::string name = sym::demangle(symbol->name);
  const uint64_t offset = at - symbol->address;
  return offset == 0 ? name : fmt::format("{}+{}", name, offset);
}

std::unique_ptr<Background> Symbols::start_opening() {
  std::vector<std::shared_ptr<const sym::Module>> unopened;
  for (const sym::LoadedModule& loaded : modules_.modules()) {
    if (opened_.insert(loaded.module.get()).second) unopened.push_back(loaded.module);
  }
  if (unopened.empty()) return nullptr;
  return std::make_unique<Background>([modules = std::move(unopened)](WorkControl& control) {
    for (const auto& module : modules) {
      if (control.cancelled) return;
      module->debug_image();
    }
  });
}

std::vector<std::string> Symbols::take_problems() {
  std::vector<std::string> found;
  for (const sym::LoadedModule& loaded : modules_.modules()) {
    const std::vector<std::string> all = loaded.module->problems();
    size_t& told = problems_told_[loaded.module.get()];
    for (; told < all.size(); ++told) found.push_back(all[told]);
  }
  return found;
}

bool Symbols::has_names() const {
  const auto& all = modules_.modules();
  return std::all_of(all.begin(), all.end(), [&](const sym::LoadedModule& loaded) {
    return names_.count(loaded.module.get()) != 0;
  });
}

std::unique_ptr<NameReading> Symbols::start_reading() const {
  std::vector<std::shared_ptr<const sym::Module>> missing;
  std::unordered_set<const sym::Module*> seen;
  for (const sym::LoadedModule& loaded : modules_.modules()) {
    if (names_.count(loaded.module.get()) == 0 && seen.insert(loaded.module.get()).second)
      missing.push_back(loaded.module);
  }
  if (missing.empty()) return nullptr;
  return std::make_unique<NameReading>(std::move(missing), cache_);
}

void Symbols::finish_reading(NameReading& reading) {
  for (auto& names : reading.take()) {
    const sym::Module* const module = &names->module();
    names_[module] = std::move(names);
  }
}

void Symbols::read_names() {
  if (const auto reading = start_reading()) finish_reading(*reading);
}

std::vector<LoadedFunction> Symbols::functions(const sym::NameQuery& query) {
  read_names();
  std::vector<LoadedFunction> found;
  for (const sym::LoadedModule& loaded : modules_.modules()) {
    const sym::ModuleNames* const names = names_of(*loaded.module);
    if (names == nullptr) continue;
    for (sym::FunctionAt& function : names->functions(query))
      found.push_back({loaded, std::move(function)});
  }
  return found;
}

std::vector<LoadedName> Symbols::find(const sym::NameQuery& query, sym::NameKinds kinds) {
  read_names();
  std::vector<LoadedName> found;
  for (const sym::LoadedModule& loaded : modules_.modules()) {
    const sym::ModuleNames* const names = names_of(*loaded.module);
    if (names == nullptr) continue;
    for (sym::FoundName& name : names->find(query, kinds))
      found.push_back({loaded, std::move(name)});
  }
  return found;
}

const sym::ModuleNames* Symbols::names_of(const sym::Module& module) {
  const auto found = names_.find(&module);
  return found == names_.end() ? nullptr : found->second.get();
}

const sym::ModuleNames* Symbols::read_names_of(const std::shared_ptr<const sym::Module>& module) {
  if (names_of(*module) == nullptr) {
    NameReading reading({module}, cache_);
    finish_reading(reading);
  }
  return names_of(*module);
}

}  // namespace clew
