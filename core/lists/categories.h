// What a file's categories mean: every country and every exchange has its own, so the operator says.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/status.h"

namespace tamiz::lists {

// One category of a file: the labels that its rows get, or that they stay out.
struct CategoryRule {
  std::string category;
  std::vector<std::string> labels;
  bool skip = false;
};

// Decides on rows by their category. Immutable after construction.
class Categories {
 public:
  // No rules: only for files without categories, and for allow lists.
  Categories() = default;
  // INVALID_ARGUMENT for a rule without a category or with that of uncategorised rows ("0", "null"), or for
  // a category named twice.
  [[nodiscard]] static StatusOr<Categories> Make(const std::vector<CategoryRule>& rules, bool for_allow_list);

  struct Judgement {
    bool taken = false;
    std::string why;                                   // if not taken
    const std::vector<std::string>* labels = nullptr;  // of the rule, if there is one
    bool unmapped = false;                             // not taken, for nobody said what the category means
  };
  // Uncategorised rows (empty, "0", "null") are never taken into a block list, nor are those that no rule
  // names. An allow list is the other way round: it takes uncategorised rows and those that a rule names.
  [[nodiscard]] Judgement Judge(std::string_view category) const;

  [[nodiscard]] bool empty() const { return rules_.empty(); }

 private:
  std::map<std::string, CategoryRule, std::less<>> rules_;  // by Plain(category)
  bool for_allow_list_ = false;
};

// As categories are compared and reported: trimmed, lower case, whole numbers without fraction; empty for
// what stands for none.
[[nodiscard]] std::string PlainCategory(std::string_view text);

}  // namespace tamiz::lists
