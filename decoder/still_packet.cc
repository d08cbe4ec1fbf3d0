#include "decoder/still_packet.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <optional>

#include <fmt/format.h>

#include "decoder/ffmpeg_handles.h"
#include "decoder/frame_luma.h"
#include "decoder/guarded_codec.h"
#include "decoder/png_guard.h"
#include "decoder/tiff_guard.h"
#include "decoder/video.h"

namespace tamiz::decoder {
namespace {

using media::FrameVariant;
using media::IncompleteCode;

struct StillOptions {
  AVCodecID codec = AV_CODEC_ID_NONE;
  int orientation = 0;          // EXIF, 0 if none was stated
  std::uint32_t tiff_page = 0;  // from 1; 0 for the codec's own choice
  bool announce = true;         // report the media
};

// Gives `content`, which must be followed by kPaddingBytes readable bytes, to the codec as one packet and
// delivers the frame that comes out. False if none did.
bool DecodeWhole(Output& output, std::span<const std::uint8_t> content, const StillOptions& options) {
  GuardedCodec codec(output);
  AVDictionary* raw = nullptr;
  if (options.tiff_page != 0) av_dict_set_int(&raw, "page", options.tiff_page, 0);
  const std::unique_ptr<AVDictionary, DictFree> dict(raw);
  if (!codec.Open(options.codec, nullptr, dict.get())) return false;
  const PacketPtr packet(av_packet_alloc());
  const FramePtr frame(av_frame_alloc());
  if (packet == nullptr || frame == nullptr || content.size() > INT32_MAX) return false;
  // The packet borrows the bytes; decoders of stills only read them.
  packet->data = const_cast<std::uint8_t*>(content.data());
  packet->size = static_cast<int>(content.size());
  packet->flags = AV_PKT_FLAG_KEY;
  int result = codec.Send(packet.get());
  if (result >= 0) {
    (void)codec.Send(nullptr);
    result = codec.Receive(frame.get());
  }
  packet->data = nullptr;
  packet->size = 0;
  if (result < 0) {
    codec.ReportFailure(result);
    return false;
  }
  const auto width = static_cast<std::uint32_t>(frame->width);
  const auto height = static_cast<std::uint32_t>(frame->height);
  if (options.announce) {
    media::MediaInfo media;
    media.codec = codec.name();
    media.width = options.orientation >= 5 ? height : width;
    media.height = options.orientation >= 5 ? width : height;
    media.exif_orientation = static_cast<std::uint32_t>(options.orientation);
    output.Media(media);
  }
  if (!output.AdmitSize(width, height) || !output.CountDecoded(width, height)) return false;
  FrameLuma luma;
  if (!luma.Open(*frame)) {
    output.Incomplete(IncompleteCode::kDecodeFailed, "pixel format that cannot be converted");
    return false;
  }
  Picture picture;
  picture.width = width;
  picture.height = height;
  picture.orientation = std::max(options.orientation, 1);
  picture.has_transparency = luma.has_transparency();
  output.Deliver(picture, [&](std::uint8_t* out, std::size_t stride, FrameVariant variant) {
    luma.Write(out, stride, variant);
    return true;
  });
  if (codec.damaged())
    output.Incomplete(IncompleteCode::kDecodeTruncated, "picture data damaged or cut short");
  return true;
}

std::vector<std::uint8_t> Padded(std::span<const std::uint8_t> content) {
  std::vector<std::uint8_t> padded(content.size() + kPaddingBytes);
  std::copy(content.begin(), content.end(), padded.begin());
  return padded;
}

std::uint32_t Little32(std::span<const std::uint8_t> bytes, std::size_t at) {
  return std::uint32_t{bytes[at + 3]} << 24 | std::uint32_t{bytes[at + 2]} << 16 |
         std::uint32_t{bytes[at + 1]} << 8 | bytes[at];
}

}  // namespace

void DecodePng(Output& output) {
  const PngOutline outline = OutlinePng(output.job().content);
  if (!outline.has_header) {
    output.Incomplete(IncompleteCode::kDecodeFailed, "no PNG header");
    return;
  }
  if (!output.AdmitSize(outline.width, outline.height)) return;
  const std::span<const std::uint8_t> kept(outline.data.data(), outline.bytes);
  const bool animated = outline.animation_frames > 0;
  if (outline.damaged) {
    output.Incomplete(IncompleteCode::kDecodeTruncated, "PNG cut short or a checksum is wrong");
  }
  if (animated) {
    AnimationFacts facts;
    facts.frames = outline.animation_frames;
    facts.duration = outline.animation_time;
    DecodeAnimation(output, kept, facts);
    if (output.stopped()) return;
  }
  // A still that is no frame of the animation is what viewers without APNG show.
  if (!animated || outline.still_is_extra || output.frames() == 0) {
    output.Planned(output.frames() + 1);
    StillOptions options;
    options.codec = AV_CODEC_ID_PNG;
    options.orientation = outline.orientation;
    options.announce = !animated;
    (void)DecodeWhole(output, kept, options);
  }
}

void DecodeBmp(Output& output) {
  const auto content = output.job().content;
  if (content.size() < 30) {
    output.Incomplete(IncompleteCode::kDecodeFailed, "no BMP header");
    return;
  }
  // The old header has 16-bit sizes.
  const bool old = Little32(content, 14) == 12;
  const auto width = old ? Little32(content, 18) & 0xFFFF : Little32(content, 18);
  const auto height = old ? Little32(content, 18) >> 16 : Little32(content, 22);
  const auto rows = static_cast<std::int32_t>(height);  // negative: rows from the top
  if (!output.AdmitSize(width, rows < 0 ? std::uint64_t{0} - static_cast<std::int64_t>(rows) : height))
    return;
  output.Planned(1);
  // Rows that are missing are grey; only without compression is it known how many there should be.
  std::size_t bytes = content.size();
  const std::uint32_t compression = old || content.size() < 34 ? 0 : Little32(content, 30);
  if (compression == 0 || compression == 3) {
    const std::uint64_t bits = old ? content[24] | content[25] << 8 : content[28] | content[29] << 8;
    const std::uint64_t stride = (std::uint64_t{width} * bits + 31) / 32 * 4;
    const std::uint64_t wanted =
        Little32(content, 10) + stride * static_cast<std::uint64_t>(std::abs(std::int64_t{rows}));
    if (wanted > bytes && wanted - bytes <= 8 * output.job().limits.max_frame_pixels) {
      output.Incomplete(IncompleteCode::kDecodeTruncated, "BMP cut short");
      bytes = static_cast<std::size_t>(wanted);
    }
  }
  std::vector<std::uint8_t> padded(bytes + kPaddingBytes, 128);
  std::copy(content.begin(), content.end(), padded.begin());
  StillOptions options;
  options.codec = AV_CODEC_ID_BMP;
  (void)DecodeWhole(output, {padded.data(), bytes}, options);
}

void DecodeTiff(Output& output) {
  const auto content = output.job().content;
  const TiffOutline outline = OutlineTiff(content, kMaxTiffPages);
  if (outline.cut_short)
    output.Incomplete(IncompleteCode::kDecodeTruncated, "TIFF data past the end of the file");
  if (outline.pages.empty()) {
    output.Incomplete(IncompleteCode::kDecodeFailed, "no TIFF directory");
    return;
  }
  if (outline.more_pages) {
    output.Incomplete(IncompleteCode::kFrameLimit,
                      fmt::format("TIFF with more than {} pages", kMaxTiffPages));
  }
  if (outline.cut_short)
    output.Incomplete(IncompleteCode::kDecodeTruncated, "TIFF strips past the end of the file");
  output.Planned(outline.pages.size());
  auto padded = Padded(content);
  for (std::size_t i = 0; i < outline.pages.size() && !output.stopped(); ++i) {
    const TiffPage& page = outline.pages[i];
    if (!output.AdmitSize(page.width, page.height)) continue;
    StillOptions options;
    options.codec = AV_CODEC_ID_TIFF;
    options.orientation = page.orientation;
    // Each page is made the first: asked for a later one, the codec walks the whole chain, however long.
    for (int byte = 0; byte < 4; ++byte) {
      padded[static_cast<std::size_t>(4 + byte)] =
          static_cast<std::uint8_t>(page.directory >> 8 * (outline.big_endian ? 3 - byte : byte));
    }
    options.tiff_page = 1;
    options.announce = output.frames() == 0;
    (void)DecodeWhole(output, {padded.data(), content.size()}, options);
  }
}

void DecodeUnusualJpeg(Output& output, int orientation) {
  const auto padded = Padded(output.job().content);
  StillOptions options;
  options.codec = AV_CODEC_ID_MJPEG;
  options.orientation = orientation;
  options.announce = false;
  (void)DecodeWhole(output, {padded.data(), output.job().content.size()}, options);
}

}  // namespace tamiz::decoder
