#include "decoder/container_check.h"

#include <algorithm>
#include <array>
#include <cstdlib>

#include "decoder/gif.h"
#include "decoder/jpeg_guard.h"

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

// Names are four characters; what has other bytes there is no box but something behind the last one.
bool IsBoxName(Bytes content, std::size_t at) {
  return std::ranges::all_of(content.subspan(at, 4),
                             [](std::uint8_t c) { return (c >= 0x20 && c <= 0x7E) || c == 0xA9; });
}

struct BoxWalk {
  bool cut = false;     // a box reaches past the end
  std::size_t end = 0;  // of the last box
};

// Top-level boxes one after another; `visit(type offset, payload)`.
template <typename Visit>
BoxWalk WalkBoxes(Bytes content, Visit visit) {
  std::size_t at = 0;
  while (content.size() - at >= 8 && IsBoxName(content, at + 4)) {
    // A file has one at its beginning: another begins another file.
    if (at > 0 && HasAt(content, at + 4, "ftyp")) break;
    std::uint64_t size = Big(content, at, 4);
    std::size_t header = 8;
    if (size == 1) {
      if (content.size() - at < 16) return {true, content.size()};
      size = Big(content, at + 8, 8);
      header = 16;
    } else if (size == 0) {  // to the end of the file
      size = content.size() - at;
    }
    if (size < header) break;
    const bool cut = size > content.size() - at;
    if (cut) size = content.size() - at;
    visit(at + 4, content.subspan(at + header, static_cast<std::size_t>(size) - header));
    at += static_cast<std::size_t>(size);
    if (cut) return {true, at};
  }
  return {false, at};
}

// Boxes whose contents the decoders know. Others are for whoever wrote them, and may hold anything.
bool IsKnownBox(Bytes content, std::size_t type) {
  constexpr std::array kKnown = {"ftyp"sv, "styp"sv, "moov"sv, "moof"sv, "mdat"sv, "meta"sv, "mfra"sv,
                                 "sidx"sv, "ssix"sv, "pdin"sv, "prft"sv, "emsg"sv, "idat"sv};
  return std::ranges::any_of(kKnown, [&](std::string_view name) { return HasAt(content, type, name); });
}

