#include "decoder/webp.h"

#include <algorithm>
#include <memory>
#include <vector>

#include <fmt/format.h>
#include <webp/decode.h>
#include <webp/demux.h>

#include "decoder/container_check.h"
#include "decoder/luma_convert.h"
#include "decoder/orientation.h"
#include "decoder/sampler.h"
#include "decoder/video.h"

namespace tamiz::decoder {
namespace {

using media::FrameVariant;
using media::IncompleteCode;
using std::chrono::microseconds;
using Bytes = std::span<const std::uint8_t>;

struct DemuxFree {
  void operator()(WebPDemuxer* demuxer) const { WebPDemuxDelete(demuxer); }
};
struct AnimationFree {
  void operator()(WebPAnimDecoder* decoder) const { WebPAnimDecoderDelete(decoder); }
};
struct IncrementalFree {
  void operator()(WebPIDecoder* decoder) const { WebPIDelete(decoder); }
};
struct BufferFree {
  void operator()(WebPDecBuffer* buffer) const { WebPFreeDecBuffer(buffer); }
};
using DemuxPtr = std::unique_ptr<WebPDemuxer, DemuxFree>;

// Rows of interleaved RGBA.
struct RgbaView {
  const std::uint8_t* data;
  std::size_t stride;
  std::uint32_t width;
  std::uint32_t height;

  [[nodiscard]] bool IsTransparent() const {
    for (std::uint32_t y = 0; y < height; ++y) {
      std::uint8_t all = 255;
      for (std::uint32_t x = 0; x < width; ++x) all &= data[stride * y + std::size_t{4} * x + 3];
      if (all != 255) return true;
    }
    return false;
  }

