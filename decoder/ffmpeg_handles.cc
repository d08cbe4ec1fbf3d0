#include "decoder/ffmpeg_handles.h"

#include <algorithm>
#include <cstdio>
#include <cstring>

extern "C" {
#include <libavutil/mem.h>
}

namespace tamiz::decoder {
namespace {
constexpr int kBufferBytes = 64 * 1024;
}

MemoryInput::MemoryInput(std::span<const std::uint8_t> content) : content_(content) {
  auto* buffer = static_cast<unsigned char*>(av_malloc(kBufferBytes));
  if (buffer == nullptr) return;
  io_ = avio_alloc_context(buffer, kBufferBytes, 0, this, &MemoryInput::Read, nullptr, &MemoryInput::Seek);
  if (io_ == nullptr) av_free(buffer);
}

MemoryInput::~MemoryInput() {
  if (io_ == nullptr) return;
  av_freep(&io_->buffer);  // FFmpeg may have replaced the one that we gave it
  avio_context_free(&io_);
}

int MemoryInput::Read(void* self, std::uint8_t* out, int size) {
  auto& input = *static_cast<MemoryInput*>(self);
  const std::size_t left = input.content_.size() - input.position_;
  const std::size_t count = std::min(left, static_cast<std::size_t>(std::max(size, 0)));
  if (count == 0) return AVERROR_EOF;
  std::memcpy(out, input.content_.data() + input.position_, count);
  input.position_ += count;
  return static_cast<int>(count);
}

std::int64_t MemoryInput::Seek(void* self, std::int64_t offset, int whence) {
  auto& input = *static_cast<MemoryInput*>(self);
  const auto size = static_cast<std::int64_t>(input.content_.size());
  std::int64_t base = 0;
  switch (whence & ~AVSEEK_FORCE) {
    case AVSEEK_SIZE:
      return size;
    case SEEK_SET:
      break;
    case SEEK_CUR:
      base = static_cast<std::int64_t>(input.position_);
      break;
    case SEEK_END:
      base = size;
      break;
    default:
      return AVERROR(EINVAL);
  }
  if (offset < -base || offset > INT64_MAX - base) return AVERROR(EINVAL);
  // Past the end there is nothing to read, as in a file.
  input.position_ = static_cast<std::size_t>(std::min(base + offset, size));
  return base + offset;
}

}  // namespace tamiz::decoder
