#include "core/source/upload.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "core/base/check.h"
#include "core/media/file_format.h"

namespace tamiz::source {
namespace {

// Small enough to stay in the second-level cache between copying and digesting.
constexpr std::size_t kPieceBytes = 128 << 10;
// Uploads are held for as long as a scan takes, which is some hundred milliseconds.
constexpr std::chrono::milliseconds kBudgetRetry{500};

Status SystemError(std::string_view attempt, int error) {
  return MakeError(StatusCode::kUnavailable, fmt::format("{}: {}", attempt, std::strerror(error)),
                   "SPOOL_FAILED");
}

Status TooLarge(std::uint64_t limit, std::string_view key) {
  return MakeError(StatusCode::kOutOfRange,
                   fmt::format("the upload is larger than {} ({} bytes)", key, limit), "BYTE_LIMIT");
}

Status WriteAll(int fd, std::span<const std::uint8_t> bytes, std::string_view attempt) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(fd, bytes.data(), bytes.size());
    if (n < 0) {
      if (errno == EINTR) continue;
      return SystemError(attempt, errno);
    }
    bytes = bytes.subspan(static_cast<std::size_t>(n));
  }
  return OkStatus();
}

// Calls `use` with the file's first `size` bytes, piece by piece.
template <typename Use>
Status ReadAll(int fd, std::uint64_t size, Use use) {
  const auto piece =
      std::make_unique_for_overwrite<std::uint8_t[]>(std::min<std::uint64_t>(kPieceBytes, size));
  for (std::uint64_t at = 0; at < size;) {
    const ssize_t n =
        ::pread(fd, piece.get(), std::min<std::uint64_t>(kPieceBytes, size - at), static_cast<off_t>(at));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return SystemError("cannot read the stored upload", errno);
    if (n == 0) return SystemError("the stored upload became shorter", EIO);
    TAMIZ_RETURN_IF_ERROR(use(std::span<const std::uint8_t>(piece.get(), static_cast<std::size_t>(n))));
    at += static_cast<std::uint64_t>(n);
  }
  return OkStatus();
}

// A file without a name, once open for writing and once for reading.
struct SpoolFile {
  UniqueFd writer;
  UniqueFd reader;
};

