#include "core/lists/snapshot_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <openssl/evp.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <map>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "core/base/check.h"
#include "core/base/unique_fd.h"
#include "core/index/array_store.h"

namespace tamiz::lists {
namespace {

using index::ArrayUse;
using Sha256 = std::array<std::uint8_t, 32>;

constexpr std::array<char, 8> kMagic = {'T', 'A', 'M', 'I', 'Z', 'S', 'N', 'P'};
constexpr std::uint32_t kFormat = 1;
constexpr std::uint32_t kByteOrder = 0x01020304;
constexpr std::size_t kChunk = std::size_t{4} << 20;  // what has a digest of its own
constexpr std::size_t kAlignment = 64;
constexpr std::size_t kMaxArrays = 1000;

struct Header {
  std::array<char, 8> magic = kMagic;
  std::uint32_t format = kFormat;
  std::uint32_t byte_order = kByteOrder;
  std::uint64_t arrays = 0;
  std::uint64_t directory_offset = 0;  // of as many DirectoryEntry, up to the digests
  std::uint64_t digests_offset = 0;    // of one SHA-256 for each chunk before, then one over those
};
struct DirectoryEntry {
  std::array<char, 40> name{};  // zero-terminated
  std::uint64_t offset = 0;
  std::uint64_t bytes = 0;
  std::uint64_t use = 0;  // ArrayUse
};
static_assert(sizeof(Header) == 40 && sizeof(DirectoryEntry) == 64);

// What the file says of its list, beside the state of its digest.
struct Meta {
  std::array<char, 64> list_id{};
  std::array<char, 64> digest{};  // lower-case hex
  std::uint64_t version = 0;
  std::uint64_t entry_count = 0;
  std::uint32_t digest_format = 0;
  std::uint32_t quality_floor = 0;
  SuspectHashes suspects;
};
static_assert(sizeof(Meta) == 184);

template <std::size_t kSize>
std::array<char, kSize> Padded(std::string_view text) {
  std::array<char, kSize> padded{};
  std::copy_n(text.begin(), std::min(text.size(), kSize), padded.begin());
  return padded;
}
template <std::size_t kSize>
std::string_view Text(const std::array<char, kSize>& padded) {
  return {padded.data(), ::strnlen(padded.data(), kSize)};
}
template <typename T>
std::span<const std::uint8_t> BytesOf(const T& value) {
  return {reinterpret_cast<const std::uint8_t*>(&value), sizeof value};
}

Sha256 Digest(std::span<const std::uint8_t> bytes) {
  Sha256 digest;
  TAMIZ_CHECK(EVP_Digest(bytes.data(), bytes.size(), digest.data(), nullptr, EVP_sha256(), nullptr) == 1,
              "SHA-256 of a snapshot");
  return digest;
}

Status IoError(std::string_view doing, const std::filesystem::path& path) {
  return MakeError(
      StatusCode::kUnavailable,
      fmt::format("could not {} {}: {}", doing, path.string(), std::generic_category().message(errno)),
      "SNAPSHOT_IO");
}
Status Damaged(const std::filesystem::path& path, std::string_view what) {
  return MakeError(StatusCode::kDataLoss, fmt::format("{} is damaged: {}", path.string(), what),
                   "SNAPSHOT_DAMAGED");
}
Status Unfit(const std::filesystem::path& path, std::string_view why) {
  return MakeError(StatusCode::kFailedPrecondition, fmt::format("{} does not fit: {}", path.string(), why),
                   "SNAPSHOT_UNFIT");
}

// Writes from one end to the other and digests on the way.
class FileWriter {
 public:
  FileWriter(int fd, const std::filesystem::path& path) : fd_(fd), path_(path) { chunk_.reserve(kChunk); }

