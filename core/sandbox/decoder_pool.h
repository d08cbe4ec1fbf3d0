// Confined decoder processes, one per upload.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/status.h"
#include "core/media/frame_source.h"

namespace tamiz::sandbox {

// Limits of one upload's decoding. Whatever the bytes, it costs at most these.
struct Config {
  // The tamiz-decoder program. Empty: beside the running program.
  std::string program;
  // Wall time one decoder may spend on one upload. Reached: killed, INCOMPLETE(DECODER_TIMEOUT) if it
  // delivered nothing since long, TIME_BUDGET if it was at work. Range 100 ms … 1 h.
  std::chrono::milliseconds wall_time = std::chrono::seconds(120);
  // Processor time, enforced by RLIMIT_CPU in whole seconds. DECODER_TIMEOUT. Range 1 s … 1 h.
  std::chrono::seconds cpu_time = std::chrono::seconds(120);
  // The same for still pictures, where seconds mean a bomb. Range 1 s … 1 h.
  std::chrono::seconds still_cpu_time = std::chrono::seconds(10);
  // Address space beyond what the decoder program needs at rest; MEMORY_LIMIT. Range 64 MiB … 64 GiB.
  std::uint64_t memory_bytes = 1ull << 30;
  // Pixels of one frame, and its width and height. PIXEL_LIMIT. Range 1 … 2^30; 1 … 65535.
  std::uint64_t max_frame_pixels = 100'000'000;
  std::uint32_t max_dimension = 32'768;
  // Pixels of all decoded frames, in all. PIXEL_LIMIT. Range 1 … 2^50.
  std::uint64_t max_total_pixels = 1ull << 40;
  // Packets read from a container. FRAME_LIMIT. Range 1 … 2^40.
  std::uint64_t max_packets = 20'000'000;
  // Most threads of a decoder for video, from 4 MiB on, shared by the uploads that run at a time. 0: as many
  // as there are processors. Range 0 … 64.
  std::uint32_t decoder_threads = 0;
  // Decoders forked and prepared ahead, so that no upload waits for a fork or for fresh memory. Range 0 … 64.
  std::uint32_t spare_decoders = 2;
  // Memory that a spare decoder touches before its upload comes. Each MiB costs every upload about 0.13 ms of
  // processor time, off its path; 2 MiB are enough for a JPEG of one megapixel, 8 MiB for other pictures of
  // that size (bench/sandbox). Range 0 … 1 GiB.
  std::uint64_t prepared_bytes = 8ull << 20;
  // Frames that a decoder may be ahead of hashing. Range 1 … 16.
  std::uint32_t frame_slots = 3;
  // Layers of confinement without which nothing starts (layers.h has the names). Those of the default are had
  // on every machine that can run Tamiz, "seccomp", "no_new_privs" and "rlimits" are needed in any case; add
  // "landlock" and the namespaces where the machine has them, so that their loss is noticed.
  std::vector<std::string> required_layers = {"seccomp", "no_new_privs", "rlimits", "not_dumpable",
                                              "no_capabilities"};
};

// INVALID_ARGUMENT names the key, its value and the range.
[[nodiscard]] Status Validate(const Config& config);

// How decoders ended, for metrics.
enum class ExitReason {
  kFinished,
  kCrashed,  // by signal, or broke the protocol
  kKilledBySeccomp,
  kTimeout,  // wall or processor time
  kMemoryLimit,
  kCancelled,  // nobody wants the answer any more
};
[[nodiscard]] std::string_view ToString(ExitReason reason);  // "finished", "crashed", "seccomp", …

// Starts the zygote (the decoder program, warmed up, which forks a decoder per upload) and keeps spare
// decoders ready. Thread-safe.
class DecoderPool final : public media::FrameSource {
 public:
  // UNAVAILABLE if the program cannot be started or no confinement can be had; the message says which.
  [[nodiscard]] static StatusOr<std::unique_ptr<DecoderPool>> Start(const Config& config);
  ~DecoderPool() override;

  [[nodiscard]] StatusOr<media::SampleOutcome> Sample(const media::SampleRequest& request,
                                                      const CallContext& context,
                                                      const FrameSink& sink) override;

  // Layers of confinement in force, for example "seccomp", "landlock", "rlimits", "no_new_privs".
  [[nodiscard]] std::vector<std::string> layers() const;
  // Called once for each decoder's end, from the thread that ran Sample. Set before the first Sample.
  void OnExit(std::function<void(ExitReason)> listener);
  // Kills what runs; Sample answers UNAVAILABLE from then on.
  void Stop();

 private:
  struct State;
  explicit DecoderPool(std::shared_ptr<State> state);
  std::shared_ptr<State> state_;
};

}  // namespace tamiz::sandbox
