#include "core/media/file_format.h"

#include <algorithm>

namespace tamiz::media {
namespace {

using Bytes = std::span<const std::uint8_t>;

constexpr std::array kFormats = {
    FormatInfo{FileFormat::kJpeg, "jpeg", "image/jpeg"},
    FormatInfo{FileFormat::kPng, "png", "image/png"},
    FormatInfo{FileFormat::kGif, "gif", "image/gif"},
    FormatInfo{FileFormat::kWebp, "webp", "image/webp"},
    FormatInfo{FileFormat::kBmp, "bmp", "image/bmp"},
    FormatInfo{FileFormat::kTiff, "tiff", "image/tiff"},
    FormatInfo{FileFormat::kHeic, "heic", "image/heic"},
    FormatInfo{FileFormat::kAvif, "avif", "image/avif"},
    FormatInfo{FileFormat::kMp4, "mp4", "video/mp4"},
    FormatInfo{FileFormat::kMatroska, "matroska", "video/x-matroska"},
    FormatInfo{FileFormat::kAvi, "avi", "video/x-msvideo"},
    FormatInfo{FileFormat::kMpegTs, "mpegts", "video/mp2t"},
    FormatInfo{FileFormat::kFlv, "flv", "video/x-flv"},
    FormatInfo{FileFormat::kMpegPs, "mpegps", "video/mpeg"},
    FormatInfo{FileFormat::kOgg, "ogg", "application/ogg"},
    FormatInfo{FileFormat::kMp3, "mp3", "audio/mpeg"},
    FormatInfo{FileFormat::kWav, "wav", "audio/wav"},
    FormatInfo{FileFormat::kFlac, "flac", "audio/flac"},
    FormatInfo{FileFormat::kAac, "aac", "audio/aac"},
    FormatInfo{FileFormat::kJpegXl, "jxl", "image/jxl"},
    FormatInfo{FileFormat::kJpeg2000, "jp2", "image/jp2"},
    FormatInfo{FileFormat::kAsf, "asf", "video/x-ms-asf"},
};

bool HasAt(Bytes head, std::size_t offset, std::string_view text) {
  return offset <= head.size() && text.size() <= head.size() - offset &&
         std::equal(text.begin(), text.end(), head.begin() + static_cast<std::ptrdiff_t>(offset),
                    [](char c, std::uint8_t b) { return static_cast<std::uint8_t>(c) == b; });
}

std::uint32_t Big32(Bytes head, std::size_t offset) {
  return std::uint32_t{head[offset]} << 24 | std::uint32_t{head[offset + 1]} << 16 |
         std::uint32_t{head[offset + 2]} << 8 | head[offset + 3];
}

std::uint32_t Little32(Bytes head, std::size_t offset) {
  return std::uint32_t{head[offset + 3]} << 24 | std::uint32_t{head[offset + 2]} << 16 |
         std::uint32_t{head[offset + 1]} << 8 | head[offset];
}

bool IsAnyOf(Bytes head, std::size_t offset, std::span<const std::string_view> texts) {
  return std::any_of(texts.begin(), texts.end(), [&](std::string_view t) { return HasAt(head, offset, t); });
}

constexpr std::array<std::string_view, 2> kAvifBrands = {"avif", "avis"};
constexpr std::array<std::string_view, 8> kHeifBrands = {"heic", "heix", "heim", "heis",
                                                         "hevc", "hevx", "mif1", "msf1"};
// Boxes that QuickTime files without `ftyp` begin with.
constexpr std::array<std::string_view, 6> kMovieBoxes = {"moov", "mdat", "free", "skip", "wide", "pnot"};

// Files in boxes (ISO/IEC 14496-12): the major brand decides, the compatible ones tell AVIF from HEIC where
// it only says "some HEIF".
FileFormat DetectBoxes(Bytes head) {
  if (head.size() < 12) return FileFormat::kUnknown;
  const std::uint32_t size = Big32(head, 0);
  if (HasAt(head, 4, "ftyp")) {
    if (size < 16) return FileFormat::kUnknown;
    if (IsAnyOf(head, 8, kAvifBrands)) return FileFormat::kAvif;
    if (!IsAnyOf(head, 8, kHeifBrands)) return FileFormat::kMp4;
    const std::size_t end = std::min<std::size_t>(size, head.size());
    for (std::size_t at = 16; at + 4 <= end; at += 4) {
      if (IsAnyOf(head, at, kAvifBrands)) return FileFormat::kAvif;
    }
    return FileFormat::kHeic;
  }
  // Size 1 stands for a 64-bit size, 0 for "to the end of the file".
  if (IsAnyOf(head, 4, kMovieBoxes) && (size <= 1 || size >= 8)) return FileFormat::kMp4;
  return FileFormat::kUnknown;
}

// Length in bytes of the MPEG audio frame that begins at `at`, 0 if none does (ISO/IEC 11172-3, 2.4.1.3).
std::size_t MpegAudioFrameLength(Bytes head, std::size_t at) {
  static constexpr std::array<std::array<int, 16>, 5> kKilobits = {{
      {0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448, 0},
      {0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384, 0},
      {0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 0},
      {0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256, 0},
      {0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160, 0},
  }};
  static constexpr std::array<int, 3> kRates = {44100, 48000, 32000};
  if (at + 4 > head.size() || head[at] != 0xFF || (head[at + 1] & 0xE0) != 0xE0) return 0;
  const int version = head[at + 1] >> 3 & 3;  // 0: 2.5, 2: 2, 3: 1
  const int layer = 4 - (head[at + 1] >> 1 & 3);
  const int bitrate_index = head[at + 2] >> 4;
  const int rate_index = head[at + 2] >> 2 & 3;
  if (version == 1 || layer == 4 || rate_index == 3) return 0;
  const bool first = version == 3;
  const int row = first ? layer - 1 : layer == 1 ? 3 : 4;
  const int kilobits = kKilobits[static_cast<std::size_t>(row)][static_cast<std::size_t>(bitrate_index)];
  if (kilobits == 0) return 0;
  const int rate = kRates[static_cast<std::size_t>(rate_index)] >> (first ? 0 : version == 2 ? 1 : 2);
  const int padding = head[at + 2] >> 1 & 1;
  if (layer == 1) return static_cast<std::size_t>((12 * kilobits * 1000 / rate + padding) * 4);
  const int samples = layer == 3 && !first ? 72 : 144;
  return static_cast<std::size_t>(samples * kilobits * 1000 / rate + padding);
}

std::size_t AdtsFrameLength(Bytes head, std::size_t at) {
  if (at + 7 > head.size() || head[at] != 0xFF || (head[at + 1] & 0xF6) != 0xF0) return 0;
  if ((head[at + 2] >> 2 & 15) > 12) return 0;
  const std::size_t length = static_cast<std::size_t>(head[at + 3] & 3) << 11 |
                             static_cast<std::size_t>(head[at + 4]) << 3 | head[at + 5] >> 5;
  return length >= 7 ? length : 0;
}

// Two sync bits prove little: two frames in a row must fit, unless the second is not in `head`.
template <typename Length>
bool AreFrames(Bytes head, std::size_t at, Length length_at) {
  const std::size_t length = length_at(head, at);
  if (length == 0) return false;
  const std::size_t next = at + length;
  return next + 7 > head.size() ? next >= kSignatureBytes / 2 : length_at(head, next) != 0;
}

FileFormat DetectAudioFrames(Bytes head, std::size_t at) {
  if (AreFrames(head, at, AdtsFrameLength)) return FileFormat::kAac;
  if (AreFrames(head, at, MpegAudioFrameLength)) return FileFormat::kMp3;
  return FileFormat::kUnknown;
}

FileFormat DetectAfterId3(Bytes head) {
  if (head.size() < 10 || head[3] == 0xFF || ((head[6] | head[7] | head[8] | head[9]) & 0x80) != 0) {
    return FileFormat::kUnknown;
  }
  const std::size_t size = std::size_t{head[6]} << 21 | std::size_t{head[7]} << 14 |
                           std::size_t{head[8]} << 7 | std::size_t{head[9]};
  const std::size_t end = 10 + size;
  if (HasAt(head, end, "fLaC")) return FileFormat::kFlac;
  const FileFormat frames = DetectAudioFrames(head, end);
  return frames == FileFormat::kUnknown ? FileFormat::kMp3 : frames;
}

// Sync bytes of transport packets at a constant distance, perhaps after the rest of a cut packet.
bool IsTransportStream(Bytes head) {
  constexpr std::array<std::size_t, 3> kPacketSizes = {188, 192, 204};
  constexpr std::size_t kWanted = 5;
  constexpr std::size_t kLeast = 3;
  for (const std::size_t packet : kPacketSizes) {
    for (std::size_t start = 0; start < packet && start < head.size(); ++start) {
      std::size_t found = 0;
      std::size_t at = start;
      while (at < head.size() && head[at] == 0x47) {
        ++found;
        at += packet;
      }
      // A short file that begins with a packet may have fewer.
      if (found >= kWanted || (found >= kLeast && at >= head.size() && start <= 4)) return true;
    }
  }
  return false;
}

bool IsBmp(Bytes head) {
  if (head.size() < 26 || !HasAt(head, 0, "BM")) return false;
  constexpr std::array<std::uint32_t, 8> kHeaderSizes = {12, 16, 40, 52, 56, 64, 108, 124};
  const std::uint32_t header = Little32(head, 14);
  return std::find(kHeaderSizes.begin(), kHeaderSizes.end(), header) != kHeaderSizes.end() &&
         Little32(head, 10) >= 14 + 12;
}

using namespace std::string_view_literals;

struct Signature {
  std::size_t offset;
  std::string_view text;
  FileFormat format;
};
constexpr std::array kSignatures = {
    Signature{0, "\xFF\xD8\xFF"sv, FileFormat::kJpeg},
    Signature{0, "\x89PNG\r\n\x1A\n"sv, FileFormat::kPng},
    Signature{0, "GIF87a"sv, FileFormat::kGif},
    Signature{0, "GIF89a"sv, FileFormat::kGif},
    Signature{0, "II*\0"sv, FileFormat::kTiff},
    Signature{0, "MM\0*"sv, FileFormat::kTiff},
    Signature{0, "II+\0"sv, FileFormat::kTiff},  // BigTIFF
    Signature{0, "MM\0+"sv, FileFormat::kTiff},
    Signature{0, "\x1A\x45\xDF\xA3"sv, FileFormat::kMatroska},
    Signature{0, "FLV\x01"sv, FileFormat::kFlv},
    Signature{0, "\0\0\1\xBA"sv, FileFormat::kMpegPs},
    Signature{0, "\0\0\1\xB3"sv, FileFormat::kMpegPs},  // bare MPEG-1 or MPEG-2 video
    Signature{0, "OggS"sv, FileFormat::kOgg},
    Signature{0, "fLaC"sv, FileFormat::kFlac},
    Signature{0, "\0\0\0\x0CJXL \r\n\x87\n"sv, FileFormat::kJpegXl},
    Signature{0, "\xFF\x0A"sv, FileFormat::kJpegXl},
    Signature{0, "\0\0\0\x0CjP  \r\n\x87\n"sv, FileFormat::kJpeg2000},
    Signature{0, "\xFF\x4F\xFF\x51"sv, FileFormat::kJpeg2000},
    Signature{0, "\x30\x26\xB2\x75\x8E\x66\xCF\x11\xA6\xD9\x00\xAA\x00\x62\xCE\x6C"sv, FileFormat::kAsf},
};

FileFormat DetectRiff(Bytes head) {
  if (HasAt(head, 8, "WEBP")) return FileFormat::kWebp;
  if (HasAt(head, 8, "AVI ")) return FileFormat::kAvi;
  if (HasAt(head, 8, "WAVE")) return FileFormat::kWav;
  return FileFormat::kUnknown;
}

}  // namespace

std::span<const FormatInfo> AllFormats() { return kFormats; }

const FormatInfo* FindFormat(FileFormat format) {
  const auto it = std::find_if(kFormats.begin(), kFormats.end(),
                               [&](const FormatInfo& info) { return info.format == format; });
  return it == kFormats.end() ? nullptr : &*it;
}

const FormatInfo* FindFormat(std::string_view name) {
  const auto it = std::find_if(kFormats.begin(), kFormats.end(),
                               [&](const FormatInfo& info) { return info.name == name; });
  return it == kFormats.end() ? nullptr : &*it;
}

FileFormat DetectFormat(std::span<const std::uint8_t> head) {
  head = head.first(std::min(head.size(), kSignatureBytes));
  for (const Signature& signature : kSignatures) {
    if (HasAt(head, signature.offset, signature.text)) return signature.format;
  }
  if (HasAt(head, 0, "RIFF") || HasAt(head, 0, "RF64")) return DetectRiff(head);
  if (IsBmp(head)) return FileFormat::kBmp;
  if (const FileFormat boxes = DetectBoxes(head); boxes != FileFormat::kUnknown) return boxes;
  if (HasAt(head, 0, "ID3")) return DetectAfterId3(head);
  if (IsTransportStream(head)) return FileFormat::kMpegTs;
  return DetectAudioFrames(head, 0);
}

}  // namespace tamiz::media