  Status Write(std::span<const std::uint8_t> bytes) {
    while (!bytes.empty()) {
      const std::size_t part = std::min(bytes.size(), kChunk - chunk_.size());
      chunk_.insert(chunk_.end(), bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(part));
      bytes = bytes.subspan(part);
      offset_ += part;
      if (chunk_.size() == kChunk) TAMIZ_RETURN_IF_ERROR(Flush());
    }
    return OkStatus();
  }
  Status Align() {
    static constexpr std::array<std::uint8_t, kAlignment> kZeros{};
    return Write(std::span(kZeros).first((kAlignment - offset_ % kAlignment) % kAlignment));
  }
  // The digests, undigested.
  Status Finish() {
    if (!chunk_.empty()) TAMIZ_RETURN_IF_ERROR(Flush());
    const Sha256 root = Digest(digests_);
    digests_.insert(digests_.end(), root.begin(), root.end());
    return WriteAll(digests_);
  }
  [[nodiscard]] std::uint64_t offset() const { return offset_; }

 private:
  Status Flush() {
    const Sha256 digest = Digest(chunk_);
    digests_.insert(digests_.end(), digest.begin(), digest.end());
    TAMIZ_RETURN_IF_ERROR(WriteAll(chunk_));
    chunk_.clear();
    return OkStatus();
  }
  Status WriteAll(std::span<const std::uint8_t> bytes) {
    while (!bytes.empty()) {
      const ssize_t written = ::write(fd_, bytes.data(), bytes.size());
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) return IoError("write", path_);
      bytes = bytes.subspan(static_cast<std::size_t>(written));
    }
    return OkStatus();
  }

  const int fd_;
  const std::filesystem::path& path_;
  std::uint64_t offset_ = 0;
  std::vector<std::uint8_t> chunk_;
  std::vector<std::uint8_t> digests_;
};

// What is to be written, in order. Sizes are known before the first byte is written, so that the header can
// say where the rest stands.
class ArrayList final : public index::ArrayWriter {
 public:
  using ArrayWriter::Put;
  void Put(std::string_view name, std::span<const std::uint8_t> bytes, ArrayUse use) override {
    TAMIZ_CHECK(name.size() < DirectoryEntry{}.name.size(), "short names of arrays");
    DirectoryEntry entry;
    entry.name = Padded<40>(name);
    entry.offset = end_;
    entry.bytes = bytes.size();
    entry.use = static_cast<std::uint64_t>(use);
    directory_.push_back(entry);
    arrays_.push_back(bytes);
    end_ = (end_ + bytes.size() + kAlignment - 1) / kAlignment * kAlignment;
  }

  Status WriteTo(FileWriter& file) const {
    Header header;
    header.arrays = directory_.size();
    header.directory_offset = end_;
    header.digests_offset = end_ + directory_.size() * sizeof(DirectoryEntry);
    TAMIZ_RETURN_IF_ERROR(file.Write(BytesOf(header)));
    for (std::size_t i = 0; i < arrays_.size(); ++i) {
      TAMIZ_RETURN_IF_ERROR(file.Align());
      TAMIZ_CHECK(file.offset() == directory_[i].offset, "arrays stand where the directory says");
      TAMIZ_RETURN_IF_ERROR(file.Write(arrays_[i]));
    }
    TAMIZ_RETURN_IF_ERROR(file.Align());
    for (const DirectoryEntry& entry : directory_) TAMIZ_RETURN_IF_ERROR(file.Write(BytesOf(entry)));
    return file.Finish();
  }

 private:
  std::uint64_t end_ = kAlignment;
  std::vector<DirectoryEntry> directory_;
  std::vector<std::span<const std::uint8_t>> arrays_;
};

class Mapping {
 public:
  Mapping(void* data, std::size_t size) : data_(data), size_(size) {}
  ~Mapping() { ::munmap(data_, size_); }
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;
  [[nodiscard]] std::span<const std::uint8_t> bytes() const {
    return {static_cast<const std::uint8_t*>(data_), size_};
  }

