#include "core/lists/categories.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tamiz::lists {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

Categories Make(const std::vector<CategoryRule>& rules, bool for_allow_list = false) {
  auto categories = Categories::Make(rules, for_allow_list);
  EXPECT_TRUE(categories.ok());
  return *std::move(categories);
}

const std::vector<CategoryRule> kRules = {
    {.category = "1", .labels = {"A1", "csam"}}, {.category = "2"}, {.category = "4", .skip = true}};

TEST(Categories, ABlockListTakesWhatARuleNames) {
  const Categories categories = Make(kRules);
  for (const char* one : {"1", " 1 ", "1.0", "1.000"}) {
    const auto judgement = categories.Judge(one);
    EXPECT_TRUE(judgement.taken) << one;
    EXPECT_THAT(*judgement.labels, ElementsAre("A1", "csam"));
  }
  EXPECT_TRUE(categories.Judge("2").taken);
  EXPECT_FALSE(categories.Judge("4").taken);
  EXPECT_FALSE(categories.Judge("4").unmapped) << "a rule says so";
  EXPECT_FALSE(categories.Judge("3").taken);
  EXPECT_TRUE(categories.Judge("3").unmapped);
  EXPECT_THAT(categories.Judge("3").why, HasSubstr("category 3 is not mapped"));
}

TEST(Categories, NoCategoryIsNeverKnownMaterial) {
  const Categories categories = Make(kRules);
  for (const char* none : {"", " ", "0", "00", "0.0", "null", "NULL", "none"}) {
    EXPECT_FALSE(categories.Judge(none).taken) << none;
    EXPECT_FALSE(categories.Judge(none).unmapped) << none;
  }
  for (const char* none : {"", "0", "null", "0.0"}) {
    EXPECT_EQ(Field(Categories::Make({{.category = none, .labels = {"x"}}}, false).status()),
              "options.categories");
  }
}

TEST(Categories, AnAllowListTakesWhatHasNone) {
  const Categories categories = Make({{.category = "5", .labels = {"harmless"}}}, true);
  EXPECT_TRUE(categories.Judge("").taken);
  EXPECT_TRUE(categories.Judge("0").taken);
  EXPECT_TRUE(categories.Judge("5").taken);
  EXPECT_FALSE(categories.Judge("1").taken) << "known material must not be allowed by mistake";
}

TEST(Categories, RulesMustNotContradict) {
  EXPECT_FALSE(Categories::Make({{.category = "1"}, {.category = "1.0"}}, false).ok());
  EXPECT_FALSE(Categories::Make({{.category = "1", .labels = {"x"}, .skip = true}}, false).ok());
}

TEST(Categories, StrangeTextIsOneCategory) {
  EXPECT_EQ(PlainCategory(std::string(1000, 'x')), "(unreadable)");
  EXPECT_EQ(PlainCategory("\xff"), "(unreadable)");
  EXPECT_EQ(PlainCategory("-1"), "-1");
  EXPECT_EQ(PlainCategory("1.5"), "1.5");
  EXPECT_EQ(PlainCategory("Cat A"), "cat a");
}

}  // namespace
}  // namespace tamiz::lists
