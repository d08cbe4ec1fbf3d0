#include "core/source/s3_uri.h"

#include <gtest/gtest.h>

#include "tests/unit/net/table.h"

namespace tamiz::source {
namespace {

TEST(S3Uri, EachHostileOneIsRefusedForItsReason) {
  std::size_t seen = 0;
  for (const auto& row : net::Table("hostile.tsv")) {
    if (!row.at(1).starts_with("s3:")) continue;
    ++seen;
    const auto parsed = ParseS3Uri(row[1]);
    EXPECT_EQ(parsed.ok() ? "OK" : Reason(parsed.status()), row.at(0)) << row[1];
  }
  EXPECT_GT(seen, 20u);
  EXPECT_EQ(Reason(ParseS3Uri("s3://bucket/" + std::string(1025, 'a')).status()), "URI_KEY");
}

TEST(S3Uri, Parts) {
  const auto object = ParseS3Uri("s3://bucket/a%20b%2Bc+d/\u00e9%3F?versionId=v%2F1+");
  ASSERT_TRUE(object.ok()) << object.status();
  EXPECT_EQ(object->bucket, "bucket");
  EXPECT_EQ(object->key, "a b+c+d/\u00e9?");
  EXPECT_EQ(object->version_id, "v/1+");
}

TEST(S3Uri, TargetsHaveOneForm) {
  const S3Object object{.bucket = "bucket", .key = "a b+c/\u00e9?~*'()", .version_id = "v/1+ ="};
  EXPECT_EQ(TargetOf(object, true), "/bucket/a%20b%2Bc/%C3%A9%3F~%2A%27%28%29?versionId=v%2F1%2B%20%3D");
  EXPECT_EQ(TargetOf({.bucket = "bucket", .key = "/a//b"}, false), "//a//b");
}

}  // namespace
}  // namespace tamiz::source
