#include "value/die_context.h"

#include <dwarf.h>
#include <fmt/format.h>

#include <algorithm>

#include "value/call_site.h"
#include "value/dwarf_read.h"
#include "value/locator.h"
#include "value/tls.h"

namespace clew::value {
namespace {

tl::unexpected<Error> needs_frame() {
  return fail(ErrorCode::unavailable, "it exists only while its function runs: select its frame");
}

}  // namespace

Status DieContext::go_deeper(std::string_view what) const {
  if (depth_ < most_depth) return {};
  return fail(ErrorCode::bad_data, fmt::format("{} that needs others without end", what));
}

const stack::Expression* DieContext::choose(const std::vector<LocationEntry>& entries) const {
  const LocationEntry* everywhere = nullptr;
  uint64_t at = 0;
  if (frame_ != nullptr) at = module_.to_file(frame_->lookup()) - module_.module->debug_bias();
  for (const LocationEntry& entry : entries) {
    if (entry.start == 0 && entry.end == UINT64_MAX) {
      everywhere = &entry;
    } else if (frame_ != nullptr && entry.start <= at && at < entry.end) {
      return &entry.expression;
    }
  }
  return everywhere == nullptr ? nullptr : &everywhere->expression;
}

Result<std::optional<stack::Location>> DieContext::evaluate(const Dwarf_Attribute& attribute) {
  const auto entries = location_entries(attribute, unit_);
  if (!entries) return tl::unexpected(entries.error());
  const stack::Expression* const expression = choose(*entries);
  if (expression == nullptr || expression->bytes.empty()) return std::optional<stack::Location>();
  auto location = stack::evaluate(*expression, *this);
  if (!location) return tl::unexpected(location.error());
  return std::optional<stack::Location>(std::move(*location));
}

Result<uint64_t> DieContext::register_word(unsigned dwarf) {
  return frame_ == nullptr ? needs_frame() : frame_->register_word(dwarf);
}

Result<std::vector<std::byte>> DieContext::register_bytes(unsigned dwarf, size_t size) {
  if (frame_ == nullptr) return needs_frame();
  return frame_->register_bytes(dwarf, size);
}

Status DieContext::read_memory(uint64_t address, MutableBytes into) {
  return target_.memory().read_exactly(Addr{address}, into);
}

Result<uint64_t> DieContext::relocated(uint64_t address) {
  const uint64_t own = address + module_.module->debug_bias();
  const auto& segments = module_.module->image().segments();
  const bool is_mapped =
      std::any_of(segments.begin(), segments.end(), [&](const sym::ElfImage::Segment& segment) {
        return segment.type == PT_LOAD && own >= segment.address &&
               own - segment.address <= segment.memory_size;
      });
  // What the linker drops keeps its debug information, at an address near 0.
  if (!is_mapped) return fail(ErrorCode::unavailable, "the linker has left it out of the program");
  return target_.modules().variable_at(module_, own).value;
}

Result<uint64_t> DieContext::address_at(uint64_t index) {
  const auto address = unit_.address_at(index);
  return address ? relocated(*address) : address;
}

Result<uint64_t> DieContext::constant_at(uint64_t index) { return unit_.address_at(index); }

Result<uint64_t> DieContext::frame_base() {
  if (frame_ == nullptr) return needs_frame();
  const Dwarf_Die& function = frame_->physical_function().die;
  const auto attribute = attribute_of(function, DW_AT_frame_base);
  if (!attribute || in_frame_base_)
    return fail(ErrorCode::bad_data, "the debug information does not say where the frame is");
  in_frame_base_ = true;
  const auto location = evaluate(*attribute);
  in_frame_base_ = false;
  if (!location) return tl::unexpected(location.error());
  if (!*location || (*location)->pieces.size() != 1)
    return fail(ErrorCode::unavailable, "where the frame is is not known at this instruction");
  // A register stands for what it holds (DWARF 5, 3.3.5).
  const stack::Piece& piece = (*location)->pieces.front();
  if (piece.kind == stack::Piece::Kind::in_register)
    return register_word(static_cast<unsigned>(piece.number));
  return stack::as_word(**location);
}

Result<uint64_t> DieContext::call_frame_cfa() {
  return frame_ == nullptr ? needs_frame() : frame_->cfa();
}

Result<uint64_t> DieContext::tls_address(uint64_t offset) {
  if (frame_ == nullptr) {
    return fail(ErrorCode::unavailable,
                "each thread has its own: select a thread and a frame of it");
  }
  return thread_local_address(target_, module_, frame_->thread(), offset);
}

Result<stack::Expression> DieContext::called(uint64_t offset, bool in_unit) {
  Dwarf_Die die;
  if (dwarf_offdie(unit_.dwarf, in_unit ? unit_.offset + offset : offset, &die) == nullptr)
    return fail(ErrorCode::bad_data, "a DWARF expression calls what is not there");
  const auto attribute = attribute_of(die, DW_AT_location);
  if (!attribute) return stack::Expression();
  const auto entries = location_entries(*attribute, unit_);
  if (!entries) return tl::unexpected(entries.error());
  const stack::Expression* const expression = choose(*entries);
  return expression == nullptr ? stack::Expression() : *expression;
}

Result<uint64_t> DieContext::word_of(const Dwarf_Die& die, unsigned name) {
  const auto attribute = attribute_of(die, name);
  if (!attribute) return fail(ErrorCode::unavailable, "the caller does not say what it passed");
  const auto location = evaluate(*attribute);
  if (!location) return tl::unexpected(location.error());
  if (!*location) return fail(ErrorCode::unavailable, "the caller does not say what it passed");
  return stack::as_word(**location);
}

namespace {

/// The value that the caller has passed, in the caller's own terms.
template <typename Wanted>
Result<stack::ExpressionValue> passed_value(const Frame& frame, Wanted&& wanted,
                                            const auto& evaluate) {
  const auto caller = frame.caller();
  if (caller == nullptr || caller->module() == nullptr)
    return fail(ErrorCode::unavailable, "optimised out here, and the caller is not known");
  const auto lock = caller->module()->module->lock();
  const auto site = call_site_of(frame);
  if (!site) return tl::unexpected(site.error());
  Dwarf_Die parameter;
  if (!find_call_parameter(*site, wanted, parameter)) {
    return fail(ErrorCode::unavailable,
                "optimised out here, and the caller does not say what it passed");
  }
  return evaluate(site->caller, parameter);
}

}  // namespace

Result<stack::ExpressionValue> DieContext::entry_value(const stack::Expression& inner) {
  if (frame_ == nullptr) return needs_frame();
  if (auto deeper = go_deeper("an entry value"); !deeper) return tl::unexpected(deeper.error());
  // The register in which it was passed, as the caller writes it too.
  const auto is_same_place = [&](const Dwarf_Die& parameter) {
    Dwarf_Die entry = parameter;
    Dwarf_Attribute attribute;
    Dwarf_Block block{};
    if (dwarf_attr(&entry, DW_AT_location, &attribute) == nullptr ||
        dwarf_formblock(&attribute, &block) != 0) {
      return false;
    }
    const Bytes bytes = std::as_bytes(std::span(block.data, block.length));
    return std::equal(bytes.begin(), bytes.end(), inner.bytes.begin(), inner.bytes.end());
  };
  return passed_value(*frame_, is_same_place, [&](const auto& caller, const Dwarf_Die& parameter) {
    return value_in_caller(caller, parameter);
  });
}

Result<stack::ExpressionValue> DieContext::value_in_caller(
    const std::shared_ptr<const Frame>& caller, const Dwarf_Die& parameter) {
  DieContext context(target_, *caller->module(), parameter, caller, depth_ + 1);
  const unsigned name = has_attribute(parameter, DW_AT_call_value)
                            ? unsigned{DW_AT_call_value}
                            : unsigned{DW_AT_GNU_call_site_value};
  const auto word = context.word_of(parameter, name);
  if (!word) return tl::unexpected(word.error());
  return stack::ExpressionValue(*word);
}

Result<stack::ExpressionValue> DieContext::parameter_value(uint64_t offset) {
  if (frame_ == nullptr) return needs_frame();
  if (auto deeper = go_deeper("an entry value"); !deeper) return tl::unexpected(deeper.error());
  Dwarf_Die wanted;
  if (dwarf_offdie(unit_.dwarf, unit_.offset + offset, &wanted) == nullptr)
    return fail(ErrorCode::bad_data, "a DWARF expression means a parameter that is not there");
  const auto is_wanted = [&](const Dwarf_Die& parameter) {
    Dwarf_Die origin;
    return (sym::reference_attribute(parameter, DW_AT_call_parameter, origin) ||
            sym::reference_attribute(parameter, DW_AT_abstract_origin, origin)) &&
           origin.addr == wanted.addr;
  };
  return passed_value(*frame_, is_wanted, [&](const auto& caller, const Dwarf_Die& parameter) {
    return value_in_caller(caller, parameter);
  });
}

Result<stack::ExpressionValue> DieContext::variable_value(uint64_t offset) {
  if (auto deeper = go_deeper("a variable"); !deeper) return tl::unexpected(deeper.error());
  Dwarf_Die die;
  if (dwarf_offdie(unit_.dwarf, offset, &die) == nullptr)
    return fail(ErrorCode::bad_data, "a DWARF expression means a variable that is not there");
  const Value value = Locator(target_, frame_, depth_ + 1).variable(module_, die);
  if (value.is_absent()) return fail(ErrorCode::unavailable, value.absence());
  const auto number = value.as_unsigned();
  if (!number) return tl::unexpected(number.error());
  return stack::ExpressionValue(*number);
}

Result<stack::ValueType> DieContext::base_type(uint64_t offset) {
  Dwarf_Die die;
  if (dwarf_offdie(unit_.dwarf, unit_.offset + offset, &die) == nullptr)
    return fail(ErrorCode::bad_data, "a DWARF expression means a type that is not there");
  const auto encoding = constant_attribute(die, DW_AT_encoding);
  const auto size = sym::number_attribute(die, DW_AT_byte_size);
  if (!encoding || !size)
    return fail(ErrorCode::bad_data, "a DWARF expression computes with what is no base type");
  return stack::ValueType::of(static_cast<unsigned>(*encoding), *size);
}

}  // namespace clew::value