StatusOr<SpoolFile> OpenSpoolFile(const std::string& configured_dir) {
  const std::string dir = configured_dir.empty() ? "/tmp" : configured_dir;
  SpoolFile file;
  file.writer.Reset(::open(dir.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0400));
  if (file.writer.valid()) {
    const std::string self = fmt::format("/proc/self/fd/{}", file.writer.get());
    file.reader.Reset(::open(self.c_str(), O_RDONLY | O_CLOEXEC));
    if (file.reader.valid()) return file;
  }
  // The file system has no O_TMPFILE, or /proc is not mounted.
  std::string name = dir + "/tamiz-upload-XXXXXX";
  file.writer.Reset(::mkostemp(name.data(), O_CLOEXEC));
  if (!file.writer.valid()) return SystemError("cannot make a file in source.spool_dir", errno);
  file.reader.Reset(::open(name.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  const int error = errno;
  ::unlink(name.c_str());
  if (!file.reader.valid()) return SystemError("cannot open a file in source.spool_dir again", error);
  return file;
}

}  // namespace

ByteBudget::ByteBudget(std::uint64_t limit) : limit_(limit) {}

ByteBudget::Share::Share(Share&& other) noexcept
    : budget_(std::exchange(other.budget_, nullptr)), bytes_(std::exchange(other.bytes_, 0)) {}

ByteBudget::Share& ByteBudget::Share::operator=(Share&& other) noexcept {
  if (this != &other) {
    if (budget_ != nullptr) budget_->Give(bytes_);
    budget_ = std::exchange(other.budget_, nullptr);
    bytes_ = std::exchange(other.bytes_, 0);
  }
  return *this;
}

ByteBudget::Share::~Share() {
  if (budget_ != nullptr) budget_->Give(bytes_);
}

Status ByteBudget::Take(Share& share, std::uint64_t bytes) {
  TAMIZ_CHECK(share.budget_ == nullptr || share.budget_ == this, "a share belongs to another budget");
  if (share.bytes_ > limit_ || bytes > limit_ - share.bytes_)
    return TooLarge(limit_, "source.max_bytes_in_flight");
  std::uint64_t used = in_use_.load(std::memory_order_relaxed);
  do {
    if (bytes > limit_ - used) {
      return WithRetryDelay(
          MakeError(
              StatusCode::kResourceExhausted,
              fmt::format("uploads in flight hold {} of {} bytes (source.max_bytes_in_flight)", used, limit_),
              "BYTE_BUDGET"),
          kBudgetRetry);
    }
  } while (!in_use_.compare_exchange_weak(used, used + bytes, std::memory_order_relaxed));
  share.budget_ = this;
  share.bytes_ += bytes;
  return OkStatus();
}

void ByteBudget::Give(std::uint64_t bytes) { in_use_.fetch_sub(bytes, std::memory_order_relaxed); }

std::uint64_t ByteBudget::in_use() const { return in_use_.load(std::memory_order_relaxed); }

std::uint64_t ByteBudget::limit() const { return limit_; }

StatusOr<hash::Digests> DigestsOf(const Upload& upload) {
  hash::DigestAccumulator digests;
  TAMIZ_RETURN_IF_ERROR(ReadAll(upload.fd.get(), upload.size_bytes, [&](std::span<const std::uint8_t> piece) {
    digests.Update(piece);
    return OkStatus();
  }));
  return digests.Finish();
}

struct UploadBuilder::State {
  State(const Config& c, ByteBudget& b, DigestMode mode) : config(c), budget(b) {
    if (mode == DigestMode::kNow) digests.emplace();
  }

  // Makes sure that there is a place for `more` bytes.
  Status Reserve(std::uint64_t more) {
    if (more > config.max_bytes || size > config.max_bytes - more) {
      return TooLarge(config.max_bytes, "source.max_bytes");
    }
    const std::uint64_t need = size + more;
    if (need > share.bytes()) return budget.Take(share, need - share.bytes());
    return OkStatus();
  }

  Status OpenFor(std::uint64_t total) {
    if (spool.writer.valid()) return OkStatus();
    if (total > config.spool_bytes) return MoveToSpool();
    if (memory.valid()) return OkStatus();
    memory.Reset(::memfd_create("tamiz-upload", MFD_CLOEXEC | MFD_ALLOW_SEALING));
    return memory.valid() ? OkStatus() : SystemError("cannot make a memory file for the upload", errno);
  }

  Status MoveToSpool() {
    TAMIZ_ASSIGN_OR_RETURN(spool, OpenSpoolFile(config.spool_dir));
    if (!memory.valid()) return OkStatus();
    TAMIZ_RETURN_IF_ERROR(ReadAll(memory.get(), size,
                                  [&](std::span<const std::uint8_t> piece) { return WriteToSpool(piece); }));
    memory.Reset();
    return OkStatus();
  }

  Status WriteToSpool(std::span<const std::uint8_t> piece) {
    return WriteAll(spool.writer.get(), piece, "cannot write the upload to source.spool_dir");
  }

  Status Store(std::span<const std::uint8_t> piece) {
    if (spool.writer.valid()) return WriteToSpool(piece);
    return WriteAll(memory.get(), piece, "cannot keep the upload in memory");
  }

  const Config& config;
  ByteBudget& budget;
  std::optional<hash::DigestAccumulator> digests;
  ByteBudget::Share share;
  UniqueFd memory;  // as long as size <= spool_bytes
  SpoolFile spool;  // afterwards
  std::uint64_t size = 0;
  std::vector<std::uint8_t> head;
};

UploadBuilder::UploadBuilder(std::unique_ptr<State> state) : state_(std::move(state)) {}
UploadBuilder::UploadBuilder(UploadBuilder&&) noexcept = default;
UploadBuilder& UploadBuilder::operator=(UploadBuilder&&) noexcept = default;
UploadBuilder::~UploadBuilder() = default;

StatusOr<UploadBuilder> UploadBuilder::Start(const Config& config, ByteBudget& budget, DigestMode digests) {
  return UploadBuilder(std::make_unique<State>(config, budget, digests));
}

Status UploadBuilder::Expect(std::uint64_t total_bytes) {
  State& s = *state_;
  return total_bytes > s.size ? s.Reserve(total_bytes - s.size) : OkStatus();
}

Status UploadBuilder::Append(std::span<const std::uint8_t> bytes) {
  State& s = *state_;
  TAMIZ_RETURN_IF_ERROR(s.Reserve(bytes.size()));
  TAMIZ_RETURN_IF_ERROR(s.OpenFor(s.size + bytes.size()));
  if (s.head.size() < media::kSignatureBytes) {
    const auto part = bytes.first(std::min(bytes.size(), media::kSignatureBytes - s.head.size()));
    s.head.insert(s.head.end(), part.begin(), part.end());
  }
  while (!bytes.empty()) {
    const auto piece = bytes.first(s.digests ? std::min(bytes.size(), kPieceBytes) : bytes.size());
    TAMIZ_RETURN_IF_ERROR(s.Store(piece));
    if (s.digests) s.digests->Update(piece);
    s.size += piece.size();
    bytes = bytes.subspan(piece.size());
  }
  return OkStatus();
}

StatusOr<Upload> UploadBuilder::Seal() {
  State& s = *state_;
  TAMIZ_RETURN_IF_ERROR(s.OpenFor(s.size));
  Upload upload;
  if (s.spool.writer.valid()) {
    upload.fd =
        std::move(s.spool.reader);  // nobody can open the file for writing any more once the writer is gone
  } else {
    if (::fcntl(s.memory.get(), F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL) != 0) {
      return SystemError("cannot seal the upload", errno);
    }
    upload.fd = std::move(s.memory);
  }
  upload.size_bytes = s.size;
  upload.head = std::move(s.head);
  upload.share = std::move(s.share);
  upload.digests_pending = !s.digests.has_value();
  if (s.digests) upload.digests = s.digests->Finish();
  s.spool = {};
  return upload;
}

StatusOr<Upload> SealBytes(const Config& config, ByteBudget& budget, std::span<const std::uint8_t> bytes,
                           DigestMode digests) {
  TAMIZ_ASSIGN_OR_RETURN(UploadBuilder builder, UploadBuilder::Start(config, budget, digests));
  TAMIZ_RETURN_IF_ERROR(builder.Append(bytes));
  return builder.Seal();
}

}  // namespace tamiz::source
