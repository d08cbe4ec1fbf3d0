// Decoders ready for uploads: the supervisor thread, which owns the zygote, keeps spares and buries the dead.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "core/base/call_context.h"
#include "core/base/mutex.h"
#include "core/base/status.h"
#include "core/base/unique_fd.h"
#include "core/sandbox/decoder_pool.h"
#include "core/sandbox/zygote_process.h"

namespace tamiz::sandbox {

// Thread-safe.
class DecoderSupply {
 public:
  // Starts the zygote and proves with a first decoder that the confinement stands. UNAVAILABLE says what is
  // missing.
  [[nodiscard]] static StatusOr<std::unique_ptr<DecoderSupply>> Start(const Config& config);
  ~DecoderSupply();
  DecoderSupply(const DecoderSupply&) = delete;
  DecoderSupply& operator=(const DecoderSupply&) = delete;

  // A decoder that serves nobody yet: a spare, or one forked now. Its ready message has not been read.
  // CANCELLED, DEADLINE_EXCEEDED by the context; UNAVAILABLE if none could be had.
  [[nodiscard]] StatusOr<Decoder> Take(const CallContext& context);
  // Kills the decoder and has it reaped; does not wait.
  void Bury(Decoder decoder);
  // Take fails from now on. Idempotent.
  void Stop();

  // Bits of Layer that the first decoder reported.
  [[nodiscard]] std::uint32_t layers() const { return layers_; }
  // Those that every decoder must report.
  [[nodiscard]] std::uint32_t required_layers() const { return required_layers_; }
  // Address space of a decoder at rest, its slots included.
  [[nodiscard]] std::uint64_t address_space_bytes() const { return address_space_bytes_; }

 private:
  explicit DecoderSupply(const Config& config);
  void Run();
  Status StartZygote();
  Status ProveConfinement();
  [[nodiscard]] SlotGeometry Geometry(bool prepared) const;
  // Forks what is missing. False if the zygote failed.
  bool Replenish();
  void Sleep(std::chrono::milliseconds most);
  void Reap(std::vector<Decoder>& dead);
  void Wake();

  // Constant after Start.
  const Config config_;
  UniqueFd wake_;
  std::uint32_t layers_ = 0;
  const std::uint32_t required_layers_;
  std::uint64_t address_space_bytes_ = 0;

  // The supervisor thread's.
  std::unique_ptr<ZygoteProcess> zygote_;
  std::vector<Decoder> dying_;

  mutable Mutex mutex_;
  CondVar changed_;
  bool started_ TAMIZ_GUARDED_BY(mutex_) = false;
  bool stopping_ TAMIZ_GUARDED_BY(mutex_) = false;
  Status start_status_ TAMIZ_GUARDED_BY(mutex_);
  std::uint32_t waiting_ TAMIZ_GUARDED_BY(mutex_) = 0;
  std::deque<Decoder> spares_ TAMIZ_GUARDED_BY(mutex_);  // prepared or about to be
  std::deque<Decoder> urgent_ TAMIZ_GUARDED_BY(mutex_);  // forked for those who wait
  std::vector<Decoder> to_bury_ TAMIZ_GUARDED_BY(mutex_);
  // Not before this. Long past at first, and not min(), from which nothing can be subtracted.
  SteadyTime refill_at_ TAMIZ_GUARDED_BY(mutex_) = SteadyTime();

  std::thread supervisor_;
};

}  // namespace tamiz::sandbox
