#include "lang/go/layout_bytes.h"

#include <algorithm>
#include <cstring>
#include <type_traits>

namespace clew::go {
namespace {

static_assert(std::is_trivially_copyable_v<RuntimeFields>);

/// In front of the words for what goroutines wait for, each a length and its bytes. Another field
/// in RuntimeFields, or one with another meaning, needs another version.
struct Head {
  uint64_t version = 1;
  uint64_t size_of_fields = sizeof(RuntimeFields);
  uint64_t image = 0;  ///< see print_of()
  RuntimeFields fields;
  uint64_t all_pointer = 0, all_count = 0, all_machines = 0;
  uint64_t reasons = 0;
};
static_assert(std::is_trivially_copyable_v<Head>);

/// What is loaded of a file, and where: builds can be given one build-id by hand. The same for a
/// file that was stripped.
uint64_t print_of(const sym::ElfImage& image) {
  constexpr uint64_t prime = 0x100000001b3;
  uint64_t print = 0xcbf29ce484222325;
  for (const sym::ElfImage::Section& section : image.sections()) {
    if ((section.flags & SHF_ALLOC) == 0) continue;
    for (const uint64_t word : {section.address, section.size}) print = (print ^ word) * prime;
  }
  return print;
}

uint64_t to_file(Addr address, const sym::LoadedModule& loaded) {
  return address.value == 0 ? 0 : loaded.to_file(address);
}

Addr to_runtime(uint64_t address, const sym::LoadedModule& loaded) {
  return address == 0 ? Addr{} : loaded.to_runtime(address);
}

}  // namespace

std::vector<std::byte> layout_to_bytes(const RuntimeLayout& layout,
                                       const sym::LoadedModule& loaded) {
  Head head;
  head.image = print_of(loaded.module->image());
  head.fields = layout;
  head.all_pointer = to_file(layout.all_pointer, loaded);
  head.all_count = to_file(layout.all_count, loaded);
  head.all_machines = to_file(layout.all_machines, loaded);
  head.reasons = layout.wait_reasons.size();
  std::vector<std::byte> bytes(sizeof head);
  std::memcpy(bytes.data(), &head, sizeof head);
  for (const std::string& reason : layout.wait_reasons) {
    const uint64_t length = reason.size();
    for (const Bytes part : {bytes_of(length), std::as_bytes(std::span(reason))})
      bytes.insert(bytes.end(), part.begin(), part.end());
  }
  return bytes;
}

std::optional<RuntimeLayout> layout_of_bytes(Bytes bytes, const sym::LoadedModule& loaded) {
  Head head;
  const Head wanted;
  if (bytes.size() < sizeof head) return std::nullopt;
  std::memcpy(&head, bytes.data(), sizeof head);
  if (head.version != wanted.version || head.size_of_fields != wanted.size_of_fields ||
      head.image != print_of(loaded.module->image())) {
    return std::nullopt;
  }
  bytes = bytes.subspan(sizeof head);
  RuntimeLayout layout;
  layout.is_described = true;
  static_cast<RuntimeFields&>(layout) = head.fields;
  layout.all_pointer = to_runtime(head.all_pointer, loaded);
  layout.all_count = to_runtime(head.all_count, loaded);
  layout.all_machines = to_runtime(head.all_machines, loaded);
  for (uint64_t i = 0; i < head.reasons; ++i) {
    uint64_t length = 0;
    if (bytes.size() < sizeof length) return std::nullopt;
    std::memcpy(&length, bytes.data(), sizeof length);
    bytes = bytes.subspan(sizeof length);
    if (length > bytes.size()) return std::nullopt;
    layout.wait_reasons.emplace_back(reinterpret_cast<const char*>(bytes.data()), length);
    bytes = bytes.subspan(length);
  }
  return bytes.empty() ? std::optional(std::move(layout)) : std::nullopt;
}

}  // namespace clew::go
