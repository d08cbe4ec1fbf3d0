// Uploads that ask for more than they may have, against the decoder program as deployed: each ends by itself,
// within its processor time and memory, with frames or with the reason; and the next upload is decoded as
// ever.
#include "tests/sandbox/bombs.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <fmt/format.h>
#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <limits>
#include <vector>

#include "core/base/unique_fd.h"
#include "core/sandbox/decoder_pool.h"

namespace tamiz::sandbox {
namespace {

using media::FileFormat;
using media::IncompleteCode;
using media::SampleOutcome;

#ifdef TAMIZ_SANITIZED
constexpr int kSlowdown = 8;
#else
constexpr int kSlowdown = 1;
#endif

std::string Read(const std::string& path) {
  const char* source = std::getenv("TAMIZ_SOURCE_DIR");
  std::ifstream file(std::string(source != nullptr ? source : ".") + "/tests/" + path, std::ios::binary);
  std::string bytes((std::istreambuf_iterator<char>(file)), {});
  EXPECT_FALSE(bytes.empty()) << path;
  return bytes;
}

// A picture or clip of a few hundred bytes that is kept for the fuzzers too.
std::string Small(const std::string& name) { return Read("fuzz/corpus/decode/" + name); }

// A clip of two frames of one colour as encoders make it, 67 or 134 megapixels each. Kept packed: its bytes
// are nearly all the same.
std::string Huge(const std::string& name) {
  return bombs::Unpacked(Read("sandbox/media/huge-" + name + ".gz"));
}

// `file` with the two numbers of 32 bits behind the first `field` replaced.
std::string Restated(std::string file, std::string_view field, std::size_t skip, std::uint32_t width,
                     std::uint32_t height, int bytes = 4) {
  const std::size_t at = file.find(field);
  EXPECT_NE(at, std::string::npos);
  std::size_t to = at + field.size() + skip;
  for (const std::uint32_t value : {width, height}) {
    for (int i = bytes - 1; i >= 0; --i) file[to++] = static_cast<char>(value >> (8 * i));
  }
  return file;
}

// From the name of the box of sample descriptions to the width and height in its first one.
constexpr std::size_t kFromStsdToSize = 40;

class BombTest : public ::testing::Test {
 protected:
  BombTest() {
    config_.program =
        std::string(std::getenv("TAMIZ_BIN_DIR") != nullptr ? std::getenv("TAMIZ_BIN_DIR") : ".") +
        "/tamiz-decoder";
    config_.still_cpu_time = std::chrono::seconds(5 * kSlowdown);
    config_.cpu_time = std::chrono::seconds(5 * kSlowdown);
    config_.max_total_pixels = 1'000'000'000;
    config_.max_packets = 100'000;
    config_.spare_decoders = 1;
    auto pool = DecoderPool::Start(config_);
    EXPECT_TRUE(pool.ok()) << pool.status();
    if (pool.ok()) pool_ = *std::move(pool);
  }

  // The most memory that any decoder held.
  void TearDown() override {
    pool_.reset();
#ifndef TAMIZ_SANITIZED
    rusage usage{};
    ASSERT_EQ(::getrusage(RUSAGE_CHILDREN, &usage), 0);
    const std::uint64_t slots =
        config_.frame_slots * (config_.max_frame_pixels + 64u * config_.max_dimension);
    const std::uint64_t most = (std::uint64_t{128} << 20) + config_.memory_bytes + slots;
    EXPECT_LT(static_cast<std::uint64_t>(usage.ru_maxrss) << 10, most);
    RecordProperty("most_memory_kib", std::to_string(usage.ru_maxrss));
#endif
  }

  StatusOr<SampleOutcome> Sample(const std::string& bytes, FileFormat format) {
    const UniqueFd fd(::memfd_create("upload", MFD_CLOEXEC | MFD_ALLOW_SEALING));
    EXPECT_EQ(::write(fd.get(), bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size()));
    media::SampleRequest request;
    request.content_fd = fd.get();
    request.size_bytes = bytes.size();
    request.format = format;
    request.plan.max_frames = 200;
    return pool_->Sample(request, {}, [](auto) { return true; });
  }

