// The program that is deployed, with its media code: what it decodes it must decode confined. Libraries probe
// for files, start threads and ask the kernel things; a format that needs what the policy denies fails here.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "core/base/unique_fd.h"
#include "core/sandbox/decoder_pool.h"

namespace tamiz::sandbox {
namespace {

using media::FileFormat;
using media::IncompleteCode;
using media::SampleOutcome;

class RealDecoderTest : public ::testing::Test {
 protected:
  RealDecoderTest() {
    Config config;
    config.program =
        std::string(std::getenv("TAMIZ_BIN_DIR") != nullptr ? std::getenv("TAMIZ_BIN_DIR") : ".") +
        "/tamiz-decoder";
    auto pool = DecoderPool::Start(config);
    EXPECT_TRUE(pool.ok()) << pool.status();
    if (pool.ok()) pool_ = *std::move(pool);
  }

  StatusOr<SampleOutcome> Sample(
      const std::string& bytes, FileFormat format,
      const DecoderPool::FrameSink& sink = [](auto) { return true; }) {
    const UniqueFd fd(::memfd_create("upload", MFD_CLOEXEC | MFD_ALLOW_SEALING));
    EXPECT_EQ(::write(fd.get(), bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size()));
    EXPECT_EQ(::fcntl(fd.get(), F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK), 0);
    media::SampleRequest request;
    request.content_fd = fd.get();
    request.size_bytes = bytes.size();
    request.format = format;
    return pool_->Sample(request, {}, sink);
  }

