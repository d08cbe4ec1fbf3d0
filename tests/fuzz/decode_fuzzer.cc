// The decoder's entry, in process and without sandbox. The first bytes choose nothing: the format is told by
// the signature, as for a real upload.
#include <cstdlib>
#include <vector>

#include "core/media/file_format.h"
#include "decoder/frame_sink.h"

namespace {

class CheckingSink final : public tamiz::decoder::FrameSink {
 public:
  explicit CheckingSink(const tamiz::decoder::DecodeLimits& limits) : limits_(limits) {}

  void Media(const tamiz::media::MediaInfo&) override {}
  void Planned(std::uint64_t) override {}
  tamiz::decoder::LumaSlot Begin(std::uint32_t width, std::uint32_t height) override {
    if (width == 0 || height == 0 || width > limits_.max_dimension || height > limits_.max_dimension ||
        std::uint64_t{width} * height > limits_.max_frame_pixels) {
      std::abort();
    }
    const std::size_t stride = (width + 63u) / 64 * 64;
    plane_.assign(stride * height, 0);
    begun_ = true;
    return {plane_.data(), width, height, stride};
  }
  void Send(std::uint32_t, std::chrono::microseconds, tamiz::media::FrameVariant) override {
    if (!begun_) std::abort();
    begun_ = false;
    ++frames_;
  }
  void Repeat(std::uint32_t, std::chrono::microseconds) override {
    if (frames_ == 0) std::abort();
  }
  void Progress(std::chrono::microseconds) override {}
  void Incomplete(tamiz::media::IncompleteCode, std::string_view) override { ++reasons_; }

  [[nodiscard]] bool LookedOrSaidWhy() const { return frames_ > 0 || reasons_ > 0; }

 private:
  const tamiz::decoder::DecodeLimits limits_;
  std::vector<std::uint8_t> plane_;
  bool begun_ = false;
  int frames_ = 0;
  int reasons_ = 0;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const bool warm = (tamiz::decoder::WarmUp(), true);
  (void)warm;
  tamiz::decoder::DecodeJob job;
  job.content = {data, size};
  job.format = tamiz::media::DetectFormat(job.content.first(std::min(size, tamiz::media::kSignatureBytes)));
  if (job.format == tamiz::media::FileFormat::kUnknown) return 0;
  job.plan.max_frames = 8;
  job.limits = {.max_frame_pixels = 1u << 20,
                .max_dimension = 4096,
                .max_total_pixels = 1u << 24,
                .max_packets = 1000,
                .threads = 1};
  CheckingSink sink(job.limits);
  tamiz::decoder::Decode(job, sink);
  if (!sink.LookedOrSaidWhy()) std::abort();  // "could not look" must never be silent
  return 0;
}
