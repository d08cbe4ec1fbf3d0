#include "core/lists/entry_codec.h"

#include <openssl/evp.h>

#include <array>
#include <chrono>
#include <memory>

#include "core/base/check.h"
#include "core/base/hex.h"

namespace tamiz::lists {
namespace {

constexpr std::uint8_t kFormat = 1;
constexpr std::uint8_t kDisabled = 1;
constexpr std::uint8_t kExpires = 2;
constexpr std::string_view kListHeader("tamiz list 1\n");

template <typename T>
void PutInteger(T value, std::string& out) {
  for (std::size_t i = 0; i < sizeof(T); ++i) {
    out.push_back(static_cast<char>(static_cast<std::uint64_t>(value) >> (8 * i)));
  }
}

void PutText(std::string_view text, std::string& out) {
  PutInteger(static_cast<std::uint32_t>(text.size()), out);
  out.append(text);
}

// Reads what Put… wrote; after the first fault everything read is zero or empty.
class Cursor {
 public:
  explicit Cursor(std::span<const std::uint8_t> bytes) : bytes_(bytes) {}

  template <typename T>
  T Integer() {
    const auto part = Take(sizeof(T));
    std::uint64_t value = 0;
    for (std::size_t i = part.size(); i-- > 0;) value = value << 8 | part[i];
    return static_cast<T>(value);
  }
  std::string_view Text() {
    const auto part = Take(Integer<std::uint32_t>());
    return {reinterpret_cast<const char*>(part.data()), part.size()};
  }
  std::span<const std::uint8_t> Bytes() { return Take(Integer<std::uint32_t>()); }
  // A count of things of at least `least` bytes each: more than the rest can hold is a fault.
  std::uint32_t Count(std::size_t least) {
    const auto count = Integer<std::uint32_t>();
    if (count > bytes_.size() / least) ok_ = false;
    return ok_ ? count : 0;
  }
  [[nodiscard]] bool ok() const { return ok_; }
  [[nodiscard]] bool AtEnd() const { return ok_ && bytes_.empty(); }

 private:
  std::span<const std::uint8_t> Take(std::size_t size) {
    if (!ok_ || size > bytes_.size()) {
      ok_ = false;
      return {};
    }
    const auto part = bytes_.first(size);
    bytes_ = bytes_.subspan(size);
    return part;
  }

  std::span<const std::uint8_t> bytes_;
  bool ok_ = true;
};

}  // namespace

void EncodeBody(const Entry& entry, std::string& out) {
  PutInteger(kFormat, out);
  const std::uint8_t flags = (entry.disabled ? kDisabled : 0) | (entry.expires_at ? kExpires : 0);
  PutInteger(flags, out);
  if (entry.expires_at) {
    PutInteger(std::int64_t{std::chrono::duration_cast<std::chrono::nanoseconds>(
                                entry.expires_at->time_since_epoch())
                                .count()},
               out);
  }
  PutInteger(static_cast<std::uint32_t>(entry.labels.size()), out);
  for (const std::string& label : entry.labels) PutText(label, out);
  PutInteger(static_cast<std::uint32_t>(entry.metadata.size()), out);
  for (const auto& [key, value] : entry.metadata) {
    PutText(key, out);
    PutText(value, out);
  }
  PutInteger(static_cast<std::uint32_t>(entry.hashes.size()), out);
  for (const EntryHash& hash : entry.hashes) {
    PutInteger(static_cast<std::uint8_t>(hash.type), out);
    PutInteger(static_cast<std::uint8_t>(hash.quality), out);
    PutInteger(std::uint8_t{hash.time_ms.has_value()}, out);
    if (hash.time_ms) PutInteger(*hash.time_ms, out);
    if (hash.type == HashType::kOpaque) PutText(hash.opaque_type, out);
    PutText({reinterpret_cast<const char*>(hash.value.data()), hash.value.size()}, out);
  }
}

StatusOr<Entry> DecodeBody(std::string_view id, std::span<const std::uint8_t> body) {
  Cursor cursor(body);
  Entry entry;
  entry.id = id;
  if (cursor.Integer<std::uint8_t>() != kFormat) {
    return MakeError(StatusCode::kDataLoss, "a stored entry has a format that this version does not know");
  }
  const auto flags = cursor.Integer<std::uint8_t>();
  bool known = flags <= (kDisabled | kExpires);
  entry.disabled = (flags & kDisabled) != 0;
  if ((flags & kExpires) != 0) {
    entry.expires_at = WallTime(std::chrono::duration_cast<WallTime::duration>(
        std::chrono::nanoseconds(cursor.Integer<std::int64_t>())));
  }
  const auto labels = cursor.Count(4);
  entry.labels.reserve(labels);
  for (std::uint32_t i = 0; i < labels; ++i) entry.labels.emplace_back(cursor.Text());
  const auto pairs = cursor.Count(8);
  for (std::uint32_t i = 0; i < pairs; ++i) {
    std::string key(cursor.Text());
    entry.metadata.emplace_hint(entry.metadata.end(), std::move(key), cursor.Text());
  }
  const auto hashes = cursor.Count(7);
  entry.hashes.reserve(hashes);
  for (std::uint32_t i = 0; i < hashes && cursor.ok(); ++i) {
    EntryHash& hash = entry.hashes.emplace_back();
    const auto type = cursor.Integer<std::uint8_t>();
    known = known && type >= 1 && type <= 5;
    hash.type = static_cast<HashType>(type);
    hash.quality = cursor.Integer<std::uint8_t>();
    const auto has_time = cursor.Integer<std::uint8_t>();
    known = known && has_time <= 1;
    if (has_time != 0) hash.time_ms = cursor.Integer<std::uint64_t>();
    if (hash.type == HashType::kOpaque) hash.opaque_type = cursor.Text();
    const auto value = cursor.Bytes();
    hash.value.assign(value.begin(), value.end());
    const std::size_t wanted = ValueBytes(hash.type);
    known = known && (wanted == 0 || wanted == value.size());
  }
  if (!cursor.AtEnd() || !known) return MakeError(StatusCode::kDataLoss, "a stored entry is damaged");
  return entry;
}

bool IsDisabledBody(std::span<const std::uint8_t> body) {
  return body.size() > 1 && (body[1] & kDisabled) != 0;
}

struct BodyDigest::State {
  std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context{EVP_MD_CTX_new(), &EVP_MD_CTX_free};
  std::string buffer;  // EVP costs more than the hashing where each call brings a few bytes

  void Flush() {
    TAMIZ_CHECK(EVP_DigestUpdate(context.get(), buffer.data(), buffer.size()) == 1, "SHA-256 of a list");
    buffer.clear();
  }
};

BodyDigest::BodyDigest() : state_(std::make_unique<State>()) {
  TAMIZ_CHECK(state_->context && EVP_DigestInit_ex(state_->context.get(), EVP_sha256(), nullptr) == 1,
              "SHA-256 is available");
  state_->buffer = kListHeader;
}

BodyDigest::~BodyDigest() = default;

void BodyDigest::Add(std::string_view id, std::span<const std::uint8_t> body) {
  PutText(id, state_->buffer);
  PutText({reinterpret_cast<const char*>(body.data()), body.size()}, state_->buffer);
  if (state_->buffer.size() >= 1u << 16) state_->Flush();
}

std::string BodyDigest::Finish() {
  state_->Flush();
  std::array<std::uint8_t, 32> digest{};
  TAMIZ_CHECK(EVP_DigestFinal_ex(state_->context.get(), digest.data(), nullptr) == 1, "SHA-256 of a list");
  return ToHex(digest);
}

}  // namespace tamiz::lists
