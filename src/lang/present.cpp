#include "lang/present.h"

namespace clew::lang {
namespace {

class FunctionPrinter final : public Printer {
 public:
  explicit FunctionPrinter(Present present) : present_(std::move(present)) {}
  Result<Presentation> present(const Value& value) const override { return present_(value); }

 private:
  Present present_;
};

}  // namespace

std::unique_ptr<Printer> make_printer(Present present) {
  return std::make_unique<FunctionPrinter>(std::move(present));
}

bool is_impossible(uint64_t count, uint64_t size) {
  constexpr uint64_t most = uint64_t{1} << 47;
  return size == 0 ? count > INT64_MAX : count > most / size;
}

Addresses addresses_in_row(Target& target, Addr start, uint64_t count, uint64_t stride) {
  // What takes no space lies nowhere: there is nothing to be read, and one is like the other.
  constexpr uint64_t most_of_nothing = 1000;
  uint64_t readable = stride == 0 ? UINT64_MAX : 0;
  return [&target, start, count, stride, readable,
          index = uint64_t{0}]() mutable -> Result<std::optional<Addr>> {
    if (index == count) return std::nullopt;
    if (stride == 0 && index == most_of_nothing) {
      return fail(ErrorCode::unsupported,
                  fmt::format("{} more that take no space", count - most_of_nothing));
    }
    const Addr at = start + index * stride;
    if (at.value >= readable) {
      if (const auto byte = read_at<uint8_t>(target, at); !byte)
        return tl::unexpected(byte.error());
      readable = (at.value | (page_size - 1)) + 1;
      if (readable == 0) readable = UINT64_MAX;
    }
    ++index;
    return at;
  };
}

std::optional<Entry> entry_of_pair(const Type* key, const Type* mapped) {
  if (key == nullptr || mapped == nullptr) return std::nullopt;
  const auto key_size = size_of(key);
  if (!key_size || !size_of(mapped)) return std::nullopt;
  return Entry{key, mapped, 0, align_up(*key_size, alignment_of(mapped))};
}

std::string with_elements(std::string_view name, uint64_t count) {
  return fmt::format("{} with {} element{}", name, count, count == 1 ? "" : "s");
}

Presentation present_text(value::Text text) {
  Presentation presentation;
  presentation.text = std::move(text);
  return presentation;
}

Presentation present_stand_in(Value value, std::string summary) {
  Presentation presentation;
  presentation.summary = std::move(summary);
  presentation.stand_in = std::move(value);
  return presentation;
}

Presentation present_summary(std::string summary) {
  Presentation presentation;
  presentation.summary = std::move(summary);
  return presentation;
}

Presentation present_children(std::string summary, Shape shape, std::vector<Child> children) {
  Presentation presentation;
  presentation.summary = std::move(summary);
  presentation.shape = shape;
  presentation.count = children.size();
  presentation.next = [children = std::move(children),
                       index = size_t{0}]() mutable -> Result<std::optional<Child>> {
    if (index == children.size()) return std::nullopt;
    return children[index++];
  };
  return presentation;
}

Presentation present_list(std::string summary, std::optional<uint64_t> count, Target& target,
                          const Type* element, Addresses addresses) {
  Presentation presentation;
  presentation.summary = std::move(summary);
  presentation.shape = Shape::list;
  presentation.count = count;
  presentation.next = [&target, element,
                       addresses = std::move(addresses)]() -> Result<std::optional<Child>> {
    const auto at = addresses();
    if (!at) return tl::unexpected(at.error());
    if (!*at) return std::nullopt;
    return Child{{}, std::nullopt, Value::in_memory(target, element, **at)};
  };
  return presentation;
}

Presentation present_map(std::string summary, std::optional<uint64_t> count, Target& target,
                         const Entry& entry, Addresses addresses) {
  Presentation presentation;
  presentation.summary = std::move(summary);
  presentation.shape = Shape::map;
  presentation.count = count;
  presentation.next = [&target, entry,
                       addresses = std::move(addresses)]() -> Result<std::optional<Child>> {
    const auto at = addresses();
    if (!at) return tl::unexpected(at.error());
    if (!*at) return std::nullopt;
    return Child{{},
                 Value::in_memory(target, entry.key, **at + entry.key_offset),
                 Value::in_memory(target, entry.mapped, **at + entry.mapped_offset)};
  };
  return presentation;
}

}  // namespace clew::lang
