#include "decoder/png_guard.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "decoder/orientation.h"

extern "C" {
#include <libavutil/crc.h>
}

namespace tamiz::decoder {
namespace {

constexpr std::size_t kSignature = 8;
constexpr std::size_t kOverhead = 12;  // length, type, checksum

std::uint32_t Big32(std::span<const std::uint8_t> bytes, std::size_t at) {
  return std::uint32_t{bytes[at]} << 24 | std::uint32_t{bytes[at + 1]} << 16 |
         std::uint32_t{bytes[at + 2]} << 8 | bytes[at + 3];
}

void AppendBig32(std::vector<std::uint8_t>& out, std::uint32_t value) {
  for (int shift = 24; shift >= 0; shift -= 8) out.push_back(static_cast<std::uint8_t>(value >> shift));
}

std::uint32_t Checksum(std::span<const std::uint8_t> bytes) {
  return ~av_crc(av_crc_get_table(AV_CRC_32_IEEE_LE), 0xFFFFFFFFU, bytes.data(), bytes.size());
}

// Sorted by how often they come.
constexpr std::array<std::string_view, 8> kKept = {"IDAT", "fdAT", "fcTL", "IHDR",
                                                   "PLTE", "tRNS", "IEND", "acTL"};

void NoteFrameControl(std::span<const std::uint8_t> body, bool before_still, PngOutline& outline) {
  if (body.size() < 26) return;
  if (outline.animation_frames == 0) outline.still_is_extra = !before_still;
  ++outline.animation_frames;
  const std::int64_t numerator = body[20] << 8 | body[21];
  const std::int64_t denominator = body[22] << 8 | body[23];
  outline.animation_time +=
      std::chrono::microseconds(numerator * 1'000'000 / (denominator == 0 ? 100 : denominator));
}

}  // namespace

PngOutline OutlinePng(std::span<const std::uint8_t> content) {
  PngOutline outline;
  outline.damaged = true;
  if (content.size() < kSignature) return outline;
  outline.data.reserve(content.size() + kOverhead + kPaddingBytes);
  outline.data.assign(content.begin(), content.begin() + kSignature);
  bool ended = false;
  bool bad_checksum = false;
  bool seen_still = false;
  std::size_t at = kSignature;
  while (!ended && content.size() - at >= 8) {
    const std::size_t stated = Big32(content, at);
    const std::string_view type(reinterpret_cast<const char*>(content.data() + at + 4), 4);
    const std::size_t present = content.size() - at - 8;
    const bool whole = stated + 4 <= present;
    const auto body = content.subspan(at + 8, std::min(stated, present));
    if (std::find(kKept.begin(), kKept.end(), type) != kKept.end()) {
      const auto covered = content.subspan(at + 4, 4 + body.size());
      AppendBig32(outline.data, static_cast<std::uint32_t>(body.size()));
      outline.data.insert(outline.data.end(), covered.begin(), covered.end());
      const std::uint32_t checksum = Checksum(covered);
      AppendBig32(outline.data, checksum);
      if (whole && checksum != Big32(content, at + 8 + stated)) bad_checksum = true;
      if (type == "IHDR" && !outline.has_header && body.size() >= 13) {
        outline.has_header = true;
        outline.width = Big32(body, 0);
        outline.height = Big32(body, 4);
      } else if (type == "IDAT") {
        seen_still = true;
      } else if (type == "fcTL") {
        NoteFrameControl(body, !seen_still, outline);
      } else if (type == "IEND") {
        ended = true;
      }
    } else if (type == "eXIf" && outline.orientation == 0) {
      outline.orientation = ReadExifOrientation(body);
    }
    if (!whole) break;
    at += kOverhead + stated;
  }
  if (!ended) {
    constexpr std::array<std::uint8_t, 12> kEnd = {0, 0, 0, 0, 'I', 'E', 'N', 'D', 0xAE, 0x42, 0x60, 0x82};
    outline.data.insert(outline.data.end(), kEnd.begin(), kEnd.end());
  }
  outline.damaged = bad_checksum || !ended;
  outline.bytes = outline.data.size();
  outline.data.resize(outline.bytes + kPaddingBytes);
  return outline;
}

}  // namespace tamiz::decoder
