// One FFmpeg decoder behind the allow-list and the limits.
#pragma once

#include <atomic>
#include <string>

#include "decoder/ffmpeg_handles.h"
#include "decoder/output.h"

namespace tamiz::decoder {

// Names for avformat's `codec_whitelist`: the decoders that GuardedCodec uses, separated by commas.
[[nodiscard]] const char* AllowedDecoders();

// Not thread-safe. Errors are reported to the output given, each with a detail of our own words and numbers.
class GuardedCodec {
 public:
  // `output` outlives this.
  explicit GuardedCodec(Output& output) : output_(output) {}
  // FFmpeg keeps a pointer to this.
  GuardedCodec(const GuardedCodec&) = delete;
  GuardedCodec& operator=(const GuardedCodec&) = delete;

  // `parameters` may be null, `options` are the decoder's own and may be null. False, and reported, if there
  // is no allowed decoder or it does not open.
  [[nodiscard]] bool Open(AVCodecID id, const AVCodecParameters* parameters, const AVDictionary* options);

  // As avcodec_send_packet and avcodec_receive_frame.
  [[nodiscard]] int Send(const AVPacket* packet);
  [[nodiscard]] int Receive(AVFrame* frame);

  // Reports what an error of Send or Receive means.
  void ReportFailure(int error);

  // FFmpeg's constant name of the codec, for example "h264".
  [[nodiscard]] const char* name() const { return avcodec_get_name(id_); }
  // A frame so far was marked as damaged by the decoder.
  [[nodiscard]] bool damaged() const { return damaged_; }
  // A picture was refused for its size.
  [[nodiscard]] bool over_limit() const { return over_limit_; }
  [[nodiscard]] AVCodecContext* context() const { return context_.get(); }

 private:
  static int GetBuffer(AVCodecContext* context, AVFrame* frame, int flags);

  Output& output_;
  CodecContextPtr context_;
  AVCodecID id_ = AV_CODEC_ID_NONE;
  bool damaged_ = false;
  std::atomic<bool> over_limit_ = false;  // set by the decoder's threads
};

}  // namespace tamiz::decoder
