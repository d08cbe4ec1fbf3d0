#include "decoder/guarded_codec.h"

#include <algorithm>
#include <array>
#include <memory>

#include <fmt/format.h>

namespace tamiz::decoder {
namespace {

using media::IncompleteCode;

struct AllowedCodec {
  AVCodecID id;
  const char* decoder;
};

// Decoders in wide use and fuzzed upstream. FFmpeg's own where there is one.
constexpr std::array kAllowed = {
    AllowedCodec{AV_CODEC_ID_H264, "h264"},
    AllowedCodec{AV_CODEC_ID_HEVC, "hevc"},
    AllowedCodec{AV_CODEC_ID_VP8, "vp8"},
    AllowedCodec{AV_CODEC_ID_VP9, "vp9"},
    AllowedCodec{AV_CODEC_ID_AV1, "libdav1d"},
    AllowedCodec{AV_CODEC_ID_MPEG1VIDEO, "mpeg1video"},
    AllowedCodec{AV_CODEC_ID_MPEG2VIDEO, "mpeg2video"},
    AllowedCodec{AV_CODEC_ID_MPEG4, "mpeg4"},
    AllowedCodec{AV_CODEC_ID_MSMPEG4V1, "msmpeg4v1"},
    AllowedCodec{AV_CODEC_ID_MSMPEG4V2, "msmpeg4v2"},
    AllowedCodec{AV_CODEC_ID_MSMPEG4V3, "msmpeg4"},
    AllowedCodec{AV_CODEC_ID_WMV1, "wmv1"},
    AllowedCodec{AV_CODEC_ID_WMV2, "wmv2"},
    AllowedCodec{AV_CODEC_ID_WMV3, "wmv3"},
    AllowedCodec{AV_CODEC_ID_VC1, "vc1"},
    AllowedCodec{AV_CODEC_ID_H263, "h263"},
    AllowedCodec{AV_CODEC_ID_FLV1, "flv"},
    AllowedCodec{AV_CODEC_ID_VP6, "vp6"},
    AllowedCodec{AV_CODEC_ID_VP6F, "vp6f"},
    AllowedCodec{AV_CODEC_ID_THEORA, "theora"},
    AllowedCodec{AV_CODEC_ID_PRORES, "prores"},
    AllowedCodec{AV_CODEC_ID_DNXHD, "dnxhd"},
    AllowedCodec{AV_CODEC_ID_DVVIDEO, "dvvideo"},
    AllowedCodec{AV_CODEC_ID_MJPEG, "mjpeg"},
    AllowedCodec{AV_CODEC_ID_FFV1, "ffv1"},
    AllowedCodec{AV_CODEC_ID_HUFFYUV, "huffyuv"},
    AllowedCodec{AV_CODEC_ID_FFVHUFF, "ffvhuff"},
    AllowedCodec{AV_CODEC_ID_UTVIDEO, "utvideo"},
    AllowedCodec{AV_CODEC_ID_RAWVIDEO, "rawvideo"},
    AllowedCodec{AV_CODEC_ID_PNG, "png"},
    AllowedCodec{AV_CODEC_ID_APNG, "apng"},
    AllowedCodec{AV_CODEC_ID_GIF, "gif"},
    AllowedCodec{AV_CODEC_ID_BMP, "bmp"},
    AllowedCodec{AV_CODEC_ID_TIFF, "tiff"},
    AllowedCodec{AV_CODEC_ID_WEBP, "webp"},
};

const AVCodec* FindAllowed(AVCodecID id) {
  const auto it = std::find_if(kAllowed.begin(), kAllowed.end(), [&](const auto& a) { return a.id == id; });
  return it == kAllowed.end() ? nullptr : avcodec_find_decoder_by_name(it->decoder);
}

}  // namespace

const char* AllowedDecoders() {
  static const std::string names = [] {
    std::string list;
    for (const AllowedCodec& codec : kAllowed) list += (list.empty() ? "" : ",") + std::string(codec.decoder);
    return list;
  }();
  return names.c_str();
}

bool GuardedCodec::Open(AVCodecID id, const AVCodecParameters* parameters, const AVDictionary* options) {
  id_ = id;
  const AVCodec* codec = FindAllowed(id);
  if (codec == nullptr) {
    output_.Incomplete(IncompleteCode::kDecodeFailed, fmt::format("no decoder for codec {}", name()));
    return false;
  }
  context_.reset(avcodec_alloc_context3(codec));
  if (context_ == nullptr ||
      (parameters != nullptr && avcodec_parameters_to_context(context_.get(), parameters) < 0)) {
    output_.Incomplete(IncompleteCode::kMemoryLimit, "no memory for a decoder");
    return false;
  }
  const DecodeLimits& limits = output_.job().limits;
  context_->opaque = this;
  context_->get_buffer2 = &GuardedCodec::GetBuffer;
  // Coded sizes are rounded up to blocks; GetBuffer looks at the exact one.
  context_->max_pixels = static_cast<std::int64_t>(
      std::min<std::uint64_t>(limits.max_frame_pixels + limits.max_frame_pixels / 8 + 65536, INT32_MAX));
  context_->thread_count = static_cast<int>(std::clamp<std::uint32_t>(limits.threads, 1, 16));
  context_->thread_type = limits.threads > 1 ? FF_THREAD_FRAME | FF_THREAD_SLICE : 0;
  AVDictionary* raw = nullptr;
  if (options != nullptr) av_dict_copy(&raw, options, 0);
  const int result = avcodec_open2(context_.get(), codec, &raw);
  const std::unique_ptr<AVDictionary, DictFree> unused(raw);
  if (result < 0) {
    ReportFailure(result);
    return false;
  }
  return true;
}

int GuardedCodec::GetBuffer(AVCodecContext* context, AVFrame* frame, int flags) {
  auto& self = *static_cast<GuardedCodec*>(context->opaque);
  const DecodeLimits& limits = self.output_.job().limits;
  const auto width = static_cast<std::uint64_t>(context->width > 0 ? context->width : frame->width);
  const auto height = static_cast<std::uint64_t>(context->height > 0 ? context->height : frame->height);
  if (width > limits.max_dimension || height > limits.max_dimension ||
      width * height > limits.max_frame_pixels) {
    self.over_limit_ = true;
    return AVERROR(EINVAL);
  }
  return avcodec_default_get_buffer2(context, frame, flags);
}

int GuardedCodec::Send(const AVPacket* packet) { return avcodec_send_packet(context_.get(), packet); }

int GuardedCodec::Receive(AVFrame* frame) {
  const int result = avcodec_receive_frame(context_.get(), frame);
  if (result >= 0 && (frame->decode_error_flags != 0 || (frame->flags & AV_FRAME_FLAG_CORRUPT) != 0))
    damaged_ = true;
  return result;
}

void GuardedCodec::ReportFailure(int error) {
  const DecodeLimits& limits = output_.job().limits;
  if (over_limit_) {
    output_.Incomplete(IncompleteCode::kPixelLimit,
                       fmt::format("{} picture over {} pixels or {} a side", name(), limits.max_frame_pixels,
                                   limits.max_dimension));
  } else if (error == AVERROR(ENOMEM)) {
    output_.Incomplete(IncompleteCode::kMemoryLimit, fmt::format("no memory for a {} picture", name()));
  } else {
    output_.Incomplete(IncompleteCode::kDecodeFailed,
                       fmt::format("{} decoder failed (code {})", name(), error));
  }
}

}  // namespace tamiz::decoder
