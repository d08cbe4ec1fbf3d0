#include "core/source/upload.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <thread>
#include <vector>

#include "core/base/hex.h"
#include "core/media/file_format.h"

namespace tamiz::source {
namespace {

using std::chrono_literals::operator""ms;

std::vector<std::uint8_t> Bytes(std::size_t count) {
  std::vector<std::uint8_t> bytes(count);
  for (std::size_t i = 0; i < count; ++i) bytes[i] = static_cast<std::uint8_t>(i * 131 + i / 251);
  return bytes;
}

std::vector<std::uint8_t> Content(const Upload& upload) {
  std::vector<std::uint8_t> bytes(upload.size_bytes + 1);
  const ssize_t n = pread(upload.fd.get(), bytes.data(), bytes.size(), 0);
  EXPECT_EQ(n, static_cast<ssize_t>(upload.size_bytes));
  bytes.resize(n < 0 ? 0 : static_cast<std::size_t>(n));
  return bytes;
}

class TempDir {
 public:
  TempDir() {
    std::string name = testing::TempDir() + "/tamiz-source-XXXXXX";
    path_ = mkdtemp(name.data());
  }
  ~TempDir() { std::filesystem::remove_all(path_); }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

TEST(UploadBuilder, SealsWhatWasAppended) {
  const Config config;
  ByteBudget budget(1 << 20);
  auto builder = UploadBuilder::Start(config, budget);
  ASSERT_TRUE(builder.ok());
  const auto bytes = Bytes(300'000);
  const std::span<const std::uint8_t> all(bytes);
  for (std::size_t at = 0; at < all.size(); at += 70'001) {
    ASSERT_TRUE(builder->Append(all.subspan(at, std::min<std::size_t>(70'001, all.size() - at))).ok());
  }
  auto upload = builder->Seal();
  ASSERT_TRUE(upload.ok()) << upload.status();
  EXPECT_EQ(Content(*upload), bytes);
  EXPECT_EQ(upload->size_bytes, bytes.size());
  EXPECT_EQ(upload->head, std::vector<std::uint8_t>(bytes.begin(), bytes.begin() + media::kSignatureBytes));
  EXPECT_FALSE(upload->digests_pending);
  EXPECT_EQ(upload->digests, hash::DigestsOf(bytes));
  EXPECT_EQ(budget.in_use(), bytes.size());
}

TEST(UploadBuilder, DigestsAreThePublishedOnes) {
  const Config config;
  ByteBudget budget(100);
  const std::string_view text = "abc";  // RFC 1321, FIPS 180-4
  auto upload = SealBytes(config, budget, {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
  ASSERT_TRUE(upload.ok());
  EXPECT_EQ(ToHex(upload->digests.md5), "900150983cd24fb0d6963f7d28e17f72");
  EXPECT_EQ(ToHex(upload->digests.sha1), "a9993e364706816aba3e25717850c26c9cd0d89d");
  EXPECT_EQ(ToHex(upload->digests.sha256),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST(UploadBuilder, AnEmptyUploadIsAnUpload) {
  const Config config;
  ByteBudget budget(100);
  for (const DigestMode mode : {DigestMode::kNow, DigestMode::kLater}) {
    auto upload = SealBytes(config, budget, {}, mode);
    ASSERT_TRUE(upload.ok()) << upload.status();
    EXPECT_EQ(upload->size_bytes, 0u);
    EXPECT_TRUE(upload->head.empty());
    const auto digests = DigestsOf(*upload);
    ASSERT_TRUE(digests.ok());
    EXPECT_EQ(ToHex(digests->md5), "d41d8cd98f00b204e9800998ecf8427e");
  }
}

TEST(UploadBuilder, NobodyCanChangeSealedMemory) {
  const Config config;
  ByteBudget budget(1 << 20);
  const auto bytes = Bytes(10'000);
  auto upload = SealBytes(config, budget, bytes);
  ASSERT_TRUE(upload.ok());
  const int fd = upload->fd.get();
  EXPECT_EQ(fcntl(fd, F_GET_SEALS), F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL);
  EXPECT_EQ(pwrite(fd, "x", 1, 0), -1);
  EXPECT_EQ(ftruncate(fd, 1), -1);
  EXPECT_EQ(ftruncate(fd, 1 << 20), -1);
  EXPECT_EQ(mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0), MAP_FAILED);
  void* const readable = mmap(nullptr, 4096, PROT_READ, MAP_SHARED, fd, 0);
  ASSERT_NE(readable, MAP_FAILED);
  EXPECT_EQ(memcmp(readable, bytes.data(), 4096), 0);
  munmap(readable, 4096);
  EXPECT_NE(fcntl(fd, F_GETFD) & FD_CLOEXEC, 0);
}

TEST(UploadBuilder, LargeUploadsGoToAFileThatCannotBeWritten) {
  const TempDir dir;
  Config config;
  config.spool_bytes = 100'000;
  config.spool_dir = dir.path();
  ByteBudget budget(1 << 20);
  const auto bytes = Bytes(350'000);
  const std::span<const std::uint8_t> all(bytes);
  auto builder = UploadBuilder::Start(config, budget);
  ASSERT_TRUE(builder.ok());
  ASSERT_TRUE(builder->Append(all.first(60'000)).ok());  // still in memory
  ASSERT_TRUE(builder->Append(all.subspan(60'000, 60'000)).ok());
  ASSERT_TRUE(builder->Append(all.subspan(120'000)).ok());
  auto upload = builder->Seal();
  ASSERT_TRUE(upload.ok()) << upload.status();
  EXPECT_EQ(Content(*upload), bytes);
  EXPECT_EQ(upload->digests, hash::DigestsOf(bytes));
  EXPECT_EQ(upload->head.size(), media::kSignatureBytes);
  struct stat info {};
  ASSERT_EQ(fstat(upload->fd.get(), &info), 0);
  EXPECT_EQ(info.st_nlink, 0u);
  EXPECT_EQ(fcntl(upload->fd.get(), F_GETFL) & O_ACCMODE, O_RDONLY);
  EXPECT_EQ(pwrite(upload->fd.get(), "x", 1, 0), -1);
  EXPECT_TRUE(std::filesystem::is_empty(dir.path()));
}

TEST(UploadBuilder, ExactlySpoolBytesStayInMemory) {
  Config config;
  config.spool_bytes = 100'000;
  config.spool_dir = "/nonexistent";
  ByteBudget budget(1 << 20);
  EXPECT_TRUE(SealBytes(config, budget, Bytes(100'000)).ok());
  const auto spooled = SealBytes(config, budget, Bytes(100'001));
  EXPECT_EQ(spooled.status().code(), StatusCode::kUnavailable);
  EXPECT_EQ(Reason(spooled.status()), "SPOOL_FAILED");
  EXPECT_EQ(budget.in_use(), 0u);
}

TEST(UploadBuilder, RefusesMoreThanTheLimit) {
  Config config;
  config.max_bytes = 1000;
  ByteBudget budget(1 << 20);
  EXPECT_TRUE(SealBytes(config, budget, Bytes(1000)).ok());
  const Status at_once = SealBytes(config, budget, Bytes(1001)).status();
  EXPECT_EQ(at_once.code(), StatusCode::kOutOfRange);
  EXPECT_EQ(Reason(at_once), "BYTE_LIMIT");
  auto builder = UploadBuilder::Start(config, budget);
  ASSERT_TRUE(builder.ok());
  EXPECT_TRUE(builder->Append(Bytes(999)).ok());
  EXPECT_TRUE(builder->Append(Bytes(1)).ok());
  EXPECT_EQ(Reason(builder->Append(Bytes(1))), "BYTE_LIMIT");
  EXPECT_EQ(Reason(UploadBuilder::Start(config, budget)->Expect(1001)), "BYTE_LIMIT");
  EXPECT_EQ(Reason(UploadBuilder::Start(config, budget)->Expect(~0ull)), "BYTE_LIMIT");
}

TEST(UploadBuilder, DigestsCanWait) {
  const TempDir dir;
  Config config;
  config.spool_dir = dir.path();
  ByteBudget budget(1 << 20);
  const auto bytes = Bytes(400'000);
  for (const std::uint64_t spool_bytes : {1'000'000, 100'000}) {
    config.spool_bytes = spool_bytes;
    auto upload = SealBytes(config, budget, bytes, DigestMode::kLater);
    ASSERT_TRUE(upload.ok()) << upload.status();
    EXPECT_TRUE(upload->digests_pending);
    EXPECT_EQ(upload->digests, hash::Digests{});
    const auto digests = DigestsOf(*upload);
    ASSERT_TRUE(digests.ok()) << digests.status();
    EXPECT_EQ(*digests, hash::DigestsOf(bytes));
  }
}

TEST(ByteBudget, IsSharedAndGivenBack) {
  const Config config;
  ByteBudget budget(1000);
  {
    auto first = SealBytes(config, budget, Bytes(600));
    ASSERT_TRUE(first.ok());
    const Status refused = SealBytes(config, budget, Bytes(401)).status();
    EXPECT_EQ(refused.code(), StatusCode::kResourceExhausted);
    EXPECT_EQ(Reason(refused), "BYTE_BUDGET");
    EXPECT_GT(RetryDelay(refused), 0ms);
    EXPECT_EQ(budget.in_use(), 600u);
    auto second = SealBytes(config, budget, Bytes(400));
    ASSERT_TRUE(second.ok());
    EXPECT_EQ(budget.in_use(), 1000u);
    *first = *std::move(second);  // what was held is given back, what is taken over is kept
    EXPECT_EQ(budget.in_use(), 400u);
  }
  EXPECT_EQ(budget.in_use(), 0u);
}

TEST(ByteBudget, SaysWhenNoWaitingWouldHelp) {
  ByteBudget budget(1000);
  ByteBudget::Share share;
  const Status refused = budget.Take(share, 1001);
  EXPECT_EQ(refused.code(), StatusCode::kOutOfRange);
  EXPECT_EQ(Reason(refused), "BYTE_LIMIT");
  EXPECT_FALSE(RetryDelay(refused).has_value());
  ASSERT_TRUE(budget.Take(share, 900).ok());
  EXPECT_EQ(budget.Take(share, 101).code(), StatusCode::kOutOfRange);
  EXPECT_EQ(budget.Take(share, ~0ull).code(), StatusCode::kOutOfRange);
  EXPECT_EQ(share.bytes(), 900u);
  EXPECT_TRUE(budget.Take(share, 100).ok());
}

TEST(ByteBudget, ExpectedBytesAreTakenOnce) {
  const Config config;
  ByteBudget budget(1000);
  auto builder = UploadBuilder::Start(config, budget);
  ASSERT_TRUE(builder->Expect(800).ok());
  EXPECT_EQ(budget.in_use(), 800u);
  ASSERT_TRUE(builder->Append(Bytes(800)).ok());
  EXPECT_EQ(budget.in_use(), 800u);
  ASSERT_TRUE(builder->Append(Bytes(50)).ok());
  EXPECT_EQ(budget.in_use(), 850u);
}

TEST(ByteBudget, HoldsFromManyThreads) {
  ByteBudget budget(1000);
  std::atomic<bool> exceeded = false;
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([&] {
        for (int i = 0; i < 2000; ++i) {
          ByteBudget::Share share;
          (void)budget.Take(share, 400);
          if (budget.in_use() > budget.limit()) exceeded = true;
        }
      });
    }
  }
  EXPECT_FALSE(exceeded);
  EXPECT_EQ(budget.in_use(), 0u);
}

}  // namespace
}  // namespace tamiz::source
