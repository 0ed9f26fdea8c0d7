// The contexts of package context: each shows what it adds, and the one that it was made of.

#include "lang/go/families.h"

namespace clew::go {
namespace {

using Fields = std::vector<std::pair<std::string, Field>>;

std::unique_ptr<Printer> make_chained(std::string summary, Fields fields) {
  return make_printer(
      [summary = std::move(summary), fields = std::move(fields)](const Value& value) {
        std::vector<Child> children;
        for (const auto& [name, field] : fields)
          children.push_back({name, std::nullopt, field.of(value)});
        return lang::present_children(summary, Shape::fields, std::move(children));
      });
}

/// `name` is the field's, `shown` what it is called. @return false when there is none.
bool add(Fields& fields, const Type* type, lang::Path path, std::string shown) {
  const auto field = find_field(type, path);
  if (field) fields.emplace_back(std::move(shown), *field);
  return field.has_value();
}

}  // namespace

std::unique_ptr<Printer> make_value_context(const Type* type) {
  Fields fields;
  if (!add(fields, type, {"key"}, "key") || !add(fields, type, {"val"}, "value") ||
      !add(fields, type, {"Context"}, "parent")) {
    return nullptr;
  }
  return make_chained("context.valueCtx", std::move(fields));
}

std::unique_ptr<Printer> make_cancel_context(const Type* type) {
  Fields fields;
  // What it was cancelled by.
  if (!add(fields, type, {"err"}, "err")) return nullptr;
  add(fields, type, {"cause"}, "cause");
  if (!add(fields, type, {"Context"}, "parent")) return nullptr;
  return make_chained("context.cancelCtx", std::move(fields));
}

std::unique_ptr<Printer> make_timer_context(const Type* type) {
  Fields fields;
  if (!add(fields, type, {"deadline"}, "deadline")) return nullptr;
  // The context with a deadline has one that can be cancelled in it, by pointer before Go 1.21.
  const auto inner = find_field(type, {"cancelCtx"});
  if (!inner) return nullptr;
  if (inner->type->is_pointer()) {
    fields.emplace_back("cancelCtx", *inner);
  } else if (!add(fields, type, {"cancelCtx", "err"}, "err") ||
             !add(fields, type, {"cancelCtx", "Context"}, "parent")) {
    return nullptr;
  }
  return make_chained("context.timerCtx", std::move(fields));
}

}  // namespace clew::go