 private:
  void* data_;
  std::size_t size_;
};

// An open file: mapped, its directory read, its contents checked on request.
class MappedFile final : public index::ArrayReader {
 public:
  static StatusOr<std::unique_ptr<MappedFile>> Open(const std::filesystem::path& path) {
    const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!fd.valid()) {
      if (errno == ENOENT)
        return MakeError(StatusCode::kNotFound, fmt::format("there is no {}", path.string()));
      return IoError("open", path);
    }
    struct stat status {};
    if (::fstat(fd.get(), &status) != 0) return IoError("open", path);
    if (!S_ISREG(status.st_mode) || static_cast<std::size_t>(status.st_size) < sizeof(Header)) {
      return Damaged(path, "it is too short");
    }
    const auto size = static_cast<std::size_t>(status.st_size);
    void* data = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, fd.get(), 0);
    if (data == MAP_FAILED) return IoError("map", path);
    std::unique_ptr<MappedFile> file(new MappedFile(path, std::make_shared<const Mapping>(data, size)));
    TAMIZ_RETURN_IF_ERROR(file->ReadDirectory());
    return file;
  }

  // Reads all of it: compares the digests and copies what is searched.
  Status CheckAndCopy(unsigned threads) {
    const std::span<const std::uint8_t> bytes = mapping_->bytes();
    const std::size_t chunks = (header_.digests_offset + kChunk - 1) / kChunk;
    const auto digests = bytes.subspan(header_.digests_offset, chunks * sizeof(Sha256));
    if (Digest(digests) != DigestAt(header_.digests_offset + digests.size())) {
      return Damaged(path_, "the digest of its digests differs");
    }
    for (auto& [name, array] : arrays_) {
      if (array.use == ArrayUse::kSearched) {
        array.copy = std::make_shared<index::LargeArray<std::uint8_t>>(array.bytes.size());
      }
    }
    std::atomic<std::size_t> next{0};
    std::atomic<bool> is_sound{true};
    const auto work = [&] {
      for (std::size_t chunk = next++; chunk < chunks && is_sound; chunk = next++) {
        const std::size_t begin = chunk * kChunk;
        const std::size_t end = std::min(begin + kChunk, static_cast<std::size_t>(header_.digests_offset));
        if (Digest(bytes.subspan(begin, end - begin)) !=
            DigestAt(header_.digests_offset + chunk * sizeof(Sha256))) {
          is_sound = false;
          return;
        }
        CopyFrom(begin, end);
      }
    };
    {
      std::vector<std::jthread> helpers;
      for (unsigned t = 1; t < threads && t < chunks; ++t) helpers.emplace_back(work);
      work();
    }
    return is_sound ? OkStatus() : Damaged(path_, "the digest of its contents differs");
  }

  std::optional<Bytes> Get(std::string_view name) override {
    const auto found = arrays_.find(name);
    if (found == arrays_.end()) return std::nullopt;
    const StoredArray& array = found->second;
    if (array.copy == nullptr) return Bytes{mapping_, array.bytes, 0};
    return Bytes{array.copy, {array.copy->data(), array.copy->size()}, array.copy->size()};
  }

 private:
  struct StoredArray {
    std::span<const std::uint8_t> bytes;
    ArrayUse use;
    std::shared_ptr<index::LargeArray<std::uint8_t>> copy;  // of a searched one
  };

  MappedFile(std::filesystem::path path, std::shared_ptr<const Mapping> mapping)
      : path_(std::move(path)), mapping_(std::move(mapping)) {}

  // Believes nothing: the digests are checked later.
  Status ReadDirectory() {
    const std::span<const std::uint8_t> bytes = mapping_->bytes();
    std::memcpy(&header_, bytes.data(), sizeof header_);
    if (header_.magic != kMagic) return Damaged(path_, "it is no snapshot");
    if (header_.format != kFormat || header_.byte_order != kByteOrder) {
      return Unfit(path_, "it was written by another version or for another machine");
    }
    const std::uint64_t size = bytes.size();
    if (header_.arrays > kMaxArrays || header_.digests_offset > size || header_.directory_offset > size ||
        header_.digests_offset != header_.directory_offset + header_.arrays * sizeof(DirectoryEntry) ||
        size !=
            header_.digests_offset + ((header_.digests_offset + kChunk - 1) / kChunk + 1) * sizeof(Sha256)) {
      return Damaged(path_, "its header does not fit its length");
    }
    for (std::uint64_t i = 0; i < header_.arrays; ++i) {
      DirectoryEntry entry;
      std::memcpy(&entry, bytes.data() + header_.directory_offset + i * sizeof entry, sizeof entry);
      if (entry.offset > header_.directory_offset || entry.bytes > header_.directory_offset - entry.offset ||
          entry.offset % kAlignment != 0 || entry.use > static_cast<std::uint64_t>(ArrayUse::kAnswered)) {
        return Damaged(path_, "its directory points outside");
      }
      arrays_.emplace(Text(entry.name), StoredArray{bytes.subspan(entry.offset, entry.bytes),
                                                    static_cast<ArrayUse>(entry.use), nullptr});
    }
    return OkStatus();
  }

  [[nodiscard]] Sha256 DigestAt(std::size_t offset) const {
    Sha256 digest;
    std::memcpy(digest.data(), mapping_->bytes().data() + offset, digest.size());
    return digest;
  }

  void CopyFrom(std::size_t begin, std::size_t end) const {
    const std::uint8_t* base = mapping_->bytes().data();
    for (const auto& [name, array] : arrays_) {
      if (array.copy == nullptr) continue;
      const auto array_begin = static_cast<std::size_t>(array.bytes.data() - base);
      const std::size_t from = std::max(begin, array_begin);
      const std::size_t to = std::min(end, array_begin + array.bytes.size());
      if (from < to) std::memcpy(array.copy->data() + (from - array_begin), base + from, to - from);
    }
  }

  const std::filesystem::path path_;
  const std::shared_ptr<const Mapping> mapping_;
  Header header_;
  std::map<std::string, StoredArray, std::less<>> arrays_;
};

