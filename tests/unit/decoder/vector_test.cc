// The reference implementation's hashes of its own pictures and videos, through our decoders.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>

#include "tests/unit/decoder/recording_sink.h"
#include "tests/unit/decoder/test_media.h"

namespace tamiz::decoder {
namespace {

std::string SharedDir() {
  return EnvironmentOr("TAMIZ_SHARED_DIR", EnvironmentOr("TAMIZ_SOURCE_DIR", ".") + "/../shared");
}

nlohmann::json LoadVectors(const std::string& path) {
  std::ifstream file(path);
  return file ? nlohmann::json::parse(file) : nlohmann::json();
}

TEST(Vectors, PicturesHashAsTheReference) {
  const std::string folder = SharedDir() + "/testdata/pdq/";
  const nlohmann::json vectors = LoadVectors(folder + "images.json");
  if (vectors.is_null()) GTEST_SKIP() << "missing vectors: " << folder << "images.json";
  int compared = 0;
  for (const auto& image : vectors.at("images")) {
    const std::string file = image.at("file");
    const auto content = ReadFile(folder + file);
    if (content.empty()) continue;
    const RecordingSink sink = DecodeBytes(content);
    ASSERT_FALSE(sink.frames.empty()) << file << ": " << sink.Reasons();
    // Ours is turned upright where the file says so.
    const bool turned = sink.media.exif_orientation > 1 && image.contains("full_after_exif");
    const auto& full = turned ? image.at("full_after_exif") : image.at("full");
    const auto expected = hash::Hash256::FromHex(full.at("original").get<std::string>());
    ASSERT_TRUE(expected.has_value());
    const hash::PdqHash ours = sink.frames.front().Pdq();
    const auto distance = hash::Distance(ours.hash, *expected);
    RecordProperty(file, static_cast<int>(distance));
    if (full.at("quality").get<int>() >= 50) {
      EXPECT_LE(distance, 10U) << file;
    }
    EXPECT_LE(std::abs(ours.quality - full.at("quality").get<int>()), 3) << file;
    ++compared;
  }
  EXPECT_GE(compared, 20);
}

TEST(Vectors, VideoFramesHashAsTheReference) {
  const std::string folder = SharedDir() + "/testdata/vpdq/";
  const nlohmann::json vectors = LoadVectors(folder + "vpdq.json");
  if (vectors.is_null()) GTEST_SKIP() << "missing vectors: " << folder << "vpdq.json";
  int compared = 0;
  for (const auto& video : vectors.at("videos")) {
    const std::string file = video.at("file");
    const auto content = ReadFile(folder + file);
    if (content.empty()) continue;
    DecodeJob job = MakeJob(content);
    job.plan.every_frame = true;
    job.plan.max_frames = 1'000'000;
    RecordingSink every;
    Decode(job, every);
    EXPECT_EQ(every.Reasons(), "") << file;
    const hash::HammingDistance allowed = video.at("kind") == "sample" ? 4 : 16;
    for (const auto& row : video.at("rows")) {
      const auto number = row.at(0).get<std::size_t>();
      if (row.at(1).get<int>() < 50) continue;
      ASSERT_LT(number, every.frames.size()) << file;
      const auto expected = hash::Hash256::FromHex(row.at(2).get<std::string>());
      const auto distance = hash::Distance(every.frames[number].Pdq().hash, *expected);
      EXPECT_LE(distance, allowed) << file << " frame " << number;
      ++compared;
    }
    // Sampled once a second, each of our frames is the one shown at that time.
    const RecordingSink sampled = DecodeBytes(content);
    EXPECT_EQ(sampled.Reasons(), "") << file;
    for (const RecordedFrame& frame : sampled.frames) {
      const auto same = std::find_if(every.frames.begin(), every.frames.end(),
                                     [&](const RecordedFrame& f) { return f.time == frame.time; });
      ASSERT_NE(same, every.frames.end()) << file;
      if (frame.is_repeat || same->is_repeat) {
        // Not hashed anew: what it is said to show is what it shows.
        EXPECT_LE(hash::Distance(frame.Pdq().hash, same->Pdq().hash), 2U) << file;
      } else {
        EXPECT_TRUE(frame.luma == same->luma) << file;
      }
    }
    // The reference's sequence finds ours. It counts frames where we look at times: where the rate is not
    // whole, its samples drift away from the seconds that they stand for, so that there is nothing to
    // compare.
    const std::string rate = video.at("stream").at("avg_frame_rate");
    if (!rate.ends_with("/1")) continue;
    int usable = 0;
    int found = 0;
    for (const auto& row : video.at("rows")) {
      if (row.at(1).get<int>() < 50 || sampled.frames.empty()) continue;
      ++usable;
      const auto expected = hash::Hash256::FromHex(row.at(2).get<std::string>());
      found += std::any_of(sampled.frames.begin(), sampled.frames.end(), [&](const RecordedFrame& frame) {
        return hash::Distance(frame.Pdq().hash, *expected) <= 31;
      });
    }
    RecordProperty(file, std::to_string(found) + " of " + std::to_string(usable));
    EXPECT_GE(found * 10, usable * 9) << file << ": " << found << " of " << usable;
  }
  EXPECT_GE(compared, 100);
}

}  // namespace
}  // namespace tamiz::decoder
