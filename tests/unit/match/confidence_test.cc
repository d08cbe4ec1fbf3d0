#include "core/match/confidence.h"

#include <gtest/gtest.h>

namespace tamiz::match {
namespace {

using lists::HashType;

TEST(Confidence, DigestsAreCertainOrNearly) {
  EXPECT_EQ(DigestConfidence(HashType::kSha256).value, 1.0);
  EXPECT_EQ(DigestConfidence(HashType::kSha256).basis.method, "exact-digest");
  const double sha1 = DigestConfidence(HashType::kSha1).value;
  const double md5 = DigestConfidence(HashType::kMd5).value;
  EXPECT_LT(sha1, 1.0);
  EXPECT_LT(md5, sha1);
  EXPECT_GT(md5, 0.999);
}

TEST(Confidence, NamesItsCalibration) {
  const auto calibration = calibration::BuiltIn();
  const Confidence confidence = PerceptualConfidence({.distance = 3}, *calibration);
  EXPECT_EQ(confidence.value, calibration->Probability({.distance = 3}));
  EXPECT_EQ(confidence.basis.calibration, calibration->name);
  EXPECT_EQ(confidence.basis.date, calibration->date);
  EXPECT_EQ(confidence.basis.method, calibration->method);
}

}  // namespace
}  // namespace tamiz::match
