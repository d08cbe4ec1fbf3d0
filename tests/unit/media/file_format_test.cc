#include "core/media/file_format.h"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace tamiz::media {
namespace {

using namespace std::string_view_literals;

FileFormat Detect(std::string_view bytes) {
  // Its own allocation of the exact size: a sanitizer sees any read past it.
  const std::vector<std::uint8_t> head(bytes.begin(), bytes.end());
  return DetectFormat(head);
}

std::string Ftyp(std::string_view major, std::string_view compatible = "") {
  std::string box(3, '\0');
  box += static_cast<char>(16 + compatible.size());
  box += "ftyp";
  box += major;
  box += std::string(4, '\0');
  box += compatible;
  return box;
}

struct Case {
  std::string_view name;
  std::string head;
  FileFormat format;
};

std::vector<Case> Cases() {
  std::vector<Case> cases = {
      {"jpeg", "\xFF\xD8\xFF\xE0", FileFormat::kJpeg},
      {"png", "\x89PNG\r\n\x1A\n", FileFormat::kPng},
      {"gif87", "GIF87a", FileFormat::kGif},
      {"gif89", "GIF89a", FileFormat::kGif},
      {"webp", "RIFF\1\2\3\4WEBPVP8 ", FileFormat::kWebp},
      {"avi", "RIFF\1\2\3\4AVI LIST", FileFormat::kAvi},
      {"wav", "RIFF\1\2\3\4WAVEfmt ", FileFormat::kWav},
      {"riff of another kind", "RIFF\1\2\3\4ACON", FileFormat::kUnknown},
      {"little-endian tiff", std::string("II*\0\x08", 5), FileFormat::kTiff},
      {"big-endian tiff", std::string("MM\0*\0", 5), FileFormat::kTiff},
      {"heic", Ftyp("heic"), FileFormat::kHeic},
      {"heif of hevc", Ftyp("mif1", "mif1heic"), FileFormat::kHeic},
      {"heif of av1", Ftyp("mif1", "mif1avif"), FileFormat::kAvif},
      {"heif sequence", Ftyp("msf1", "hevc"), FileFormat::kHeic},
      {"avif", Ftyp("avif", "mif1miaf"), FileFormat::kAvif},
      {"avif sequence", Ftyp("avis"), FileFormat::kAvif},
      {"mp4", Ftyp("isom", "iso2avc1mp41"), FileFormat::kMp4},
      {"mov", Ftyp("qt  "), FileFormat::kMp4},
      {"m4v", Ftyp("M4V "), FileFormat::kMp4},
      {"3gp", Ftyp("3gp4"), FileFormat::kMp4},
      {"old mov", std::string("\0\0\0\x20moov\0\0\0\0", 12), FileFormat::kMp4},
      {"mov with media first", std::string("\0\0\x01\x20mdat\0\0\0\0", 12), FileFormat::kMp4},
      {"matroska", "\x1A\x45\xDF\xA3\x01", FileFormat::kMatroska},
      {"flv", "FLV\1\5", FileFormat::kFlv},
      {"program stream", std::string("\0\0\1\xBA", 4), FileFormat::kMpegPs},
      {"bare mpeg video", std::string("\0\0\1\xB3", 4), FileFormat::kMpegPs},
      {"ogg", "OggS", FileFormat::kOgg},
      {"flac", "fLaC", FileFormat::kFlac},
      {"jpeg xl box", std::string("\0\0\0\x0CJXL \r\n\x87\n", 12), FileFormat::kJpegXl},
      {"jpeg xl bare", "\xFF\x0A\x01", FileFormat::kJpegXl},
      {"jpeg 2000", std::string("\0\0\0\x0CjP  \r\n\x87\n", 12), FileFormat::kJpeg2000},
      {"text", "hello, this is a text about BM and ID", FileFormat::kUnknown},
      {"html", "<!DOCTYPE html><html>", FileFormat::kUnknown},
      {"svg", "<svg xmlns=\"http://www.w3.org/2000/svg\">", FileFormat::kUnknown},
      {"playlist", "#EXTM3U\n#EXT-X-VERSION:3\n", FileFormat::kUnknown},
      {"concat script", "ffconcat version 1.0\nfile x", FileFormat::kUnknown},
      {"zip", "PK\3\4", FileFormat::kUnknown},
      {"empty", "", FileFormat::kUnknown},
  };
  std::string bmp = "BM";
  bmp += std::string("\x46\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0\1\0\0\0\1\0\0\0", 24);
  cases.push_back({"bmp", bmp, FileFormat::kBmp});
  for (const std::size_t packet : {188U, 192U, 204U}) {
    std::string stream(packet * 6, 'x');
    for (std::size_t i = 0; i < 6; ++i) stream[i * packet + (packet == 192 ? 4 : 0)] = 0x47;
    cases.push_back({"transport stream", stream, FileFormat::kMpegTs});
  }
  // Layer III, 128 kbit/s, 44.1 kHz: 417 bytes a frame.
  std::string mp3(417 * 2 + 8, '\0');
  for (std::size_t at = 0; at < mp3.size(); at += 417) mp3.replace(at, 4, "\xFF\xFB\x90\x00"sv.substr(0, 4));
  cases.push_back({"mp3 frames", mp3, FileFormat::kMp3});
  cases.push_back({"mp3 with a tag", std::string("ID3\4\0\0\0\0\x20\0", 10), FileFormat::kMp3});
  cases.push_back({"flac with a tag", std::string("ID3\4\0\0\0\0\0\4", 10) + "abcdfLaC", FileFormat::kFlac});
  std::string adts(3 * 20, '\0');
  for (std::size_t at = 0; at < adts.size(); at += 20) {
    adts.replace(at, 7, std::string_view("\xFF\xF1\x50\x80\x02\x80\xFC", 7));  // 20 bytes a frame
  }
  cases.push_back({"adts", adts, FileFormat::kAac});
  return cases;
}

TEST(FileFormat, IsToldByTheSignature) {
  for (const Case& c : Cases()) EXPECT_EQ(Detect(c.head), c.format) << c.name;
}

TEST(FileFormat, OneSyncWordIsNotAudio) {
  std::string noise(2000, 'n');
  noise[0] = '\xFF';
  noise[1] = '\xFB';
  noise[2] = '\x90';
  EXPECT_EQ(Detect(noise), FileFormat::kUnknown);
}

TEST(FileFormat, EveryPrefixIsReadSafely) {
  for (const Case& c : Cases()) {
    for (std::size_t length = 0; length <= c.head.size(); ++length) (void)Detect(c.head.substr(0, length));
  }
  std::mt19937 random(1);
  for (int i = 0; i < 20000; ++i) {
    std::string noise(random() % 64, '\0');
    for (char& byte : noise) byte = static_cast<char>(random() % 4 == 0 ? 0xFF : random());
    (void)Detect(noise);
  }
}

TEST(FileFormat, NamesAreUniqueAndFound) {
  for (const FormatInfo& info : AllFormats()) {
    EXPECT_EQ(FindFormat(info.name), &info);
    EXPECT_EQ(FindFormat(info.format), &info);
    EXPECT_NE(info.media_type.find('/'), std::string_view::npos);
  }
  EXPECT_EQ(AllFormats().size(), 22U);
  EXPECT_EQ(FindFormat(FileFormat::kUnknown), nullptr);
  EXPECT_EQ(FindFormat("no such format"), nullptr);
}

}  // namespace
}  // namespace tamiz::media
