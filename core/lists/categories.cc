#include "core/lists/categories.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/lists/text.h"

namespace tamiz::lists {
namespace {

constexpr std::size_t kMaxCategoryBytes = 64;

Status RuleError(const std::string& what) { return WithField(InvalidArgument(what), "options.categories"); }

// "1.0" and "1" are one category: some tools write every number as a decimal fraction.
std::string_view WithoutFraction(std::string_view text) {
  const auto point = text.find('.');
  if (point == std::string_view::npos || point == 0) return text;
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  const bool is_whole =
      std::all_of(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(point), is_digit) &&
      text.find_first_not_of('0', point + 1) == std::string_view::npos;
  return is_whole ? text.substr(0, point) : text;
}

}  // namespace

std::string PlainCategory(std::string_view text) {
  const std::string plain = LowerAscii(WithoutFraction(Trim(text)));
  if (plain.empty() || plain == "null" || plain == "none") return {};
  // "0", "00": uncategorised or not pertinent, in every scheme seen.
  if (plain.find_first_not_of('0') == std::string::npos) return {};
  if (plain.size() > kMaxCategoryBytes || !IsUtf8(plain) || HasControlCharacter(plain)) return "(unreadable)";
  return plain;
}

StatusOr<Categories> Categories::Make(const std::vector<CategoryRule>& rules, bool for_allow_list) {
  Categories categories;
  categories.for_allow_list_ = for_allow_list;
  for (const CategoryRule& rule : rules) {
    std::string plain = PlainCategory(rule.category);
    if (plain.empty()) {
      return RuleError(
          "a category rule names no category, 0 or null: what is not categorised is never taken as known "
          "material");
    }
    if (rule.skip && !rule.labels.empty()) {
      return RuleError(fmt::format("the rule for category '{}' has labels and says to skip it", plain));
    }
    if (!categories.rules_.emplace(plain, rule).second) {
      return RuleError(fmt::format("category '{}' has two rules", plain));
    }
  }
  return categories;
}

Categories::Judgement Categories::Judge(std::string_view category) const {
  const std::string plain = PlainCategory(category);
  if (plain.empty()) {
    if (for_allow_list_) return {.taken = true};
    return {.why = "no category (none, 0 or null): says nothing about the material"};
  }
  const auto rule = rules_.find(plain);
  if (rule == rules_.end()) {
    return {
        .why = for_allow_list_
                   ? fmt::format("category {} may be known material: an allow list takes it only if a rule "
                                 "names it",
                                 plain)
                   : fmt::format("category {} is not mapped", plain),
        .unmapped = true};
  }
  if (rule->second.skip) return {.why = fmt::format("category {} is left out by its rule", plain)};
  return {.taken = true, .labels = &rule->second.labels};
}

}  // namespace tamiz::lists