  // `allowed`: reasons of which one must be given, unless it is empty: then there must be a frame and nothing
  // to complain of. Crashes, kills and timeouts are never among what an honest decoder may end with.
  void Explode(const char* name, const std::string& bytes, FileFormat format,
               const std::vector<IncompleteCode>& allowed) {
    SCOPED_TRACE(name);
    ASSERT_NE(pool_, nullptr);
    ASSERT_LT(bytes.size(), 16u << 20) << "a bomb is small";
    const StatusOr<SampleOutcome> outcome = Sample(bytes, format);
    ASSERT_TRUE(outcome.ok()) << outcome.status();
    std::string reasons;
    bool expected = allowed.empty();
    for (const media::IncompleteReason& reason : outcome->reasons) {
      reasons += fmt::format("{} ({}); ", media::ToString(reason.code), reason.detail);
      expected = expected || std::find(allowed.begin(), allowed.end(), reason.code) != allowed.end();
      EXPECT_NE(reason.code, IncompleteCode::kDecoderCrashed) << reason.detail;
      EXPECT_NE(reason.code, IncompleteCode::kDecoderTimeout) << reason.detail;
    }
    EXPECT_TRUE(expected) << reasons << outcome->frames_delivered << " frames";
    if (allowed.empty()) {
      EXPECT_EQ(reasons, "");
      EXPECT_GE(outcome->frames_delivered, 1u);
    } else {
      EXPECT_NE(reasons, "") << "could not look is never silent";
    }
  }

  void ExpectGoodScan() {
    const StatusOr<SampleOutcome> outcome = Sample(Small("small.png"), FileFormat::kPng);
    ASSERT_TRUE(outcome.ok()) << outcome.status();
    EXPECT_EQ(outcome->frames_delivered, 1u);
    EXPECT_TRUE(outcome->reasons.empty());
  }

