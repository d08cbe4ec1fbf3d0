// An upload's bytes, brought in and sealed.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/base/status.h"
#include "core/base/unique_fd.h"
#include "core/hash/digests.h"
#include "core/source/remote.h"

namespace tamiz::source {

// Bounds the bytes of uploads held at one time. Thread-safe.
class ByteBudget {
 public:
  explicit ByteBudget(std::uint64_t limit);
  // A share of the budget, given back on destruction.
  class Share {
   public:
    Share() = default;
    Share(Share&& other) noexcept;
    Share& operator=(Share&& other) noexcept;
    ~Share();
    [[nodiscard]] std::uint64_t bytes() const { return bytes_; }

   private:
    friend class ByteBudget;
    ByteBudget* budget_ = nullptr;
    std::uint64_t bytes_ = 0;
  };
  // Enlarges `share` by `bytes`; RESOURCE_EXHAUSTED (reason BYTE_BUDGET, with a retry delay) if that is too
  // much at the moment, OUT_OF_RANGE (reason BYTE_LIMIT) if the share alone would exceed the budget. On error
  // nothing changes.
  [[nodiscard]] Status Take(Share& share, std::uint64_t bytes);
  [[nodiscard]] std::uint64_t in_use() const;
  [[nodiscard]] std::uint64_t limit() const;

 private:
  friend class Share;
  void Give(std::uint64_t bytes);
  const std::uint64_t limit_;
  std::atomic<std::uint64_t> in_use_{0};
};

// Whether digests are computed while the bytes come in, or by whoever has time for it later (DigestsOf).
enum class DigestMode { kNow, kLater };

// Sealed bytes. The descriptor can be read and mapped by anybody it is given to and changed by nobody.
struct Upload {
  UniqueFd fd;  // memfd sealed against write, grow, shrink; above Config::spool_bytes an unlinked file opened
                // read-only
  std::uint64_t size_bytes = 0;
  std::vector<std::uint8_t> head;  // first media::kSignatureBytes
  hash::Digests digests;
  ByteBudget::Share share;
  // True after DigestMode::kLater: `digests` says nothing yet; assign DigestsOf(upload).
  bool digests_pending = false;
};

// Reads the sealed bytes from their beginning and digests them. Thread-safe, moves no file position, so it
// can run beside the decoder. UNAVAILABLE if the bytes cannot be read.
[[nodiscard]] StatusOr<hash::Digests> DigestsOf(const Upload& upload);

struct Config {
  // Largest upload, bytes; a larger one answers INCOMPLETE(BYTE_LIMIT). Range 1 KiB … 64 GiB.
  std::uint64_t max_bytes = 1ull << 30;
  // Bytes of all uploads held at one time, in memory and on disk; beyond it RESOURCE_EXHAUSTED. At least
  // max_bytes. Range 1 MiB … 1 TiB.
  std::uint64_t max_bytes_in_flight = 4ull << 30;
  // Uploads above this go to an unlinked file in `spool_dir` instead of memory. Range 64 KiB … 64 GiB.
  std::uint64_t spool_bytes = 64ull << 20;
  // Where; empty: the data directory (config::Load puts it here), or /tmp if that was not done.
  std::string spool_dir;
  // Directories below which file:// may read. Empty: file:// is refused.
  std::vector<std::string> file_roots;

  // Fetching over the network. Time for one fetch with all its redirects and attempts; then UNAVAILABLE
  // (SOURCE_TIMEOUT). Range 100 ms … 1 h.
  std::chrono::milliseconds fetch_time = std::chrono::minutes(1);
  // Time to connect, with TLS. Range 100 ms … 5 min.
  std::chrono::milliseconds connect_time = std::chrono::seconds(10);
  // A source that sends less than `slow_bytes` a second for `slow_time` is given up (SOURCE_TOO_SLOW).
  // Ranges 1 B … 1 GiB, 1 s … 10 min.
  std::uint64_t slow_bytes = 1024;
  std::chrono::seconds slow_time{20};
  // Redirects followed, each judged like the first address. Range 0 … 10.
  std::uint32_t max_redirects = 3;
  // Attempts at a GET that failed in a way that may pass. Range 1 … 10.
  std::uint32_t max_attempts = 3;
  // Hosts for http:// and https://, buckets for s3://. Empty: refused.
  std::vector<HttpSource> http;
  std::vector<S3Source> s3;
};

// Collects bytes, hashing on the way. Not thread-safe; may move between threads from call to call.
class UploadBuilder {
 public:
  // `config` and `budget` outlive the builder, `budget` the upload too. Errors: UNAVAILABLE.
  [[nodiscard]] static StatusOr<UploadBuilder> Start(const Config& config, ByteBudget& budget,
                                                     DigestMode digests = DigestMode::kNow);
  UploadBuilder(UploadBuilder&&) noexcept;
  UploadBuilder& operator=(UploadBuilder&&) noexcept;
  ~UploadBuilder();

  // Says how many bytes will come, so that too many are refused before the first. Errors as Append.
  [[nodiscard]] Status Expect(std::uint64_t total_bytes);
  // Errors: OUT_OF_RANGE (reason BYTE_LIMIT) past max_bytes: the caller answers INCOMPLETE(BYTE_LIMIT);
  // RESOURCE_EXHAUSTED by the budget; UNAVAILABLE if memory or disk fails.
  // After an error the builder can only be destroyed.
  [[nodiscard]] Status Append(std::span<const std::uint8_t> bytes);
  // Call once, last.
  [[nodiscard]] StatusOr<Upload> Seal();

 private:
  struct State;
  explicit UploadBuilder(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// The short way for bytes that are there already. Errors as Append.
[[nodiscard]] StatusOr<Upload> SealBytes(const Config& config, ByteBudget& budget,
                                         std::span<const std::uint8_t> bytes,
                                         DigestMode digests = DigestMode::kNow);

}  // namespace tamiz::source
