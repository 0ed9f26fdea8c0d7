#include "session/breakpoints.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/printable.h"

namespace clew {

std::string_view BreakpointRequest::kind() const {
  return watch ? "watchpoint" : caught || exception ? "catchpoint" : "breakpoint";
}

std::string BreakpointRequest::subject() const {
  if (!exception) return location;
  return fmt::format("{}{}{}", exception_event_name(exception->event),
                     exception->type.empty() ? "" : " ", exception->type);
}

std::string_view stop_policy_name(StopPolicy policy) {
  switch (policy) {
    case StopPolicy::all:
      return "all";
    case StopPolicy::thread:
      return "thread";
    case StopPolicy::none:
      return "none";
  }
  return "all";
}

std::optional<StopPolicy> parse_stop_policy(std::string_view text) {
  for (const StopPolicy policy : {StopPolicy::all, StopPolicy::thread, StopPolicy::none}) {
    if (text == stop_policy_name(policy)) return policy;
  }
  return std::nullopt;
}

Breakpoints::Breakpoints(Inferior& inferior, Compiler compiler)
    : inferior_(inferior), control_(*inferior.run_control()), compiler_(std::move(compiler)) {
  control_.on_hit([this](const TrapHit& hit) { return judge(hit); });
  control_.on_broken_off([this](const TrapHit& hit) { return note_broken_off(hit); });
  control_.on_watch([this](const WatchHit& hit) { return judge_watch(hit); });
  control_.on_act([this](const Act& act) { return judge_act(act); });
}

Result<Breakpoint*> Breakpoints::find(unsigned number) {
  for (const auto& breakpoint : breakpoints_) {
    if (breakpoint->number == number) return breakpoint.get();
  }
  return fail(ErrorCode::not_found,
              fmt::format("there is no breakpoint {}: see `info breakpoints`", number));
}

// --- Setting and clearing

Result<Breakpoint*> Breakpoints::add(BreakpointRequest request, bool pending) {
  auto breakpoint = std::make_unique<Breakpoint>();
  breakpoint->request = std::move(request);
  if (breakpoint->request.after != 0) {
    if (auto other = find(breakpoint->request.after); !other) return tl::unexpected(other.error());
  }
  const bool has_code = breakpoint->request.has_code();
  auto places = has_code ? places_of(breakpoint->request, false) : Result<std::vector<CodePlace>>();
  if (!places && !(pending && places.error().code == ErrorCode::not_found))
    return tl::unexpected(places.error());
  if (!places) breakpoint->pending = places.error().text;
  breakpoint->number = next_number_;
  if (auto begun = begin_watch(*breakpoint); !begun) return tl::unexpected(begun.error());
  if (places) {
    if (auto placed = place(*breakpoint, std::move(*places)); !placed)
      return tl::unexpected(placed.error());
  }
  if (auto compiled = compile(*breakpoint); !compiled) {
    unplace(*breakpoint);
    return tl::unexpected(compiled.error());
  }
  ++next_number_;
  breakpoints_.push_back(std::move(breakpoint));
  watch_libraries();
  choose_acts();
  return breakpoints_.back().get();
}

Status Breakpoints::compile(Breakpoint& breakpoint) {
  const BreakpointRequest& request = breakpoint.request;
  if (!request.thread_name.empty() && !breakpoint.thread_name) {
    auto compiled = RegularExpression::compile(request.thread_name);
    if (!compiled) return tl::unexpected(compiled.error());
    breakpoint.thread_name = std::move(*compiled);
  }
  if (request.exception && !request.exception->type.empty() && !breakpoint.exception_type) {
    auto compiled = RegularExpression::compile(request.exception->type);
    if (!compiled) return tl::unexpected(compiled.error());
    breakpoint.exception_type = std::move(*compiled);
  }
  if (request.caught && !request.caught->library.empty()) {
    auto compiled = RegularExpression::compile(request.caught->library);
    if (!compiled) return tl::unexpected(compiled.error());
    breakpoint.library = std::move(*compiled);
  }
  if (breakpoint.is_pending()) return {};
  const CodePlace first =
      breakpoint.locations.empty() ? CodePlace{} : breakpoint.locations.front().place;
  if (!request.condition.empty()) {
    auto condition = compiler_.condition(request.condition, first);
    if (!condition) return tl::unexpected(condition.error());
    breakpoint.condition = std::move(*condition);
  }
  if (!request.log.empty()) {
    auto log = compiler_.log(request.log, first);
    if (!log) return tl::unexpected(log.error());
    breakpoint.log = std::move(*log);
  }
  return {};
}

Result<std::vector<CodePlace>> Breakpoints::places_of(const BreakpointRequest& request,
                                                      bool again) const {
  auto places =
      again ? compiler_.resolve_again(request.location) : compiler_.resolve(request.location);
  if (!places || !request.exception) return places;
  // Behind the prologue the arguments may be elsewhere.
  for (CodePlace& place : *places) place.address = place.entry;
  return places;
}

Status Breakpoints::place(Breakpoint& breakpoint, std::vector<CodePlace> places) {
  for (CodePlace& place : places) {
    const Addr address = place.address;
    breakpoint.locations.push_back({std::move(place), true, 0});
    if (auto wanted = breakpoint.enabled ? want(address) : Status{}; !wanted) {
      breakpoint.locations.pop_back();
      unplace(breakpoint);
      return wanted;
    }
    by_address_[address.value].push_back({&breakpoint, breakpoint.locations.size() - 1});
    // Who stands there already has arrived before: going on is no hit.
    for (const Thread& thread : inferior_.threads()) {
      if (!is_held(thread.activity)) continue;
      const auto registers = inferior_.general(thread.id);
      if (registers && inferior_.arch().pc_of(**registers) == address.value)
        control_.pass_trap(thread.id);
    }
  }
  return {};
}

void Breakpoints::unplace(Breakpoint& breakpoint) {
  for (const BreakpointLocation& location : breakpoint.locations) {
    const uint64_t address = location.place.address.value;
    auto& there = by_address_[address];
    std::erase_if(there, [&](const At& at) { return at.breakpoint == &breakpoint; });
    if (there.empty()) by_address_.erase(address);
    if (breakpoint.enabled && location.enabled) unwant(location.place.address);
  }
  breakpoint.locations.clear();
  stop_watching(breakpoint);
  forget_scope(breakpoint);
}

Status Breakpoints::want(Addr address) {
  Status set = control_.set_trap(address);
  if (set) ++wanted_[address.value];
  return set;
}

void Breakpoints::unwant(Addr address) {
  (void)control_.clear_trap(address);
  const auto wanted = wanted_.find(address.value);
  if (wanted == wanted_.end() || --wanted->second > 0) return;
  wanted_.erase(wanted);
  // Who comes back there unseen must not be taken for one that comes later.
  std::erase_if(broken_off_, [&](const auto& one) { return std::get<0>(one) == address.value; });
}

Status Breakpoints::remove(unsigned number) {
  const auto found = find(number);
  if (!found) return tl::unexpected(found.error());
  unplace(**found);
  std::erase_if(breakpoints_, [&](const auto& b) { return b.get() == *found; });
  if (breakpoints_.empty() && library_event_) clear_internal(*std::exchange(library_event_, {}));
  choose_acts();
  return {};
}

Status Breakpoints::enable(unsigned number, bool enabled) {
  const auto found = find(number);
  if (!found) return tl::unexpected(found.error());
  Breakpoint& breakpoint = **found;
  if (breakpoint.enabled == enabled) return {};
  for (const BreakpointLocation& location : breakpoint.locations) {
    if (!location.enabled) continue;
    if (!enabled) {
      unwant(location.place.address);
    } else if (auto wanted = want(location.place.address); !wanted) {
      return wanted;
    }
  }
  if (!enabled) {
    stop_watching(breakpoint);
  } else if (breakpoint.request.watch) {
    // What it watches was settled when it was set: the names may mean something else by now.
    const bool is_settled = breakpoint.watched.size > 0;
    if (auto begun = is_settled ? load_watch(breakpoint) : begin_watch(breakpoint); !begun)
      return begun;
  }
  breakpoint.enabled = enabled;
  choose_acts();
  return {};
}

Status Breakpoints::enable_location(unsigned number, size_t location, bool enabled) {
  const auto found = find(number);
  if (!found) return tl::unexpected(found.error());
  Breakpoint& breakpoint = **found;
  if (location == 0 || location > breakpoint.locations.size()) {
    return fail(ErrorCode::not_found,
                fmt::format("breakpoint {} has {} location{}", number, breakpoint.locations.size(),
                            breakpoint.locations.size() == 1 ? "" : "s"));
  }
  BreakpointLocation& chosen = breakpoint.locations[location - 1];
  if (chosen.enabled == enabled) return {};
  if (breakpoint.enabled) {
    if (!enabled) {
      unwant(chosen.place.address);
    } else if (auto wanted = want(chosen.place.address); !wanted) {
      return wanted;
    }
  }
  chosen.enabled = enabled;
  return {};
}

Status Breakpoints::set_condition(unsigned number, const std::string& text) {
  const auto found = find(number);
  if (!found) return tl::unexpected(found.error());
  Breakpoint& breakpoint = **found;
  const std::string before = std::exchange(breakpoint.request.condition, text);
  if (auto compiled = compile(breakpoint); !compiled) {
    breakpoint.request.condition = before;
    return compiled;
  }
  if (text.empty()) breakpoint.condition = {};
  breakpoint.condition_error.clear();
  return {};
}

Status Breakpoints::modify(unsigned number, BreakpointRequest request) {
  const auto found = find(number);
  if (!found) return tl::unexpected(found.error());
  Breakpoint& breakpoint = **found;
  if (request.after == number)
    return fail(ErrorCode::bad_request, "a breakpoint does not come behind itself");
  BreakpointRequest before = std::exchange(breakpoint.request, std::move(request));
  auto name_before = std::move(breakpoint.thread_name);
  if (auto compiled = compile(breakpoint); !compiled) {
    breakpoint.request = std::move(before);
    breakpoint.thread_name = std::move(name_before);
    return compiled;
  }
  return {};
}

Result<std::vector<CodePlace>> Breakpoints::places_now(const Breakpoint& breakpoint,
                                                       bool fresh_memory) const {
  const std::string& location = breakpoint.request.location;
  if (fresh_memory && location.starts_with('*')) {
    return fail(ErrorCode::not_found, "it was an address in the program that is executed no more");
  }
  return places_of(breakpoint.request, true);
}

/// What the user has done to locations, and what they have counted, goes with them.
void Breakpoints::restore_locations(Breakpoint& breakpoint,
                                    const std::vector<BreakpointLocation>& before) {
  for (BreakpointLocation& location : breakpoint.locations) {
    for (const BreakpointLocation& old : before) {
      if (old.place.description != location.place.description) continue;
      location.hits = old.hits;
      if (!old.enabled && location.enabled && breakpoint.enabled) unwant(location.place.address);
      location.enabled = old.enabled;
    }
  }
}

std::vector<unsigned> Breakpoints::resolve_again(bool fresh_memory) {
  std::vector<unsigned> changed;
  if (fresh_memory) {
    ++memory_number_;
    broken_off_.clear();
    wanted_.clear();
    by_address_.clear();
    internal_.clear();
    library_event_.reset();
  }
  for (const auto& breakpoint : breakpoints_) {
    if (breakpoint->request.caught) continue;
    if (breakpoint->request.watch) {
      if (!fresh_memory) continue;
      // The processor's watchpoints have gone with the program.
      breakpoint->slots.clear();
      breakpoint->watched = {};
      scope_traps_.erase(breakpoint->number);
      if (!std::exchange(breakpoint->enabled, false)) continue;
      breakpoint->pending = "it watched memory of the program that is executed no more";
      changed.push_back(breakpoint->number);
      continue;
    }
    const std::vector<BreakpointLocation> before = breakpoint->locations;
    auto places = places_now(*breakpoint, fresh_memory);
    const auto was_there = [&](const CodePlace& place) {
      return std::any_of(before.begin(), before.end(), [&](const BreakpointLocation& b) {
        return b.place.address == place.address;
      });
    };
    const bool same = places ? places->size() == before.size() &&
                                   std::all_of(places->begin(), places->end(), was_there)
                             : before.empty();
    if (!fresh_memory && same) continue;
    if (fresh_memory) {
      breakpoint->locations.clear();
    } else {
      unplace(*breakpoint);
    }
    breakpoint->pending = places ? "" : places.error().text;
    if (places) {
      if (auto placed = place(*breakpoint, std::move(*places)); !placed)
        breakpoint->pending = placed.error().text;
    }
    restore_locations(*breakpoint, before);
    if (auto compiled = compile(*breakpoint); !compiled)
      breakpoint->condition_error = compiled.error().text;
    changed.push_back(breakpoint->number);
  }
  if (!breakpoints_.empty()) watch_libraries();
  return changed;
}

void Breakpoints::watch_libraries() {
  if (library_event_ || !compiler_.library_event) return;
  const auto at = compiler_.library_event();
  if (!at) return;
  const auto look = [this](const TrapHit& hit) {
    const auto changes = compiler_.look_at_code();
    if (changes.empty()) return HitVerdict::go_on;
    for (const LibraryChange& change : changes) (void)judge_library(change, hit);
    library_news_ = true;
    return HitVerdict::hold_all;
  };
  if (const auto id = set_internal(*at, look)) library_event_ = *id;
}

void Breakpoints::clear_traps() {
  for (const auto& breakpoint : breakpoints_) unplace(*breakpoint);
  for (const auto& [address, handlers] : internal_) unwant({address});
  internal_.clear();
  scope_traps_.clear();
  control_.catch_acts(0);
  library_event_.reset();
}

KeptBreakpoints Breakpoints::keep() const {
  KeptBreakpoints kept;
  kept.next_number = next_number_;
  kept.default_policy = default_policy_;
  for (const auto& breakpoint : breakpoints_)
    kept.all.push_back({breakpoint->number, breakpoint->request, breakpoint->enabled});
  return kept;
}

std::vector<std::string> Breakpoints::restore(const KeptBreakpoints& kept) {
  std::vector<std::string> lost;
  default_policy_ = kept.default_policy;
  for (const KeptBreakpoints::One& one : kept.all) {
    next_number_ = one.number;
    auto added = add(one.request, true);
    if (!added) {
      lost.push_back(fmt::format("breakpoint {} is not set: {}", one.number, added.error().text));
    } else if (!one.enabled) {
      (void)enable(one.number, false);
    }
  }
  next_number_ = kept.next_number;
  return lost;
}

Result<unsigned> Breakpoints::set_internal(Addr address, HitHandler handler,
                                           std::function<bool(const TrapHit&)> resumes) {
  auto& there = internal_[address.value];
  if (there.empty()) {
    if (auto wanted = want(address); !wanted) {
      internal_.erase(address.value);
      return tl::unexpected(wanted.error());
    }
  }
  there.push_back({next_internal_, std::move(handler), std::move(resumes)});
  return next_internal_++;
}

void Breakpoints::clear_internal(unsigned id) {
  for (auto at = internal_.begin(); at != internal_.end(); ++at) {
    if (std::erase_if(at->second, [&](const Internal& one) { return one.id == id; }) == 0) continue;
    if (at->second.empty()) {
      unwant({at->first});
      internal_.erase(at);
    }
    return;
  }
}

void Breakpoints::remove_spent() {
  for (const unsigned number : std::exchange(spent_, {})) (void)remove(number);
}

// --- Hits

/// A goroutine can go on in another thread than the one that the signal has come to: it is known
/// again by its number and by how deep in its stack it was.
bool Breakpoints::note_broken_off(const TrapHit& hit) {
  const auto runs = compiler_.goroutine ? compiler_.goroutine(hit.registers) : std::nullopt;
  const uint64_t sp = inferior_.arch().sp_of(hit.registers);
  if (!runs || !runs->is_on_stack(sp)) return false;
  broken_off_.insert({hit.address.value, runs->id, runs->stack_high - sp});
  return true;
}

bool Breakpoints::take_broken_off(const TrapHit& hit) {
  const auto first = broken_off_.lower_bound({hit.address.value, 0, 0});
  if (first == broken_off_.end() || std::get<0>(*first) != hit.address.value) return false;
  const auto runs = compiler_.goroutine(hit.registers);
  const uint64_t sp = inferior_.arch().sp_of(hit.registers);
  return runs && broken_off_.erase({hit.address.value, runs->id, runs->stack_high - sp}) > 0;
}

bool Breakpoints::is_resumption(const TrapHit& hit) const {
  const auto found = internal_.find(hit.address.value);
  return found != internal_.end() &&
         std::any_of(found->second.begin(), found->second.end(),
                     [&](const Internal& one) { return one.resumes && one.resumes(hit); });
}

HitVerdict Breakpoints::judge(const TrapHit& hit) {
  HitVerdict verdict = HitVerdict::go_on;
  const auto found = by_address_.find(hit.address.value);
  const bool was_told = take_broken_off(hit);
  if (found != by_address_.end() && !was_told && !is_resumption(hit)) {
    for (const At& at : found->second) {
      Breakpoint& breakpoint = *at.breakpoint;
      BreakpointLocation& location = breakpoint.locations[at.location];
      if (!breakpoint.enabled || !location.enabled) continue;
      verdict = std::max(verdict, judge_one(breakpoint, &location, hit));
    }
  }
  if (const auto internal = internal_.find(hit.address.value); internal != internal_.end()) {
    // A handler may not change the list, but ask for that later.
    for (const Internal& one : internal->second) {
      // Who comes back after having been told is awaited by nobody but the step that it is for.
      if (was_told && !(one.resumes && one.resumes(hit))) continue;
      verdict = std::max(verdict, one.handler(hit));
    }
  }
  return verdict;
}

bool Breakpoints::passes(Breakpoint& breakpoint, const TrapHit& hit) {
  const BreakpointRequest& request = breakpoint.request;
  if (request.thread && *request.thread != hit.thread.number) return false;
  if (breakpoint.thread_name && !breakpoint.thread_name->matches(compiler_.thread_name(hit.thread)))
    return false;
  if (request.goroutine && goroutine_of(hit) != request.goroutine) return false;
  if (request.after != 0) {
    const auto other = find(request.after);
    if (other && !(*other)->hits_by_thread.contains(hit.thread.number)) return false;
  }
  if (breakpoint.exception_type && !has_caught_type(breakpoint, hit)) return false;
  if (!breakpoint.condition) return true;
  const auto value = breakpoint.condition(hit);
  if (value) return *value;
  // A condition that cannot be evaluated must not hide a hit.
  breakpoint.condition_error = value.error().text;
  return true;
}

bool Breakpoints::has_caught_type(const Breakpoint& breakpoint, const TrapHit& hit) {
  const auto type = exception_type(breakpoint.request.exception->event, inferior_.arch(),
                                   hit.registers, inferior_);
  // Another language's has no type; one whose type cannot be read must not be hidden.
  if (!type) return type.error().code != ErrorCode::unsupported;
  return breakpoint.exception_type->matches(*type);
}

std::string Breakpoints::describe(const ExceptionRequest& exception, const TrapHit& hit) {
  const std::string_view event = exception_event_name(exception.event);
  if (exception.event == ExceptionEvent::panic) return std::string(event);
  const auto type = exception_type(exception.event, inferior_.arch(), hit.registers, inferior_);
  return type ? fmt::format("{} of {}", event, *type)
              : fmt::format("{} of a type that is not known: {}", event, type.error().text);
}

std::optional<uint64_t> Breakpoints::goroutine_of(const TrapHit& hit) const {
  const auto runs = compiler_.goroutine ? compiler_.goroutine(hit.registers) : std::nullopt;
  return runs ? std::optional(runs->id) : std::nullopt;
}

void Breakpoints::count_goroutine(Breakpoint& breakpoint, const TrapHit& hit) {
  // A storm of goroutines must not fill clew's memory: those that come later are counted together.
  constexpr size_t most_goroutines = 100'000;
  constexpr uint64_t the_others = UINT64_MAX;
  const auto goroutine = goroutine_of(hit);
  if (!goroutine) return;
  auto& counts = breakpoint.hits_by_goroutine;
  const bool has_room = counts.size() < most_goroutines || counts.contains(*goroutine);
  ++counts[has_room ? *goroutine : the_others];
}

HitVerdict Breakpoints::judge_one(Breakpoint& breakpoint, BreakpointLocation* location,
                                  const TrapHit& hit, std::string detail) {
  if (!passes(breakpoint, hit)) return HitVerdict::go_on;
  if (location != nullptr) ++location->hits;
  ++breakpoint.hits;
  ++total_hits_;
  ++breakpoint.hits_by_thread[hit.thread.number];
  count_goroutine(breakpoint, hit);
  BreakpointRequest& request = breakpoint.request;
  if (request.ignore > 0) {
    --request.ignore;
    return HitVerdict::go_on;
  }
  if (breakpoint.log) {
    log_.push_back(breakpoint.log(hit));
    if (!request.stop) return HitVerdict::go_on;
  }
  const StopPolicy policy = request.stop.value_or(default_policy_);
  if (policy == StopPolicy::none) return HitVerdict::go_on;
  if (may_stop_ && !may_stop_(hit)) return HitVerdict::go_on;
  if (request.exception) detail = describe(*request.exception, hit);
  stops_.push_back({breakpoint.number, hit.thread, hit.address, request.temporary, policy,
                    std::string(request.kind()), std::move(detail), goroutine_of(hit)});
  if (request.temporary) spent_.insert(breakpoint.number);
  return policy == StopPolicy::all ? HitVerdict::hold_all : HitVerdict::hold_thread;
}

}  // namespace clew
