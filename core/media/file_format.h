// Formats, told by their first bytes and never by a name or a hint.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace tamiz::media {

// Sent to the decoder as a number: do not change the values.
enum class FileFormat : std::uint32_t {
  kUnknown = 0,
  kJpeg = 1,
  kPng = 2,  // also APNG
  kGif = 3,
  kWebp = 4,
  kBmp = 5,
  kTiff = 6,
  kHeic = 7,
  kAvif = 8,
  kMp4 = 9,        // also MOV, M4V, 3GP
  kMatroska = 10,  // also WebM
  kAvi = 11,
  kMpegTs = 12,
  kFlv = 13,
  kMpegPs = 14,
  kOgg = 15,
  kMp3 = 16,  // audio formats: recognised, so that they answer NO_VISUAL_CONTENT
  kWav = 17,
  kFlac = 18,
  kAac = 19,
  kJpegXl = 20,  // recognised, not decoded by default
  kJpeg2000 = 21,
  kAsf = 22,  // WMV, WMA
};

struct FormatInfo {
  FileFormat format;
  std::string_view name;        // as in tamiz.v1.MediaInfo.format, for example "jpeg"
  std::string_view media_type;  // for example "image/jpeg"
};

// Every format but kUnknown.
[[nodiscard]] std::span<const FormatInfo> AllFormats();
[[nodiscard]] const FormatInfo* FindFormat(FileFormat format);
[[nodiscard]] const FormatInfo* FindFormat(std::string_view name);

// Bytes of a file's beginning that DetectFormat wants; fewer will do for short files.
inline constexpr std::size_t kSignatureBytes = 4096;

// kUnknown if no signature fits. Never reads past `head`.
[[nodiscard]] FileFormat DetectFormat(std::span<const std::uint8_t> head);

}  // namespace tamiz::media
