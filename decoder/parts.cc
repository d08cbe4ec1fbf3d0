#include "decoder/parts.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "decoder/container_check.h"
#include "decoder/gif.h"
#include "decoder/jpeg_guard.h"

namespace tamiz::decoder {
namespace {

using Bytes = std::span<const std::uint8_t>;
using media::FileFormat;
using media::PartKind;
using namespace std::string_view_literals;

bool HasAt(Bytes bytes, std::size_t at, std::string_view text) {
  return at <= bytes.size() && text.size() <= bytes.size() - at &&
         std::equal(text.begin(), text.end(), bytes.begin() + static_cast<std::ptrdiff_t>(at),
                    [](char c, std::uint8_t b) { return static_cast<std::uint8_t>(c) == b; });
}

// Bytes that fill up to a boundary.
bool IsPadding(std::uint8_t byte) { return byte == 0 || byte == 0xFF || byte == ' '; }

// Looking closer is worth this much, and this often without success: bytes made to look like a beginning at
// every turn would cost hours.
constexpr std::size_t kCloseLookBytes = 4u << 20;
constexpr int kMaxDisappointments = 200;

// A picture, not just a marker: three bytes occur by chance.
bool IsJpeg(Bytes bytes, int& disappointments) {
  if (bytes.size() < 6 || !HasAt(bytes, 0, "\xFF\xD8\xFF"sv)) return false;
  const std::size_t length = std::size_t{bytes[4]} << 8 | bytes[5];
  if (bytes[3] < 0xC0 || length < 2 || length + 4 >= bytes.size() || bytes[4 + length] != 0xFF) return false;
  const JpegOutline outline = OutlineJpeg(bytes.first(std::min(bytes.size(), kCloseLookBytes)), 1);
  const bool is_picture = outline.has_frame && outline.width > 0 && outline.components > 0 &&
                          outline.components <= 4 && outline.scans > 0;
  if (!is_picture) ++disappointments;
  return is_picture;
}

bool IsGif(Bytes bytes, int& disappointments) {
  if (!HasAt(bytes, 0, "GIF87a") && !HasAt(bytes, 0, "GIF89a")) return false;
  const bool is_whole =
      bytes.size() > kCloseLookBytes || FindGifEnd(bytes.first(std::min(bytes.size(), kCloseLookBytes))) > 0;
  if (!is_whole) ++disappointments;
  return is_whole;
}

bool IsMatroska(Bytes bytes) {
  if (!HasAt(bytes, 0, "\x1A\x45\xDF\xA3"sv)) return false;
  const Bytes head = bytes.first(std::min<std::size_t>(bytes.size(), 80));
  for (const std::string_view type : {"webm"sv, "matroska"sv}) {
    if (std::search(head.begin(), head.end(), type.begin(), type.end()) != head.end()) return true;
  }
  return false;
}

// What begins here, by signatures that are long enough to be found anywhere.
FileFormat FormatAt(Bytes bytes, int& disappointments) {
  switch (bytes[0]) {
    case 0xFF:
      return IsJpeg(bytes, disappointments) ? FileFormat::kJpeg : FileFormat::kUnknown;
    case 0x89:
      return HasAt(bytes, 0, "\x89PNG\r\n\x1A\n"sv) && HasAt(bytes, 12, "IHDR") ? FileFormat::kPng
                                                                                : FileFormat::kUnknown;
    case 'G':
      return IsGif(bytes, disappointments) ? FileFormat::kGif : FileFormat::kUnknown;
    case 'R':
      if (!HasAt(bytes, 0, "RIFF")) return FileFormat::kUnknown;
      if (HasAt(bytes, 8, "WEBPVP8")) return FileFormat::kWebp;
      return HasAt(bytes, 8, "AVI LIST") ? FileFormat::kAvi : FileFormat::kUnknown;
    case 0x1A:
      return IsMatroska(bytes) ? FileFormat::kMatroska : FileFormat::kUnknown;
    default:
      // The size of the box comes before its name, and is small.
      if (bytes[0] != 0 || !HasAt(bytes, 4, "ftyp") || bytes[1] != 0) return FileFormat::kUnknown;
      return media::DetectFormat(bytes);
  }
}

// What a stretch of bytes begins with, by any signature but those of two bytes.
FileFormat FormatAtBeginning(Bytes bytes, int& disappointments) {
  if (const FileFormat format = FormatAt(bytes, disappointments); format != FileFormat::kUnknown)
    return format;
  const FileFormat format = media::DetectFormat(bytes);
  switch (format) {
    case FileFormat::kJpeg:  // those that FormatAt did not take are none
    case FileFormat::kGif:
    case FileFormat::kAac:
      return FileFormat::kUnknown;
    case FileFormat::kMp3:
      return HasAt(bytes, 0, "ID3") ? format : FileFormat::kUnknown;
    default:
      return format;
  }
}

// Bytes with which a part can begin.
constexpr std::array<bool, 256> kFirstBytes = [] {
  std::array<bool, 256> first{};
  for (const unsigned byte : {0xFFu, 0x89u, 0x47u, 0x52u, 0x1Au, 0x00u}) first[byte] = true;
  return first;
}();

class Search {
 public:
  Search(Bytes content, FoundParts& found) : content_(content), found_(found) {}

