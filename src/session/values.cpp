#include "session/values.h"

#include <dwarf.h>
#include <fmt/format.h>

#include "base/printable.h"
#include "session/die_parent.h"
#include "session/register_access.h"
#include "sym/demangle.h"
#include "value/dwarf_read.h"
#include "value/locator.h"

namespace clew {
namespace {

/// A thread of a live process.
class LiveThread final : public value::ThreadState {
 public:
  /// `registers`: as they are at a hit; without them the held thread is asked.
  LiveThread(Session& session, ThreadId id, std::optional<arch::GeneralRegisters> registers)
      : session_(session), id_(id), registers_(std::move(registers)) {}

  const arch::Arch& arch() const override { return session_.inferior().arch(); }

  Result<std::vector<std::byte>> read(const arch::RegisterInfo& info) const override {
    if (registers_ && info.block == arch::RegisterBlock::general) {
      const Bytes bytes =
          Bytes(std::as_bytes(std::span(registers_->bytes))).subspan(info.offset, info.size);
      return std::vector<std::byte>(bytes.begin(), bytes.end());
    }
    auto value = read_register(session_.inferior(), id_, info);
    if (!value) return tl::unexpected(value.error());
    return std::move(value->bytes);
  }

  Status write(const arch::RegisterInfo& info, Bytes bytes) const override {
    if (registers_) {
      return fail(ErrorCode::unsupported,
                  "registers cannot be changed while others run past the breakpoint");
    }
    auto done = write_register(session_.inferior(), id_, info, bytes);
    if (done) session_.note_change();
    return done;
  }

  Result<uint64_t> thread_pointer() const override {
    if (registers_) return registers_->word(arch().thread_pointer);
    const auto registers = session_.inferior().general(id_);
    if (!registers) return tl::unexpected(registers.error());
    return (*registers)->word(arch().thread_pointer);
  }