// `end` is set where the last chunk ends, if that is told.
bool IsRiffCut(Bytes content, std::size_t& end) {
  std::size_t at = 0;
  // OpenDML files are several RIFF chunks in a row. Size 0 was left by a writer that never finished its
  // header.
  while (HasAt(content, at, "RIFF") && content.size() - at >= 12) {
    const std::uint64_t size = Little32(content, at + 4);
    if (size == 0 || size == 0xFFFFFFFF) return false;
    if (size > content.size() - at - 8) return true;
    at += static_cast<std::size_t>(8 + size + (size & 1));
    // What follows is one of its own unless it goes on with the same video.
    if (at >= content.size()) break;
    if (!HasAt(content, at + 8, "AVIX")) break;
  }
  end = std::min(at, content.size());
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

bool IsMatroskaCut(Bytes content, std::size_t& end) {
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
  if (unknown) return false;
  if (size > content.size() - at) return true;
  end = at + static_cast<std::size_t>(size);
  return false;
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
bool IsOggCut(Bytes content, std::size_t& end) {
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
  end = at;
  return at != content.size();
}

// Chunks up to the last one (PNG specification, 5).
std::size_t FindPngEnd(Bytes content) {
  std::size_t at = 8;
  while (at <= content.size() && content.size() - at >= 12) {
    const std::uint64_t size = Big(content, at, 4);
    if (size > content.size() - at - 12) return 0;
    const bool last = HasAt(content, at + 4, "IEND");
    at += 12 + static_cast<std::size_t>(size);
    if (last) return at;
  }
  return 0;
}

// Only without compression is it known how long it is.
std::size_t FindBmpEnd(Bytes content) {
  if (content.size() < 34 || Little32(content, 14) < 40) return 0;
  if (const std::uint64_t compression = Little32(content, 30); compression != 0 && compression != 3) return 0;
  const std::uint64_t width = Little32(content, 18);
  const auto rows = static_cast<std::int32_t>(Little32(content, 22));
  const std::uint64_t bits = content[28] | content[29] << 8;
  const std::uint64_t stride = (width * bits + 31) / 32 * 4;
  const auto height = static_cast<std::uint64_t>(std::abs(std::int64_t{rows}));
  if (height == 0 || stride > content.size() / height) return 0;
  const std::uint64_t end = Little32(content, 10) + stride * height;
  // Profiles may stand behind the pixels: the file's own word counts if it says more.
  return static_cast<std::size_t>(
      std::min<std::uint64_t>(std::max(end, Little32(content, 2)), content.size()));
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
  std::size_t end = 0;
  switch (format) {
    case FileFormat::kMp4:
    case FileFormat::kHeic:
    case FileFormat::kAvif:
      cut = WalkBoxes(content, [](std::size_t, Bytes) {}).cut;
      break;
    case FileFormat::kAvi:
    case FileFormat::kWebp:
      cut = IsRiffCut(content, end);
      break;
    case FileFormat::kMatroska:
      cut = IsMatroskaCut(content, end);
      break;
    case FileFormat::kFlv:
      cut = IsFlvCut(content);
      break;
    case FileFormat::kOgg:
      cut = IsOggCut(content, end);
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
  WalkBoxes(content, [&](std::size_t type, Bytes payload) {
    boxes.moov = boxes.moov || HasAt(content, type, "moov");
    if (!HasAt(content, type, "meta")) return;
    boxes.meta = true;
    // Its first box tells what it is about: version and flags, then size, "hdlr", twice four bytes, the kind.
    boxes.pictures = boxes.pictures || (HasAt(payload, 8, "hdlr") && HasAt(payload, 20, "pict"));
  });
  return boxes;
}

bool HasEncryptedVideo(Bytes content) {
  constexpr std::array kPath = {"moov"sv, "trak"sv, "mdia"sv, "minf"sv, "stbl"sv, "stsd"sv};
  bool found = false;
  const auto descend = [&](Bytes boxes, std::size_t depth, const auto& self) -> void {
    WalkBoxes(boxes, [&](std::size_t type, Bytes payload) {
      if (depth == kPath.size()) {
        found = found || HasAt(boxes, type, "encv");
      } else if (HasAt(boxes, type, kPath[depth])) {
        // Before the kinds of samples: version, flags and their number.
        if (kPath[depth] == "stsd"sv) payload = payload.subspan(std::min<std::size_t>(payload.size(), 8));
        self(payload, depth + 1, self);
      }
    });
  };
  descend(content, 0, descend);
  return found;
}

std::size_t FindEnd(FileFormat format, Bytes content) {
  std::size_t end = 0;
  bool cut = false;
  switch (format) {
    case FileFormat::kJpeg:
      end = OutlineJpeg(content, UINT32_MAX - 1).end;
      break;
    case FileFormat::kPng:
      end = FindPngEnd(content);
      break;
    case FileFormat::kGif:
      end = FindGifEnd(content);
      break;
    case FileFormat::kBmp:
      end = FindBmpEnd(content);
      break;
    case FileFormat::kMp4:
    case FileFormat::kHeic:
    case FileFormat::kAvif:
      end = WalkBoxes(content, [](std::size_t, Bytes) {}).end;
      break;
    case FileFormat::kAvi:
    case FileFormat::kWebp:
    case FileFormat::kWav:
      cut = IsRiffCut(content, end);
      break;
    case FileFormat::kMatroska:
      cut = IsMatroskaCut(content, end);
      break;
    case FileFormat::kOgg:
      (void)IsOggCut(content, end);
      break;
    default:
      break;
  }
  return end == 0 || cut ? content.size() : end;
}

std::vector<Bytes> FindForeignBoxes(FileFormat format, Bytes content) {
  std::vector<Bytes> boxes;
  if (format != FileFormat::kMp4 && format != FileFormat::kHeic && format != FileFormat::kAvif) return boxes;
  WalkBoxes(content, [&](std::size_t type, Bytes payload) {
    if (!IsKnownBox(content, type) && boxes.size() < kMaxForeignBoxes) boxes.push_back(payload);
  });
  return boxes;
}

}  // namespace tamiz::decoder
