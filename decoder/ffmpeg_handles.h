// Owners of FFmpeg's objects and reading from memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

extern "C" {
#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libavutil/dict.h>
#include <libavutil/frame.h>
#include <libavutil/pixdesc.h>
#include <libswscale/swscale.h>
}

namespace tamiz::decoder {

// Deleter by a free function that takes a pointer to the pointer.
template <auto Free>
struct AvFree {
  template <typename T>
  void operator()(T* object) const {
    Free(&object);
  }
};
struct SwsFree {
  void operator()(SwsContext* context) const { sws_freeContext(context); }
};
struct DictFree {
  void operator()(AVDictionary* dict) const { av_dict_free(&dict); }
};

using PacketPtr = std::unique_ptr<AVPacket, AvFree<av_packet_free>>;
using FramePtr = std::unique_ptr<AVFrame, AvFree<av_frame_free>>;
using CodecContextPtr = std::unique_ptr<AVCodecContext, AvFree<avcodec_free_context>>;
using FormatContextPtr = std::unique_ptr<AVFormatContext, AvFree<avformat_close_input>>;
using SwsPtr = std::unique_ptr<SwsContext, SwsFree>;

// The bytes of an upload as FFmpeg's input. Nothing else can be opened through it.
class MemoryInput {
 public:
  // `content` outlives this.
  explicit MemoryInput(std::span<const std::uint8_t> content);
  ~MemoryInput();
  MemoryInput(const MemoryInput&) = delete;
  MemoryInput& operator=(const MemoryInput&) = delete;

  // Null if there was no memory.
  [[nodiscard]] AVIOContext* io() const { return io_; }

 private:
  static int Read(void* self, std::uint8_t* out, int size);
  static std::int64_t Seek(void* self, std::int64_t offset, int whence);

  std::span<const std::uint8_t> content_;
  std::size_t position_ = 0;
  AVIOContext* io_ = nullptr;
};

}  // namespace tamiz::decoder
