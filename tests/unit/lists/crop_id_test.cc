#include "core/lists/crop_id.h"

#include <gtest/gtest.h>

#include <string>

namespace tamiz::lists {
namespace {

TEST(CropId, IsReadBack) {
  for (const CropRect& rect : kStoredCrops) {
    const std::string id = CropId("case-1#2", rect);
    const auto crop = ParseCropId(id);
    ASSERT_TRUE(crop) << id;
    EXPECT_EQ(crop->entry_id, "case-1#2");
    EXPECT_EQ(crop->rect, rect);
    EXPECT_EQ(PictureIdOf(id), "case-1#2");
    EXPECT_LE(rect.left + rect.width, 1000U);
    EXPECT_LE(rect.top + rect.height, 1000U);
  }
}

TEST(CropId, OtherIdentifiersAreNone) {
  for (const char* id :
       {"", "e", "#crop-", "#crop-0-0-900-900", "e#crop-0-0-900", "e#crop-0-0-900-900-1",
        "e#crop-0-0-900-9000", "e#crop-0-0-900-x", "e#crop--1-0-900-900", "e#crop-0-0-900-900 "}) {
    EXPECT_FALSE(ParseCropId(id)) << id;
    EXPECT_EQ(PictureIdOf(id), id);
  }
}

}  // namespace
}  // namespace tamiz::lists