  // Looks through the bytes from `at` to `end`.
  void LookThrough(std::size_t at, std::size_t end, PartKind kind) {
    const Bytes all = content_.first(end);
    bool at_beginning = true;
    std::size_t unknown = at;  // since here
    while (at < end && !IsFull()) {
      if (at_beginning) {
        while (at < end && all[at] == 0 && !HasAt(all, at + 4, "ftyp")) ++at;
        if (at == end) break;
      }
      const Bytes rest = all.subspan(at);
      const FileFormat format =
          std::exchange(at_beginning, false)
              ? FormatAtBeginning(rest, disappointments_)
              : (kFirstBytes[rest[0]] ? FormatAt(rest, disappointments_) : FileFormat::kUnknown);
      if (format == FileFormat::kUnknown) {
        ++at;
        if (disappointments_ <= kMaxDisappointments) continue;
        found_.gave_up = true;
        break;
      }
      if (kind == PartKind::kAppended) Leave(unknown, at);
      Add(format, kind, at, FindEnd(format, rest));
      at += found_.parts.back().bytes;
      unknown = at;
      at_beginning = true;
    }
    if (kind == PartKind::kAppended && !IsFull()) Leave(unknown, end);
  }

 private:
  [[nodiscard]] bool IsFull() const { return found_.parts.size() > media::kMaxParts; }

  void Add(FileFormat format, PartKind kind, std::size_t offset, std::size_t bytes) {
    media::MediaPart& part = found_.parts.emplace_back();
    part.kind = kind;
    part.format = format;
    part.offset = offset;
    part.bytes = bytes;
  }

  // Nothing was recognised there.
  void Leave(std::size_t begin, std::size_t end) {
    while (begin < end && IsPadding(content_[begin])) ++begin;
    while (begin < end && IsPadding(content_[end - 1])) --end;
    found_.unrecognised_bytes += end - begin;
  }

  Bytes content_;
  FoundParts& found_;
  int disappointments_ = 0;
};

}  // namespace

FoundParts FindParts(FileFormat format, Bytes content, std::size_t end) {
  FoundParts found;
  Search search(content, found);
  for (const Bytes box : FindForeignBoxes(format, content.first(end))) {
    const auto begin = static_cast<std::size_t>(box.data() - content.data());
    search.LookThrough(begin, begin + box.size(), PartKind::kEmbedded);
  }
  search.LookThrough(end, content.size(), PartKind::kAppended);
  return found;
}

}  // namespace tamiz::decoder
