#include "decoder/jpeg_guard.h"

#include <algorithm>
#include <cstring>

#include "decoder/orientation.h"

namespace tamiz::decoder {
namespace {

constexpr std::uint8_t kStartOfScan = 0xDA;
constexpr std::uint8_t kEndOfImage = 0xD9;

// Position of the next marker's 0xFF at or after `at` that is not a stuffed zero, a fill byte or a restart
// marker.
std::size_t NextMarker(std::span<const std::uint8_t> content, std::size_t at) {
  while (at + 1 < content.size()) {
    const void* found = std::memchr(content.data() + at, 0xFF, content.size() - 1 - at);
    if (found == nullptr) break;
    at = static_cast<std::size_t>(static_cast<const std::uint8_t*>(found) - content.data());
    const std::uint8_t code = content[at + 1];
    if (code == 0xFF) {
      ++at;
    } else if (code == 0 || code == 1 || (code >= 0xD0 && code <= 0xD7)) {
      at += 2;
    } else {
      return at;
    }
  }
  return content.size();
}

bool IsStartOfFrame(std::uint8_t code) {
  return code >= 0xC0 && code <= 0xCF && code != 0xC4 && code != 0xC8 && code != 0xCC;
}

}  // namespace

JpegOutline OutlineJpeg(std::span<const std::uint8_t> content, std::uint32_t max_scans) {
  JpegOutline outline;
  outline.decodable_bytes = content.size();
  std::size_t at = NextMarker(content, 2);
  while (at + 1 < content.size()) {
    const std::uint8_t code = content[at + 1];
    if (code == kEndOfImage) {
      outline.has_end_marker = true;
      outline.end = at + 2;
      break;
    }
    if (code == kStartOfScan && ++outline.scans == max_scans + 1) outline.decodable_bytes = at;
    if (at + 4 > content.size()) break;
    const std::size_t length = std::size_t{content[at + 2]} << 8 | content[at + 3];
    const std::size_t begin = std::min(at + 4, content.size());
    const std::size_t end = std::min(at + 2 + std::max<std::size_t>(length, 2), content.size());
    const auto segment = end > begin ? content.subspan(begin, end - begin) : std::span<const std::uint8_t>{};
    if (IsStartOfFrame(code) && segment.size() >= 6 && !outline.has_frame) {
      outline.has_frame = true;
      outline.precision = segment[0];
      outline.height = static_cast<std::uint32_t>(segment[1]) << 8 | segment[2];
      outline.width = static_cast<std::uint32_t>(segment[3]) << 8 | segment[4];
      outline.components = segment[5];
      outline.decodable_by_libjpeg =
          outline.precision == 8 && outline.height != 0 && (code <= 0xC2 || code == 0xC9 || code == 0xCA);
    } else if (code == 0xE1 && segment.size() > 6 && std::memcmp(segment.data(), "Exif\0\0", 6) == 0) {
      if (outline.orientation == 0) outline.orientation = ReadExifOrientation(segment);
    } else if (code == 0xEE && segment.size() >= 12 && std::memcmp(segment.data(), "Adobe", 5) == 0) {
      outline.has_adobe_marker = true;
    }
    at = NextMarker(content, end);
  }
  return outline;
}

}  // namespace tamiz::decoder