 private:
  Session& session_;
  ThreadId id_;
  std::optional<arch::GeneralRegisters> registers_;
};

bool is_declaration(const Dwarf_Die& die) { return value::flag_attribute(die, DW_AT_declaration); }

/// C has "struct node" and a typedef "node"; a wanted tag of 0 takes any.
bool has_tag(const Dwarf_Die& die, unsigned wanted) {
  const auto tag = static_cast<unsigned>(value::tag_of(die));
  if (wanted == 0 || tag == wanted) return true;
  const auto is_class = [](unsigned t) {
    return t == DW_TAG_structure_type || t == DW_TAG_class_type;
  };
  return is_class(tag) && is_class(wanted);
}

}  // namespace

Values::Values(Session& session, Symbols& symbols, ThreadStacks& stacks, ReadNames read_names)
    : session_(session),
      symbols_(symbols),
      stacks_(stacks),
      read_names_(std::move(read_names)),
      memory_(session.inferior()) {
  types_.set_finder(this);
}

Status Values::write_memory(Addr address, Bytes data) {
  RunControl* const control = session_.inferior().run_control();
  if (control == nullptr)
    return fail(ErrorCode::unsupported, "the memory of a core file cannot be changed");
  auto written = control->write_memory(address, data);
  memory_.forget();
  session_.note_change();
  return written;
}

std::optional<value::NamedAddress> Values::name_of(Addr address) {
  const sym::LoadedModule* const module = symbols_.module_of(address);
  if (module == nullptr) return std::nullopt;
  const uint64_t at = module->to_file(address);
  value::NamedAddress named;
  named.is_code = symbols_.modules().find(address) != nullptr;
  const sym::SymbolTable& symbols = module->module->symbols();
  const sym::Symbol* const symbol = named.is_code ? symbols.find_code(at) : symbols.find_data(at);
  if (symbol != nullptr) {
    named.name = sym::demangle(symbol->name);
    named.offset = at - symbol->address;
    return named;
  }
  if (!named.is_code) return std::nullopt;
  const NamedPlace& place = symbols_.place(address);
  if (place.function.empty()) return std::nullopt;
  named.name = place.function;
  named.offset = place.offset;
  return named;
}

const sym::LoadedModule* Values::loaded(const sym::Module& module) const {
  for (const sym::LoadedModule& one : symbols_.modules().modules()) {
    if (one.module.get() == &module) return &one;
  }
  return nullptr;
}

void Values::forget_names_of_old_code() {
  if (generation_ == symbols_.generation()) return;
  generation_ = symbols_.generation();
  found_.clear();
  functions_.clear();
}

Result<const std::vector<LoadedName>*> Values::find(const std::string& name, sym::NameKinds kinds) {
  forget_names_of_old_code();
  const bool is_type = kinds.has(sym::NameKind::type);
  const auto known = found_.find({name, is_type});
  if (known != found_.end()) return &known->second;
  const auto query = sym::NameQuery::parse(name);
  if (!query) return tl::unexpected(query.error());
  if (auto read = read_names_(); !read) return tl::unexpected(read.error());
  return &(found_[{name, is_type}] = symbols_.find(*query, kinds));
}

Result<const std::vector<LoadedFunction>*> Values::functions(const std::string& name) {
  forget_names_of_old_code();
  const auto known = functions_.find(name);
  if (known != functions_.end()) return &known->second;
  const auto query = sym::NameQuery::parse(name);
  if (!query) return tl::unexpected(query.error());
  if (auto read = read_names_(); !read) return tl::unexpected(read.error());
  return &(functions_[name] = symbols_.functions(*query));
}

Result<const value::Type*> Values::find_type(std::string_view name, const value::Type* near) {
  const auto found = find(std::string(name), sym::type_kinds);
  if (!found) return tl::unexpected(found.error());
  const value::Type* best = nullptr;
  int best_rank = -1;
  for (const LoadedName& one : **found) {
    if (one.found.die.addr == nullptr) continue;
    const bool is_near = near != nullptr && near->module() == one.module.module;
    const auto lock = one.module.module->lock();
    const int rank = (is_declaration(one.found.die) ? 0 : 4) + (one.found.name == name ? 2 : 0) +
                     (is_near ? 1 : 0);
    if (rank <= best_rank) continue;
    best = types_.of(one.module.module, one.found.die);
    best_rank = rank;
  }
  if (best != nullptr) return best;
  return fail(ErrorCode::not_found, fmt::format("there is no type {}", printable(name)));
}

std::optional<value::DefinitionFinder::Found> Values::find_definition(
    unsigned tag, const std::string& name, const value::Type& declaration) {
  const auto found = find("::" + name, sym::type_kinds);
  if (!found) return std::nullopt;
  const LoadedName* best = nullptr;
  for (const LoadedName& one : **found) {
    if (one.found.die.addr == nullptr) continue;
    const auto lock = one.module.module->lock();
    if (is_declaration(one.found.die) || !has_tag(one.found.die, tag)) continue;
    if (best == nullptr || one.module.module == declaration.module()) best = &one;
    if (one.module.module == declaration.module()) break;
  }
  if (best == nullptr) return std::nullopt;
  return Found{best->module.module, best->found.die};
}

Result<value::Value> Values::variable(const std::shared_ptr<const sym::Module>& module,
                                      const Dwarf_Die& die) {
  const sym::LoadedModule* const where = module == nullptr ? nullptr : loaded(*module);
  if (where == nullptr) return fail(ErrorCode::unavailable, "its module is not mapped any more");
  Dwarf_Die definition = die;
  bool has_place = false;
  std::string name;
  {
    const auto lock = module->lock();
    has_place =
        value::attribute_of(die, DW_AT_location) || value::attribute_of(die, DW_AT_const_value);
    if (!has_place) {
      const char* const text = dwarf_diename(&definition);
      const auto parent = parent_of(die);
      const value::Type* const scope = parent ? types_.of(module, *parent) : nullptr;
      if (text != nullptr && scope != nullptr) name = scope->full_name() + "::" + text;
    }
  }
  if (has_place || name.empty()) return value::Locator(*this, nullptr).variable(*where, die);
  const auto found = find("::" + name, sym::variable_kinds);
  if (!found) return tl::unexpected(found.error());
  for (const LoadedName& one : **found) {
    if (one.found.die.addr == nullptr) continue;
    value::Value value = value::Locator(*this, nullptr).variable(one.module, one.found.die);
    if (!value.is_absent()) return value;
  }
  return value::Locator(*this, nullptr).variable(*where, die);
}

Result<std::shared_ptr<const value::Frame>> Values::frame(ThreadId thread, size_t level) {
  auto stack = stacks_.stack(thread);
  if (!stack) return tl::unexpected(stack.error());
  auto frame = value::Frame::make(std::move(*stack), level,
                                  std::make_shared<LiveThread>(session_, thread, std::nullopt));
  if (frame == nullptr)
    return fail(ErrorCode::not_found, fmt::format("there is no frame {}", level));
  return frame;
}

std::shared_ptr<const value::ThreadState> Values::thread(
    ThreadId id, std::optional<arch::GeneralRegisters> registers) {
  return std::make_shared<LiveThread>(session_, id, std::move(registers));
}

Result<std::shared_ptr<const value::Frame>> Values::selected_frame(std::optional<size_t> level) {
  const auto chosen = stacks_.selected();
  if (!chosen) return tl::unexpected(chosen.error());
  std::shared_ptr<const value::ThreadState> state;
  if (chosen->is_parked) {
    // On no thread: nothing is known but what its stack has.
    state = std::make_shared<value::ThreadState>();
  } else {
    const auto id = session_.selected();
    if (!id) return tl::unexpected(id.error());
    state = thread(*id);
  }
  auto frame = value::Frame::make(chosen->stack, level.value_or(chosen->frame->level), state);
  if (frame == nullptr) return fail(ErrorCode::not_found, "there is no such frame");
  return frame;
}

std::shared_ptr<const value::Frame> Values::frame_of(ThreadId id,
                                                     const arch::GeneralRegisters& registers) {
  const auto with_its_caller = [this, registers] { return stacks_.innermost(registers, 2); };
  return value::Frame::make(stacks_.innermost(registers, 1), 0, thread(id, registers),
                            with_its_caller);
}

std::shared_ptr<const value::Frame> Values::function_frame_of(
    ThreadId id, const arch::GeneralRegisters& registers) {
  auto stack = stacks_.innermost(registers, 2);
  size_t level = 0;
  while (level + 1 < stack->frames.size() && stack->frames[level + 1].physical == 0) ++level;
  return value::Frame::make(std::move(stack), level, thread(id, registers));
}

}  // namespace clew