  void Write(std::uint8_t* out, std::size_t out_stride, bool over_white) const {
    std::vector<std::uint8_t> alpha(over_white ? width : 0);
    for (std::uint32_t y = 0; y < height; ++y, out += out_stride) {
      const std::uint8_t* row = data + stride * y;
      RgbRow(row, row + 1, row + 2, 4, out, width);
      if (!over_white) continue;
      for (std::uint32_t x = 0; x < width; ++x) alpha[x] = row[std::size_t{4} * x + 3];
      OverWhiteRow(out, alpha.data(), width);
    }
  }
};

// The file up to its last whole chunk, as a whole file.
std::vector<std::uint8_t> ClosedAfterLastChunk(Bytes content) {
  std::size_t at = 12;
  while (content.size() - at >= 8) {
    const std::size_t size = std::size_t{content[at + 4]} | std::size_t{content[at + 5]} << 8 |
                             std::size_t{content[at + 6]} << 16 | std::size_t{content[at + 7]} << 24;
    const std::size_t padded = size + (size & 1);
    if (padded > content.size() - at - 8) break;
    at += 8 + padded;
  }
  std::vector<std::uint8_t> closed(content.begin(), content.begin() + static_cast<std::ptrdiff_t>(at));
  const auto riff = static_cast<std::uint32_t>(at - 8);
  for (int i = 0; i < 4; ++i)
    closed[static_cast<std::size_t>(4 + i)] = static_cast<std::uint8_t>(riff >> (8 * i));
  return closed;
}

int Orientation(Bytes content) {
  const WebPData data = {content.data(), content.size()};
  WebPDemuxState state;
  const DemuxPtr demuxer(WebPDemuxPartial(&data, &state));
  if (demuxer == nullptr) return 0;
  WebPChunkIterator chunk;
  int orientation = 0;
  if (WebPDemuxGetChunk(demuxer.get(), "EXIF", 1, &chunk) != 0) {
    orientation = ReadExifOrientation({chunk.chunk.bytes, chunk.chunk.size});
    WebPDemuxReleaseChunkIterator(&chunk);
  }
  return orientation;
}

void DecodeStill(Output& output, const WebPBitstreamFeatures& features, int orientation) {
  const Bytes content = output.job().content;
  WebPDecoderConfig config;
  if (WebPInitDecoderConfig(&config) == 0) return;
  // Lossy pictures without transparency give their luma plane; format 1 is lossy.
  const bool planar = features.format == 1 && features.has_alpha == 0;
  config.output.colorspace = planar ? MODE_YUV : MODE_RGBA;
  const std::unique_ptr<WebPDecBuffer, BufferFree> buffer(&config.output);
  const std::unique_ptr<WebPIDecoder, IncrementalFree> decoder(WebPIDecode(nullptr, 0, &config));
  if (decoder == nullptr) {
    output.Incomplete(IncompleteCode::kMemoryLimit, "no memory for a WebP decoder");
    return;
  }
  const VP8StatusCode status = WebPIUpdate(decoder.get(), content.data(), content.size());
  Picture picture;
  picture.width = static_cast<std::uint32_t>(features.width);
  picture.height = static_cast<std::uint32_t>(features.height);
  picture.orientation = std::max(orientation, 1);
  int rows = 0;
  int width = 0;
  int height = 0;
  int stride = 0;
  const std::uint8_t* data = nullptr;
  if (planar) {
    std::uint8_t* u = nullptr;
    std::uint8_t* v = nullptr;
    int uv_stride = 0;
    data = WebPIDecGetYUV(decoder.get(), &rows, &u, &v, &width, &height, &stride, &uv_stride);
  } else {
    data = WebPIDecGetRGB(decoder.get(), &rows, &width, &height, &stride);
  }
  if (data == nullptr || rows <= 0) {
    output.Incomplete(
        status == VP8_STATUS_OUT_OF_MEMORY ? IncompleteCode::kMemoryLimit : IncompleteCode::kDecodeFailed,
        fmt::format("libwebp gave no picture (code {})", static_cast<int>(status)));
    return;
  }
  const RgbaView view = {data, static_cast<std::size_t>(stride), picture.width,
                         static_cast<std::uint32_t>(rows)};
  picture.has_transparency = !planar && view.IsTransparent();
  output.Deliver(picture, [&](std::uint8_t* out, std::size_t out_stride, FrameVariant variant) {
    if (planar) {
      for (int y = 0; y < rows; ++y) {
        ExpandLimitedRow(data + std::ptrdiff_t{stride} * y, out + out_stride * static_cast<std::size_t>(y),
                         picture.width);
      }
    } else {
      view.Write(out, out_stride, picture.has_transparency && variant == FrameVariant::kAsShown);
    }
    for (std::uint32_t y = view.height; y < picture.height; ++y)
      std::fill_n(out + out_stride * y, picture.width, 128);
    return true;
  });
  if (status != VP8_STATUS_OK)
    output.Incomplete(IncompleteCode::kDecodeTruncated, "WebP data damaged or cut short");
}

// The library finds each frame by going through those before it: the work grows with the square.
constexpr std::size_t kMaxAnimationFrames = 10'000;

struct FrameTimes {
  std::vector<microseconds> shown;
  AnimationFacts facts;
  bool more = false;  // frames than are looked at
};

FrameTimes ReadTimes(WebPAnimDecoder& decoder) {
  FrameTimes times;
  const WebPDemuxer* demuxer = WebPAnimDecoderGetDemuxer(&decoder);
  WebPIterator frame;
  if (WebPDemuxGetFrame(demuxer, 1, &frame) == 0) return times;
  do {
    if (times.shown.size() == kMaxAnimationFrames) {
      times.more = true;
      break;
    }
    // Browsers show frames without a duration for a tenth of a second.
    times.shown.push_back(std::chrono::milliseconds(frame.duration > 10 ? frame.duration : 100));
    times.facts.duration += times.shown.back();
  } while (WebPDemuxNextFrame(&frame) != 0);
  WebPDemuxReleaseIterator(&frame);
  times.facts.frames = times.shown.size();
  return times;
}

void DecodeAnimated(Output& output, const WebPBitstreamFeatures& features) {
  WebPAnimDecoderOptions options;
  if (WebPAnimDecoderOptionsInit(&options) == 0) return;
  options.color_mode = MODE_RGBA;
  options.use_threads = 0;
  const Bytes content = output.job().content;
  WebPData data = {content.data(), content.size()};
  std::unique_ptr<WebPAnimDecoder, AnimationFree> decoder(WebPAnimDecoderNew(&data, &options));
  std::vector<std::uint8_t> closed;
  if (decoder == nullptr) {
    closed = ClosedAfterLastChunk(content);
    data = {closed.data(), closed.size()};
    decoder.reset(WebPAnimDecoderNew(&data, &options));
    output.Incomplete(IncompleteCode::kDecodeTruncated, "animated WebP damaged or cut short");
  }
  if (decoder == nullptr) {
    output.Incomplete(IncompleteCode::kDecodeFailed, "no whole frame in an animated WebP");
    return;
  }
  const FrameTimes times = ReadTimes(*decoder);
  if (times.more) {
    output.Incomplete(IncompleteCode::kFrameLimit,
                      fmt::format("more than {} frames in an animated WebP", kMaxAnimationFrames));
  }
  media::MediaInfo media;
  media.codec = "webp";
  media.width = static_cast<std::uint32_t>(features.width);
  media.height = static_cast<std::uint32_t>(features.height);
  media.duration = times.facts.duration;
  media.animated = true;
  output.Media(media);
  const microseconds interval = AnimationInterval(output.job().plan, times.facts);
  output.Planned(interval.count() == 0 ? times.facts.frames
                                       : static_cast<std::uint64_t>(times.facts.duration / interval) + 1);
  FrameSampler sampler(interval, (times.facts.frames + kLeastAnimationFrames - 1) / kLeastAnimationFrames);
  microseconds time{0};
  for (const microseconds shown : times.shown) {
    std::uint8_t* pixels = nullptr;
    int end_ms = 0;
    if (!output.CountPacket() || !output.CountDecoded(media.width, media.height)) return;
    if (WebPAnimDecoderGetNext(decoder.get(), &pixels, &end_ms) == 0) {
      output.Incomplete(IncompleteCode::kDecodeTruncated, "a frame of an animated WebP could not be decoded");
      return;
    }
    // How long it is shown is known beforehand, so nothing needs to be held.
    if (sampler.Next(time).take || shown >= interval) {
      const RgbaView view = {pixels, std::size_t{4} * media.width, media.width, media.height};
      Picture picture;
      picture.width = media.width;
      picture.height = media.height;
      picture.has_transparency = view.IsTransparent();
      picture.time = time;
      const bool more =
          output.Deliver(picture, [&](std::uint8_t* out, std::size_t stride, FrameVariant variant) {
            view.Write(out, stride, picture.has_transparency && variant == FrameVariant::kAsShown);
            return true;
          });
      if (!more) return;
    }
    output.Progress(time);
    time += shown;
  }
}

}  // namespace

void DecodeWebp(Output& output) {
  const Bytes content = output.job().content;
  WebPBitstreamFeatures features;
  if (const VP8StatusCode status = WebPGetFeatures(content.data(), content.size(), &features);
      status != VP8_STATUS_OK) {
    output.Incomplete(IncompleteCode::kDecodeFailed,
                      fmt::format("no WebP header (code {})", static_cast<int>(status)));
    return;
  }
  if (!output.AdmitSize(static_cast<std::uint64_t>(features.width),
                        static_cast<std::uint64_t>(features.height)))
    return;
  if (const auto cut = FindCut(media::FileFormat::kWebp, content); !cut.empty()) {
    output.Incomplete(IncompleteCode::kDecodeTruncated, cut);
  }
  if (features.has_animation != 0) {
    DecodeAnimated(output, features);
    return;
  }
  media::MediaInfo media;
  const int orientation = Orientation(content);
  media.codec = "webp";
  media.width = static_cast<std::uint32_t>(orientation >= 5 ? features.height : features.width);
  media.height = static_cast<std::uint32_t>(orientation >= 5 ? features.width : features.height);
  media.exif_orientation = static_cast<std::uint32_t>(orientation);
  output.Media(media);
  output.Planned(1);
  if (!output.CountDecoded(media.width, media.height)) return;
  DecodeStill(output, features, orientation);
}

}  // namespace tamiz::decoder
