#include "value/call_site.h"

#include <dwarf.h>
#include <fmt/format.h>

#include "value/dwarf_read.h"

namespace clew::value {
namespace {

tl::unexpected<Error> no_value_at_call(std::string_view why) {
  return fail(ErrorCode::unavailable,
              fmt::format("optimised out here, and its value at the call is not known: {}", why));
}

/// Entries of one function, blocks and inlined copies in it: more than any has.
constexpr size_t most_in_function = 1'000'000;
constexpr int deepest_block = 256;

std::optional<uint64_t> address_attribute(const Dwarf_Die& die, unsigned name) {
  Dwarf_Die entry = die;
  Dwarf_Attribute attribute;
  Dwarf_Addr address = 0;
  if (dwarf_attr(&entry, name, &attribute) == nullptr ||
      dwarf_formaddr(&attribute, &address) != 0) {
    return std::nullopt;
  }
  return address;
}

/// The call that returns to `address`, among the entries below `die`.
bool find_call(const Dwarf_Die& die, uint64_t address, int depth, size_t& budget,
               Dwarf_Die& found) {
  bool is_found = false;
  if (depth > deepest_block) return false;
  for_each_child(die, [&](const Dwarf_Die& child) {
    if (budget == 0) return false;
    --budget;
    switch (tag_of(child)) {
      case DW_TAG_call_site:
        is_found = address_attribute(child, DW_AT_call_return_pc) == address;
        break;
      case DW_TAG_GNU_call_site:
        is_found = address_attribute(child, DW_AT_low_pc) == address;
        break;
      case DW_TAG_lexical_block:
      case DW_TAG_inlined_subroutine:
      case DW_TAG_try_block:
      case DW_TAG_catch_block:
        if (find_call(child, address, depth + 1, budget, found)) {
          is_found = true;
          return false;
        }
        break;
      default:
        break;
    }
    if (is_found) found = child;
    return !is_found;
  });
  return is_found;
}

std::string_view linkage_name(const Dwarf_Die& die) {
  for (const unsigned name : {DW_AT_linkage_name, DW_AT_MIPS_linkage_name}) {
    auto attribute = attribute_of(die, name);
    const char* const text = attribute ? dwarf_formstring(&*attribute) : nullptr;
    if (text != nullptr) return text;
  }
  const auto attribute = attribute_of(die, DW_AT_name);
  if (!attribute) return {};
  Dwarf_Attribute copy = *attribute;
  const char* const text = dwarf_formstring(&copy);
  return text == nullptr ? std::string_view() : text;
}

/// True when the call is one of the frame's function and of no other: a tail call in a function
/// between, which has left no frame, would have passed other values.
bool is_call_of(const Dwarf_Die& site, const Frame& frame) {
  const sym::FunctionAt& callee = frame.physical_function();
  Dwarf_Die origin;
  if (!sym::reference_attribute(site, DW_AT_call_origin, origin) &&
      !sym::reference_attribute(site, DW_AT_abstract_origin, origin)) {
    return false;
  }
  if (callee.die.addr == nullptr) return false;
  const Dwarf_Die called = sym::origin_of(origin);
  if (called.addr == sym::origin_of(callee.die).addr) return true;
  // The caller's unit may only have a declaration of it.
  const std::string_view name = linkage_name(origin);
  return !name.empty() && name == linkage_name(callee.die);
}

}  // namespace

Result<CallSite> call_site_of(const Frame& frame) {
  CallSite site;
  site.caller = frame.caller();
  if (site.caller == nullptr) return no_value_at_call("the caller is not known");
  const sym::LoadedModule* const module = site.caller->module();
  const Dwarf_Die& function = site.caller->physical_function().die;
  if (module == nullptr || function.addr == nullptr)
    return no_value_at_call("the caller has no debug information");
  // Behind a signal there was no call.
  if (site.caller->pc() == site.caller->lookup())
    return no_value_at_call("it was not entered by a call");
  const uint64_t address = module->to_file(site.caller->pc()) - module->module->debug_bias();
  size_t budget = most_in_function;
  if (!find_call(function, address, 0, budget, site.die))
    return no_value_at_call("the caller does not describe the call");
  if (!is_call_of(site.die, frame))
    return no_value_at_call("the caller may have called another function, which has jumped here");
  return site;
}

bool find_call_parameter(const CallSite& site, const std::function<bool(const Dwarf_Die&)>& wanted,
                         Dwarf_Die& parameter) {
  bool is_found = false;
  for_each_child(site.die, [&](const Dwarf_Die& child) {
    const int tag = tag_of(child);
    if (tag != DW_TAG_call_site_parameter && tag != DW_TAG_GNU_call_site_parameter) return true;
    if (!wanted(child)) return true;
    parameter = child;
    is_found = true;
    return false;
  });
  return is_found;
}

}  // namespace clew::value
