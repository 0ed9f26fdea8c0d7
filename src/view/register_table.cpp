#include "view/register_table.h"

#include <fmt/format.h>

#include <cstring>

#include "view/table.h"

namespace clew {
namespace {

struct FlagName {
  unsigned bit;
  std::string_view name;
};

// Intel SDM volume 1, 3.4.3.
constexpr FlagName flag_names[] = {{0, "CF"},  {2, "PF"},  {4, "AF"},  {6, "ZF"},  {7, "SF"},
                                   {8, "TF"},  {9, "IF"},  {10, "DF"}, {11, "OF"}, {14, "NT"},
                                   {16, "RF"}, {17, "VM"}, {18, "AC"}, {21, "ID"}};

std::string meaning_of(const RegisterValue& value) {
  switch (value.info->kind) {
    case arch::RegisterKind::integer:
      return fmt::format("{}", static_cast<int64_t>(value.word()));
    case arch::RegisterKind::flags: {
      std::string text = "[";
      for (const FlagName& flag : flag_names) {
        if ((value.word() >> flag.bit & 1) != 0)
          text += (text.size() > 1 ? " " : "") + std::string(flag.name);
      }
      return text + "]";
    }
    case arch::RegisterKind::float80: {
      long double number = 0;
      std::memcpy(&number, value.bytes.data(), value.bytes.size());
      return fmt::format("{}", number);
    }
    default:
      return {};
  }
}

}  // namespace

std::string hex_bytes(Bytes bytes) {
  std::string text = "0x";
  for (size_t i = bytes.size(); i-- > 0;)
    text += fmt::format("{:02x}", static_cast<unsigned>(bytes[i]));
  return text;
}

std::string render_registers(const std::vector<RegisterValue>& values, const Style& style) {
  const auto heading = [&](std::string_view t) { return style.heading(t); };
  Table table({{"REGISTER", Table::Align::left, heading},
               {"VALUE", Table::Align::left, {}},
               {"", Table::Align::left, {}}});
  for (const RegisterValue& value : values) {
    if (value.is_known) {
      table.add({std::string(value.info->name), hex_bytes(value.bytes), meaning_of(value)});
    } else {
      table.add({std::string(value.info->name), "not saved", ""});
    }
  }
  return table.render(0, [&](std::string_view t) { return style.faint(t); });
}

}  // namespace clew