// The arrays that are only read for answers; false if one is missing or they do not fit together.
bool TakeAnswers(index::ArrayReader& from, std::size_t positions, ListSegment& segment) {
  auto offsets = from.Array<std::uint64_t>("entries.offsets");
  auto records = from.Array<std::uint8_t>("entries.records");
  auto entries = from.Array<std::uint32_t>("pdq.entries");
  auto qualities = from.Array<std::uint8_t>("pdq.qualities");
  auto times = from.Array<std::uint32_t>("pdq.times");
  if (!offsets || !records || !entries || !qualities || !times || offsets->empty() ||
      (*offsets)[offsets->size() - 1] != records->size() || entries->size() != positions ||
      qualities->size() != positions || (!times->empty() && times->size() != positions)) {
    return false;
  }
  segment.entries = EntryTable(*std::move(offsets), *std::move(records));
  segment.pdq_entries = *std::move(entries);
  segment.pdq_qualities = *std::move(qualities);
  segment.pdq_times = *std::move(times);
  return true;
}

}  // namespace

Status SaveSnapshot(const ListSnapshot& snapshot, const std::filesystem::path& path) {
  const ListSegment& base = *snapshot.base();
  const ListInfo& info = snapshot.base_info();
  Meta meta;
  meta.list_id = Padded<64>(info.list_id);
  meta.digest = Padded<64>(info.digest);
  meta.version = info.version;
  meta.entry_count = info.entry_count;
  meta.digest_format = info.digest_format;
  meta.quality_floor = info.policy.quality_floor;
  meta.suspects = base.suspects;
  const std::string state = snapshot.base_contents().State();
  ArrayList arrays;
  arrays.Put("meta", BytesOf(meta), ArrayUse::kAnswered);
  arrays.Put("contents", std::span(reinterpret_cast<const std::uint8_t*>(state.data()), state.size()),
             ArrayUse::kAnswered);
  base.pdq->Save(arrays);
  base.digests.Save(arrays);
  arrays.Put("pdq.entries", base.pdq_entries, ArrayUse::kAnswered);
  arrays.Put("pdq.qualities", base.pdq_qualities, ArrayUse::kAnswered);
  arrays.Put("pdq.times", base.pdq_times, ArrayUse::kAnswered);
  arrays.Put("entries.offsets", base.entries.offsets(), ArrayUse::kAnswered);
  arrays.Put("entries.records", base.entries.records(), ArrayUse::kAnswered);

  const std::filesystem::path unfinished = path.string() + ".new";
  const auto write = [&]() -> Status {
    const UniqueFd fd(
        ::open(unfinished.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!fd.valid()) return IoError("write", unfinished);
    FileWriter file(fd.get(), unfinished);
    TAMIZ_RETURN_IF_ERROR(arrays.WriteTo(file));
    if (::fsync(fd.get()) != 0) return IoError("write", unfinished);
    if (::rename(unfinished.c_str(), path.c_str()) != 0) return IoError("name", path);
    // Without this a crash may bring back the one before, which is harmless: its version is older.
    const UniqueFd folder(::open(path.parent_path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (folder.valid()) ::fsync(folder.get());
    return OkStatus();
  };
  Status status = write();
  if (!status.ok()) ::unlink(unfinished.c_str());
  return status;
}

StatusOr<std::shared_ptr<const ListSnapshot>> LoadSnapshot(const std::filesystem::path& path,
                                                           const ListInfo& list, WallTime now,
                                                           unsigned threads) {
  const auto started = std::chrono::steady_clock::now();
  TAMIZ_ASSIGN_OR_RETURN(const std::unique_ptr<MappedFile> file, MappedFile::Open(path));
  TAMIZ_RETURN_IF_ERROR(file->CheckAndCopy(threads));
  const auto meta_bytes = file->Get("meta");
  const auto state = file->Get("contents");
  if (!meta_bytes || meta_bytes->bytes.size() != sizeof(Meta) || !state) {
    return Damaged(path, "it does not say of which list it is");
  }
  Meta meta;
  std::memcpy(&meta, meta_bytes->bytes.data(), sizeof meta);
  if (Text(meta.list_id) != list.list_id) return Unfit(path, "it is of another list");
  if (meta.quality_floor != list.policy.quality_floor) {
    return Unfit(path, fmt::format("the list's quality floor was {} and is {}", meta.quality_floor,
                                   list.policy.quality_floor));
  }
  TAMIZ_ASSIGN_OR_RETURN(ContentDigest contents, ContentDigest::FromState(state->bytes));
  ListInfo info = list;
  info.version = meta.version;
  info.digest = Text(meta.digest);
  info.digest_format = meta.digest_format;
  info.entry_count = meta.entry_count;
  if (info.digest_format == kDigestFormat && contents.Finish() != info.digest) {
    return Damaged(path, "the state of the list's digest does not give its digest");
  }
  auto segment = std::make_shared<ListSegment>();
  segment->pdq = index::HammingIndex::Load(*file);
  auto digests = index::DigestIndex::Load(*file);
  if (segment->pdq == nullptr || !digests || !TakeAnswers(*file, segment->pdq->size(), *segment)) {
    return Damaged(path, "its arrays do not fit together");
  }
  segment->digests = *std::move(digests);
  segment->suspects = meta.suspects;
  auto snapshot = std::make_shared<ListSnapshot>(std::move(info), std::move(segment), std::move(contents));
  snapshot->loaded_at = now;
  snapshot->build_time =
      std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - started);
  return std::shared_ptr<const ListSnapshot>(std::move(snapshot));
}

StatusOr<std::shared_ptr<const ListSnapshot>> MapAnswers(const ListSnapshot& snapshot,
                                                         const std::filesystem::path& path) {
  TAMIZ_ASSIGN_OR_RETURN(const std::unique_ptr<MappedFile> file, MappedFile::Open(path));
  auto segment = std::make_shared<ListSegment>(*snapshot.base());
  if (!TakeAnswers(*file, segment->pdq->size(), *segment) ||
      segment->entries.size() != snapshot.base()->entries.size()) {
    return Damaged(path, "it is not what was saved");
  }
  return snapshot.WithBase(std::move(segment));
}

}  // namespace tamiz::lists
