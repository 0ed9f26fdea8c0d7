#include "session/goroutine_query.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <tuple>

#include "base/printable.h"

namespace clew {
namespace {

constexpr std::array<std::pair<std::string_view, GoroutineField>, 8> fields{{
    {"userloc", GoroutineField::user_location},
    {"curloc", GoroutineField::current_location},
    {"goloc", GoroutineField::go_location},
    {"startloc", GoroutineField::start_location},
    {"state", GoroutineField::state},
    {"label", GoroutineField::label},
    {"running", GoroutineField::running},
    {"user", GoroutineField::user},
}};

const std::string* find_label(const go::LabelSet& labels, std::string_view key) {
  for (const auto& [name, value] : labels) {
    if (name == key) return &value;
  }
  return nullptr;
}

/// With the whole path of the file, so that a part of that can be asked for.
std::string whole_text(const go::GoPlace& place) {
  return fmt::format("{} at {}:{}", place.function, place.line.file, place.line.line);
}

}  // namespace

Result<GoroutineField> goroutine_field(std::string_view name) {
  std::string names;
  for (const auto& [known, field] : fields) {
    if (known == name) return field;
    names += (names.empty() ? "" : ", ") + std::string(known);
  }
  return fail(ErrorCode::bad_request,
              fmt::format("\"{}\" is no field of goroutines: {}", printable(name), names));
}

std::string GoroutineSnapshot::wait_reason(const go::Goroutine& goroutine) const {
  if (goroutine.state() != go::GoroutineState::waiting) return {};
  if (goroutine.wait_reason < wait_reasons.size()) return wait_reasons[goroutine.wait_reason];
  return fmt::format("reason {}", goroutine.wait_reason);
}

std::string GoroutineSnapshot::state(const go::Goroutine& goroutine) const {
  std::string text = wait_reason(goroutine);
  if (text.empty()) text = go::state_name(goroutine.state());
  if (text.empty()) text = fmt::format("unknown state {}", goroutine.state_number);
  if (goroutine.is_scanned) text += " (scan)";
  return text;
}

std::optional<int64_t> GoroutineSnapshot::waited(const go::Goroutine& goroutine) const {
  const bool waits = goroutine.state() == go::GoroutineState::waiting ||
                     goroutine.state() == go::GoroutineState::syscall;
  if (!waits || goroutine.wait_since <= 0 || goroutine.wait_since > now) return std::nullopt;
  return now - goroutine.wait_since;
}

const go::LabelSet& GoroutineSnapshot::labels(const go::Goroutine& goroutine) const {
  static const go::LabelSet empty;
  return goroutine.labels < found.labels.size() ? found.labels[goroutine.labels] : empty;
}

std::string GoroutineSnapshot::text(GoroutineField field, const std::string& label,
                                    const go::Goroutine& goroutine) {
  switch (field) {
    case GoroutineField::user_location:
      return whole_text(places.user(found, goroutine));
    case GoroutineField::current_location:
      return whole_text(places.current(goroutine));
    case GoroutineField::go_location:
      return whole_text(places.go_statement(goroutine));
    case GoroutineField::start_location:
      return whole_text(places.start(goroutine));
    case GoroutineField::state:
      return state(goroutine);
    case GoroutineField::label: {
      const std::string* const value = find_label(labels(goroutine), label);
      return value == nullptr ? "without " + label : label + "=" + *value;
    }
    case GoroutineField::running:
      return goroutine.thread != 0 ? "running" : "on no thread";
    case GoroutineField::user:
      return places.is_system(goroutine) ? "system" : "user";
  }
  return {};
}

bool GoroutineSnapshot::passes(const GoroutineFilter& filter, const go::Goroutine& goroutine) {
  switch (filter.field) {
    case GoroutineField::running:
      return (goroutine.thread != 0) == filter.is_wanted;
    case GoroutineField::user:
      return places.is_system(goroutine) != filter.is_wanted;
    case GoroutineField::label: {
      const size_t equals = filter.value.find('=');
      const std::string* const value =
          find_label(labels(goroutine), filter.value.substr(0, equals));
      const bool has = value != nullptr &&
                       (equals == std::string::npos || *value == filter.value.substr(equals + 1));
      return has == filter.is_wanted;
    }
    default:
      return (text(filter.field, {}, goroutine).find(filter.value) != std::string::npos) ==
             filter.is_wanted;
  }
}

std::vector<size_t> GoroutineSnapshot::choose(const std::vector<GoroutineFilter>& filters) {
  // With the ids beside them: of a million, the goroutines themselves are too far apart to sort by.
  std::vector<std::pair<uint64_t, size_t>> chosen;
  chosen.reserve(found.all.size());
  for (size_t i = 0; i < found.all.size(); ++i) {
    if (std::all_of(filters.begin(), filters.end(),
                    [&](const GoroutineFilter& filter) { return passes(filter, found.all[i]); })) {
      chosen.emplace_back(found.all[i].id, i);
    }
  }
  if (!std::is_sorted(chosen.begin(), chosen.end())) std::sort(chosen.begin(), chosen.end());
  std::vector<size_t> indexes;
  indexes.reserve(chosen.size());
  for (const auto& [id, index] : chosen) indexes.push_back(index);
  return indexes;
}

/// Without texts: there can be a million.
std::vector<GoroutineGroup> GoroutineSnapshot::group_usual(const std::vector<size_t>& chosen) {
  struct Key {
    const go::GoPlace* place;
    unsigned state;
    bool is_system;
    bool operator==(const Key&) const = default;
  };
  struct Hash {
    size_t operator()(const Key& key) const {
      return std::hash<const void*>()(key.place) * 31 + key.state;
    }
  };
  std::unordered_map<Key, size_t, Hash> seen;
  std::vector<GoroutineGroup> groups;
  for (const size_t index : chosen) {
    const go::Goroutine& goroutine = found.all[index];
    const unsigned reason =
        goroutine.state() == go::GoroutineState::waiting ? goroutine.wait_reason : 0;
    const Key key{&places.user(found, goroutine), goroutine.state_number * 256u + reason,
                  places.is_system(goroutine)};
    const auto [at, is_new] = seen.try_emplace(key, groups.size());
    if (is_new) groups.emplace_back();
    groups[at->second].members.push_back(index);
  }
  return groups;
}

std::vector<GoroutineGroup> GoroutineSnapshot::group(const std::vector<size_t>& chosen,
                                                     const GoroutineGrouping& grouping) {
  std::vector<GoroutineGroup> groups;
  if (!grouping.field) {
    groups = group_usual(chosen);
  } else {
    std::unordered_map<std::string, size_t> seen;
    for (const size_t index : chosen) {
      const auto [at, is_new] =
          seen.try_emplace(text(*grouping.field, grouping.label, found.all[index]), groups.size());
      if (is_new) groups.push_back({at->first, {}});
      groups[at->second].members.push_back(index);
    }
  }
  const auto rank = [&](const GoroutineGroup& group) {
    const go::Goroutine& first = found.all[group.members.front()];
    return std::tuple(!grouping.field && places.is_system(first), SIZE_MAX - group.members.size(),
                      first.id);
  };
  std::sort(groups.begin(), groups.end(),
            [&](const auto& a, const auto& b) { return rank(a) < rank(b); });
  return groups;
}

}  // namespace clew
