#include "decoder/container_check.h"

#include <algorithm>

namespace tamiz::decoder {
namespace {

using Bytes = std::span<const std::uint8_t>;
using media::FileFormat;
using namespace std::string_view_literals;

constexpr std::string_view kCut = "the file ends before its structure does";

std::uint64_t Big(Bytes bytes, std::size_t at, int count) {
  std::uint64_t value = 0;
  for (int i = 0; i < count; ++i) value = value << 8 | bytes[at + static_cast<std::size_t>(i)];
  return value;
}

std::uint64_t Little32(Bytes bytes, std::size_t at) {
  return std::uint64_t{bytes[at + 3]} << 24 | std::uint64_t{bytes[at + 2]} << 16 |
         std::uint64_t{bytes[at + 1]} << 8 | bytes[at];
}

bool HasAt(Bytes bytes, std::size_t at, std::string_view text) {
  return at <= bytes.size() && text.size() <= bytes.size() - at &&
         std::equal(text.begin(), text.end(), bytes.begin() + static_cast<std::ptrdiff_t>(at),
                    [](char c, std::uint8_t b) { return static_cast<std::uint8_t>(c) == b; });
}

// Top-level boxes one after another; `visit(type offset)`. True if one reaches past the end.
template <typename Visit>
bool WalkBoxes(Bytes content, Visit visit) {
  std::size_t at = 0;
  while (content.size() - at >= 8) {
    std::uint64_t size = Big(content, at, 4);
    if (size == 1) {
      if (content.size() - at < 16) return true;
      size = Big(content, at + 8, 8);
      if (size < 16) return false;
    } else if (size == 0) {  // to the end of the file
      visit(at + 4);
      return false;
    } else if (size < 8) {
      return false;
    }
    visit(at + 4);
    if (size > content.size() - at) return true;
    at += static_cast<std::size_t>(size);
  }
  return false;
}

bool IsRiffCut(Bytes content) {
  std::size_t at = 0;
  // OpenDML files are several RIFF chunks in a row. Size 0 was left by a writer that never finished its
  // header.
  while (HasAt(content, at, "RIFF") && content.size() - at >= 12) {
    const std::uint64_t size = Little32(content, at + 4);
    if (size == 0 || size == 0xFFFFFFFF) return false;
    if (size > content.size() - at - 8) return true;
    at += static_cast<std::size_t>(8 + size + (size & 1));
    if (at > content.size()) return false;
  }
  return false;
}

// An EBML number at `at` (RFC 8794, 4); its length in bytes, 0 if it is not there.
int EbmlNumber(Bytes content, std::size_t at, std::uint64_t& value, bool& unknown) {
  if (at >= content.size() || content[at] == 0) return 0;
  int length = 1;
  while ((content[at] >> (8 - length) & 1) == 0) ++length;
  if (content.size() - at < static_cast<std::size_t>(length)) return 0;
  value = Big(content, at, length) & ((std::uint64_t{1} << (7 * length)) - 1);
  unknown = value == (std::uint64_t{1} << (7 * length)) - 1;
  return length;
}

bool IsMatroskaCut(Bytes content) {
  std::uint64_t size = 0;
  bool unknown = false;
  int length = EbmlNumber(content, 4, size, unknown);
  if (length == 0) return true;
  std::size_t at = 4 + static_cast<std::size_t>(length);
  if (unknown || size > content.size() - at) return !unknown;
  at += static_cast<std::size_t>(size);
  // Void elements may stand before the segment.
  while (at + 1 < content.size() && content[at] == 0xEC) {
    length = EbmlNumber(content, at + 1, size, unknown);
    if (length == 0 || unknown || size > content.size() - at - 1 - static_cast<std::size_t>(length))
      return true;
    at += 1 + static_cast<std::size_t>(length) + static_cast<std::size_t>(size);
  }
  if (!HasAt(content, at, "\x18\x53\x80\x67")) return content.size() - std::min(at, content.size()) < 4;
  length = EbmlNumber(content, at + 4, size, unknown);
  if (length == 0) return true;
  at += 4 + static_cast<std::size_t>(length);
  return !unknown && size > content.size() - at;
}

bool IsFlvCut(Bytes content) {
  if (content.size() < 13) return true;
  std::uint64_t at = Big(content, 5, 4) + 4;  // header, then the size of "the tag before"
  while (at + 11 <= content.size()) {
    at += 11 + Big(content, static_cast<std::size_t>(at) + 1, 3) + 4;
  }
  return at != content.size();
}

// Pages one after another; a gap is looked over, a page that is cut is not.
bool IsOggCut(Bytes content) {
  std::size_t at = 0;
  while (at < content.size() && HasAt(content, at, "OggS")) {
    if (content.size() - at < 27) return true;
    const std::size_t segments = content[at + 26];
    if (content.size() - at < 27 + segments) return true;
    std::size_t body = 0;
    for (std::size_t i = 0; i < segments; ++i) body += content[at + 27 + i];
    if (content.size() - at - 27 - segments < body) return true;
    at += 27 + segments + body;
  }
  return at != content.size();
}

bool IsTransportStreamCut(Bytes content) {
  for (const std::size_t packet : {188U, 192U, 204U}) {
    const std::size_t sync = packet == 192 ? 4 : 0;
    bool fits = content.size() > sync + packet;
    for (std::size_t i = 0; fits && i < 5 && sync + i * packet < content.size(); ++i) {
      fits = content[sync + i * packet] == 0x47;
    }
    if (fits) return content.size() % packet != 0;
  }
  return false;
}

}  // namespace

std::string_view FindCut(FileFormat format, Bytes content) {
  bool cut = false;
  switch (format) {
    case FileFormat::kMp4:
    case FileFormat::kHeic:
    case FileFormat::kAvif:
      cut = WalkBoxes(content, [](std::size_t) {});
      break;
    case FileFormat::kAvi:
    case FileFormat::kWebp:
      cut = IsRiffCut(content);
      break;
    case FileFormat::kMatroska:
      cut = IsMatroskaCut(content);
      break;
    case FileFormat::kFlv:
      cut = IsFlvCut(content);
      break;
    case FileFormat::kOgg:
      cut = IsOggCut(content);
      break;
    case FileFormat::kMpegTs:
      cut = IsTransportStreamCut(content);
      break;
    default:
      break;
  }
  return cut ? kCut : std::string_view();
}

TopBoxes FindTopBoxes(Bytes content) {
  TopBoxes boxes;
  WalkBoxes(content, [&](std::size_t type) {
    boxes.meta = boxes.meta || HasAt(content, type, "meta");
    boxes.moov = boxes.moov || HasAt(content, type, "moov");
  });
  return boxes;
}

}  // namespace tamiz::decoder