  std::unique_ptr<DecoderPool> pool_;
};

// A grey ramp, 24 bits a pixel, bottom row first.
std::string Bmp(std::uint32_t width, std::uint32_t height) {
  const std::uint32_t row = (width * 3 + 3) / 4 * 4;
  std::string file(54 + row * height, '\0');
  const auto put = [&](std::size_t at, std::uint32_t value) {
    for (int i = 0; i < 4; ++i) file[at + static_cast<std::size_t>(i)] = static_cast<char>(value >> (8 * i));
  };
  file[0] = 'B';
  file[1] = 'M';
  put(2, static_cast<std::uint32_t>(file.size()));
  put(10, 54);
  put(14, 40);
  put(18, width);
  put(22, height);
  put(26, 1 | 24 << 16);
  for (std::uint32_t y = 0; y < height; ++y) {
    for (std::uint32_t x = 0; x < width * 3; ++x) file[54 + y * row + x] = static_cast<char>(x / 3);
  }
  return file;
}

TEST_F(RealDecoderTest, PixelsArriveAsTheyAre) {
  ASSERT_NE(pool_, nullptr);
  int frames = 0;
  const auto outcome = Sample(Bmp(201, 40), FileFormat::kBmp, [&](std::unique_ptr<media::Frame> frame) {
    ++frames;
    const media::LumaView luma = frame->luma();
    EXPECT_EQ(luma.width, 201u);
    EXPECT_EQ(luma.height, 40u);
    if (luma.width != 201 || luma.height != 40) return false;
    for (std::uint32_t x = 0; x < luma.width; ++x) {
      EXPECT_NEAR(luma.data[20 * luma.stride + x], static_cast<int>(x), 1) << x;
    }
    return true;
  });
  ASSERT_TRUE(outcome.ok()) << outcome.status();
  EXPECT_EQ(frames, 1);
  EXPECT_TRUE(outcome->reasons.empty()) << outcome->reasons[0].detail;
}

TEST_F(RealDecoderTest, NoiseIsIncompleteAndNoCrash) {
  ASSERT_NE(pool_, nullptr);
  std::string noise(10'000, 'x');
  for (std::size_t i = 0; i < noise.size(); ++i) noise[i] = static_cast<char>(i * i * 31 >> 3);
  for (const FileFormat format :
       {FileFormat::kJpeg, FileFormat::kPng, FileFormat::kGif, FileFormat::kWebp, FileFormat::kBmp,
        FileFormat::kTiff, FileFormat::kHeic, FileFormat::kAvif, FileFormat::kMp4, FileFormat::kMatroska,
        FileFormat::kAvi, FileFormat::kMpegTs, FileFormat::kFlv, FileFormat::kMpegPs, FileFormat::kOgg,
        FileFormat::kUnknown}) {
    const auto outcome = Sample(noise, format);
    ASSERT_TRUE(outcome.ok()) << outcome.status();
    ASSERT_FALSE(outcome->reasons.empty()) << static_cast<int>(format);
    for (const media::IncompleteReason& reason : outcome->reasons) {
      EXPECT_NE(reason.code, IncompleteCode::kDecoderCrashed)
          << static_cast<int>(format) << ": " << reason.detail;
    }
  }
}

TEST_F(RealDecoderTest, EmptyUploadIsIncomplete) {
  ASSERT_NE(pool_, nullptr);
  const auto outcome = Sample("", FileFormat::kJpeg);
  ASSERT_TRUE(outcome.ok());
  ASSERT_EQ(outcome->reasons.size(), 1u);
  EXPECT_EQ(outcome->reasons[0].code, IncompleteCode::kDecodeFailed);
}

struct Sort {
  const char* extension;
  FileFormat format;
  const char* options;  // for the ffmpeg program, which makes the upload
};

void PrintTo(const Sort& sort, std::ostream* out) { *out << sort.extension; }

class FormatTest : public RealDecoderTest, public ::testing::WithParamInterface<Sort> {};

TEST_P(FormatTest, DecodesConfined) {
  ASSERT_NE(pool_, nullptr);
  const std::string file = std::filesystem::temp_directory_path() /
                           ("tamiz-real-" + std::to_string(::getpid()) + "." + GetParam().extension);
  const std::string command =
      std::string("ffmpeg -v error -y -f lavfi -i testsrc2=size=320x240:rate=5:duration=3 ") +
      GetParam().options + " " + file + " 2>/dev/null";
  if (std::system("ffmpeg -version >/dev/null 2>&1") != 0) {
    ASSERT_EQ(std::getenv("CI"), nullptr) << "the ffmpeg program is missing";
    GTEST_SKIP() << "the ffmpeg program is missing";
  }
  ASSERT_EQ(std::system(command.c_str()), 0) << command;
  std::ifstream in(file, std::ios::binary);
  const std::string bytes(std::istreambuf_iterator<char>(in), {});
  std::filesystem::remove(file);
  const auto outcome = Sample(bytes, GetParam().format);
  ASSERT_TRUE(outcome.ok()) << outcome.status();
  EXPECT_TRUE(outcome->reasons.empty())
      << media::ToString(outcome->reasons[0].code) << " " << outcome->reasons[0].detail;
  EXPECT_GE(outcome->frames_delivered, 1u);
}

INSTANTIATE_TEST_SUITE_P(
    All, FormatTest,
    ::testing::Values(Sort{"jpg", FileFormat::kJpeg, "-frames:v 1"},
                      Sort{"png", FileFormat::kPng, "-frames:v 1"},
                      Sort{"bmp", FileFormat::kBmp, "-frames:v 1"},
                      Sort{"tiff", FileFormat::kTiff, "-frames:v 1"}, Sort{"gif", FileFormat::kGif, ""},
                      Sort{"webp", FileFormat::kWebp, ""},
                      // A creation time makes the demuxer ask for the time zone's file.
                      Sort{"mp4", FileFormat::kMp4,
                           "-c:v libx264 -pix_fmt yuv420p -metadata creation_time=2020-01-01T00:00:00Z"},
                      Sort{"mov", FileFormat::kMp4, "-c:v prores_ks"},
                      Sort{"mkv", FileFormat::kMatroska, "-c:v libx265 -x265-params log-level=none"},
                      Sort{"webm", FileFormat::kMatroska, "-c:v libvpx-vp9 -cpu-used 8 -deadline realtime"},
                      Sort{"avi", FileFormat::kAvi, "-c:v mpeg4"},
                      // Service names make it ask for character tables.
                      Sort{"ts", FileFormat::kMpegTs, "-c:v mpeg2video -metadata service_name=Caf\xc3\xa9"},
                      Sort{"flv", FileFormat::kFlv, "-c:v flv"}),
    [](const auto& sort) { return std::string(sort.param.extension); });

}  // namespace
}  // namespace tamiz::sandbox