  Config config_;
  std::unique_ptr<DecoderPool> pool_;
};

constexpr IncompleteCode kPixels = IncompleteCode::kPixelLimit;
constexpr IncompleteCode kFrames = IncompleteCode::kFrameLimit;
constexpr IncompleteCode kFailed = IncompleteCode::kDecodeFailed;
constexpr IncompleteCode kCut = IncompleteCode::kDecodeTruncated;
constexpr IncompleteCode kMemory = IncompleteCode::kMemoryLimit;
constexpr IncompleteCode kBudget = IncompleteCode::kTimeBudget;

TEST_F(BombTest, PicturesThatStateTheLargestSize) {
  Explode("png", bombs::PngHeaderOnly(65535, 65535), FileFormat::kPng, {kPixels});
  Explode("png, 31 bits", bombs::PngHeaderOnly(0x7fffffff, 0x7fffffff), FileFormat::kPng, {kPixels, kFailed});
  Explode("gif", bombs::Gif(65535, 65535, 1), FileFormat::kGif, {kPixels});
  Explode("bmp", bombs::Bmp(65535, 65535), FileFormat::kBmp, {kPixels});
  Explode("bmp, 31 bits", bombs::Bmp(0x7fffffff, std::numeric_limits<std::int32_t>::min()), FileFormat::kBmp,
          {kPixels, kFailed});
  Explode("jpeg", bombs::Jpeg(65535, 65535, false, 1), FileFormat::kJpeg, {kPixels});
  Explode("progressive jpeg", bombs::Jpeg(65500, 65500, true, 10), FileFormat::kJpeg, {kPixels});
  Explode("tiff", bombs::Tiff(65535, 65535, false), FileFormat::kTiff, {kPixels});
  Explode("tiff, 32 bits", bombs::Tiff(0xffffffff, 0xffffffff, false), FileFormat::kTiff, {kPixels, kFailed});
  Explode("webp", bombs::WebpCanvas(1 << 24, 1 << 7, 1), FileFormat::kWebp, {kPixels, kFailed});
  Explode("moving webp", bombs::WebpCanvas(65535, 65535, 3), FileFormat::kWebp, {kPixels, kFailed});
  for (const auto& [name, format] :
       {std::pair("small.heic", FileFormat::kHeic), std::pair("small.avif", FileFormat::kAvif)}) {
    Explode(name, Restated(Small(name), "ispe", 4, 65535, 65535), format, {kPixels, kFailed, kCut});
  }
  ExpectGoodScan();
}

TEST_F(BombTest, VideosThatStateTheLargestSize) {
  // Only the container lies about these: the picture is small, and is looked at.
  Explode("mp4", Restated(Small("small.mp4"), "stsd", kFromStsdToSize, 65535, 65535, 2), FileFormat::kMp4,
          {});
  bombs::Matroska file;
  file.width = file.height = 65535;
  file.clusters = {{0, {Small("small.jpg")}}};
  Explode("matroska", bombs::Write(file), FileFormat::kMatroska, {});
  file.width = file.height = ~std::uint64_t{0};
  Explode("matroska, 64 bits", bombs::Write(file), FileFormat::kMatroska, {});
  file.width = file.height = 64;
  file.codec = "V_VP9";
  file.clusters = {{0, {bombs::HugeVp9Packet(), bombs::HugeVp9Packet()}}};
  Explode("vp9", bombs::Write(file), FileFormat::kMatroska, {kPixels, kFailed});
  file.codec = "V_MPEG4/ISO/AVC";
  file.codec_private = bombs::HugeAvcConfiguration();
  file.clusters = {{0, {bombs::AvcPacket(), bombs::AvcPacket()}}};
  Explode("h264", bombs::Write(file), FileFormat::kMatroska, {kPixels, kFailed});
  ExpectGoodScan();
}

// What a container states is no limit to what its packets hold.
TEST_F(BombTest, HugeFramesInContainersThatStateSmallOnes) {
  std::string vp9 = Huge("vp9.webm");
  const std::size_t size = vp9.find(std::string("\xb0\x82\x40\x00\xba\x82\x20\x00", 8));
  ASSERT_NE(size, std::string::npos);
  Explode("vp9 of 134 megapixels", vp9, FileFormat::kMatroska, {kPixels, kFailed});
  vp9.replace(size, 8, std::string("\xb0\x82\x00\x40\xba\x82\x00\x30", 8));  // 64 x 48
  Explode("vp9 of 134 megapixels that states 64 x 48", vp9, FileFormat::kMatroska, {kPixels, kFailed});
  // Within what is allowed these are looked at, within the budget.
  Explode("h264 of 67 megapixels", Restated(Huge("h264.mp4"), "stsd", kFromStsdToSize, 64, 48, 2),
          FileFormat::kMp4, {});
  Explode("av1 of 67 megapixels", Restated(Huge("av1.mp4"), "stsd", kFromStsdToSize, 64, 48, 2),
          FileFormat::kMp4, {});
  ExpectGoodScan();
}

TEST_F(BombTest, Decompression) {
  // As large as is allowed, out of a hundred kilobytes.
  Explode("png of 100 megapixels", bombs::Png(9'999, 9'999), FileFormat::kPng, {});
  Explode("tiff of 64 megapixels", bombs::Tiff(8'000, 8'000, true), FileFormat::kTiff, {});
  Explode("text that inflates", bombs::PngWithInflatingChunks("zTXt", 20, 32), FileFormat::kPng, {});
  Explode("colour profile that inflates", bombs::PngWithInflatingChunks("iCCP", 20, 32), FileFormat::kPng,
          {});
  Explode("two thousand scans", bombs::Jpeg(8'000, 8'000, true, 2'000), FileFormat::kJpeg, {kBudget});
  ExpectGoodScan();
}

TEST_F(BombTest, ManyFrames) {
  Explode("gif", bombs::Gif(2'000, 2'000, 100'000), FileFormat::kGif, {kPixels, kFrames});
  Explode("apng", bombs::Apng(2'000, 50'000), FileFormat::kPng, {kPixels, kFrames});
  Explode("webp", bombs::WebpCanvas(2'000, 2'000, 100'000), FileFormat::kWebp, {kPixels, kFrames});
  ExpectGoodScan();
}

TEST_F(BombTest, Structure) {
  Explode("chain of directories", bombs::TiffChain(50'000, false), FileFormat::kTiff, {kFrames});
  Explode("circle of directories", bombs::TiffChain(3, true), FileFormat::kTiff, {kFrames});
  Explode("a million strips", bombs::TiffStrips(1'000'000), FileFormat::kTiff, {kPixels, kFailed, kCut});
  Explode("boxes in boxes", bombs::NestedBoxes("moov", 500'000), FileFormat::kMp4, {kFailed, kCut});
  Explode("boxes in boxes, heif", bombs::NestedBoxes("meta", 500'000), FileFormat::kHeic, {kFailed, kCut});
  Explode("four thousand million samples", bombs::Mp4WithSamples(0xffffffff, 1), FileFormat::kMp4,
          {kFailed, kCut, kMemory, IncompleteCode::kNoVisualContent});
  Explode("a hundred million samples", bombs::Mp4WithSamples(100'000'000, 0x7fffffff), FileFormat::kMp4,
          {kFailed, kCut, kMemory, IncompleteCode::kNoVisualContent});
  bombs::Matroska file;
  file.tracks = 5'000;
  file.clusters = {{0, {Small("small.jpg")}}};
  Explode("five thousand tracks", bombs::Write(file), FileFormat::kMatroska, {kFailed, kFrames, kMemory});
  ExpectGoodScan();
}

TEST_F(BombTest, Time) {
  const std::string picture = Small("small.jpg");
  bombs::Matroska backwards;
  for (std::uint64_t i = 500; i > 0; --i) backwards.clusters.push_back({i * 1000, {picture}});
  Explode("backwards", bombs::Write(backwards), FileFormat::kMatroska, {});
  bombs::Matroska jumps;
  for (std::uint64_t i = 0; i < 60; ++i) {
    jumps.clusters.push_back({i % 2 == 0 ? std::uint64_t{1} << i : ~std::uint64_t{0} >> i, {picture}});
  }
  // Whatever is looked at, or said: not crashed, and not silent.
  for (const std::uint64_t scale : {std::uint64_t{1}, std::uint64_t{1'000'000}, ~std::uint64_t{0} >> 1}) {
    jumps.timestamp_scale = scale;
    const auto outcome = Sample(bombs::Write(jumps), FileFormat::kMatroska);
    ASSERT_TRUE(outcome.ok()) << outcome.status();
    EXPECT_TRUE(outcome->frames_delivered > 0 || !outcome->reasons.empty());
    for (const auto& reason : outcome->reasons)
      EXPECT_NE(reason.code, IncompleteCode::kDecoderCrashed) << reason.detail;
  }
  for (const double duration : {1e300, -1e300, std::nan(""), std::numeric_limits<double>::infinity()}) {
    bombs::Matroska absurd;
    absurd.duration = duration;
    absurd.clusters = {{0, {picture}}};
    Explode("absurd duration", bombs::Write(absurd), FileFormat::kMatroska, {});
  }
  bombs::Matroska fast;
  fast.default_duration = 1;  // a thousand million frames a second
  fast.timestamp_scale = 1;
  fast.clusters = {{0, std::vector<std::string>(2'000, picture)}};
  Explode("frame rate", bombs::Write(fast), FileFormat::kMatroska, {});
  ExpectGoodScan();
}

TEST_F(BombTest, Packets) {
  bombs::Matroska file;
  for (std::uint64_t i = 0; i < 40; ++i) {
    file.clusters.push_back({i * 1000, std::vector<std::string>(25'000, "x")});
  }
  Explode("a million tiny packets", bombs::Write(file), FileFormat::kMatroska, {kFrames});
  ExpectGoodScan();
}

TEST_F(BombTest, ThingsInThings) {
  const std::string picture = Small("small.jpg");
  bombs::Matroska file;
  file.clusters = {{0, {picture}}};
  file.attachments.assign(500, picture);
  Explode("hundreds of covers", bombs::Write(file), FileFormat::kMatroska, {kFrames, kFailed});
  file.attachments.assign(1, std::string(8u << 20, 'x'));
  Explode("a cover that is none", bombs::Write(file), FileFormat::kMatroska, {kFailed});
  // Each container reads its own format only: what lies within is data that does not decode.
  file.attachments.clear();
  file.clusters = {{0, {Small("small.mp4")}}};
  Explode("mp4 in matroska", bombs::Write(file), FileFormat::kMatroska, {kFailed, kCut});
  file.clusters = {{0, {bombs::Write(file)}}};
  Explode("matroska in matroska", bombs::Write(file), FileFormat::kMatroska, {kFailed, kCut});
  Explode("matroska said to be mp4", bombs::Write(file), FileFormat::kMp4, {kFailed, kCut});
  Explode("mp4 said to be a picture", Small("small.mp4"), FileFormat::kJpeg, {kFailed, kCut});
  ExpectGoodScan();
}

}  // namespace
}  // namespace tamiz::sandbox
