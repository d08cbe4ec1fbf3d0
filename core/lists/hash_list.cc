#include "core/lists/hash_list.h"

#include <fmt/format.h>

#include <algorithm>
#include <span>
#include <tuple>

#include "core/base/hex.h"
#include "core/lists/entry_limits.h"
#include "core/lists/text.h"

namespace tamiz::lists {
namespace {

// Bounds that keep one entry from filling memory. A day of video at one frame a second is 86 400 hashes.
constexpr std::size_t kMaxIdBytes = 256;
constexpr std::size_t kMaxHashes = 100'000;
constexpr std::size_t kMaxLabels = 256;
constexpr std::size_t kMaxLabelBytes = 256;
constexpr std::size_t kMaxMetadataBytes = 64 * 1024;
constexpr std::size_t kMaxOpaqueTypeBytes = 64;
constexpr std::uint64_t kMaxTimeMs = 0xffff'fffe;  // PdqRef keeps 32 bits, the last is kNoTime

auto Key(const EntryHash& hash) { return std::tie(hash.type, hash.opaque_type, hash.time_ms, hash.value); }

// Digests of the empty file: lists made by a failed download hold them, and they would match every empty
// upload.
std::string_view EmptyFileDigest(HashType type) {
  switch (type) {
    case HashType::kMd5:
      return "d41d8cd98f00b204e9800998ecf8427e";
    case HashType::kSha1:
      return "da39a3ee5e6b4b0d3255bfef95601890afd80709";
    case HashType::kSha256:
      return "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    case HashType::kPdq:
    case HashType::kOpaque:
      return {};
  }
  return {};
}

std::string FaultOf(const EntryHash& hash) {
  const std::string_view type = ToString(hash.type);
  if (type.empty()) return "a hash of no known type; known are md5, sha1, sha256, pdq and opaque";
  if (hash.quality > 100) return fmt::format("quality is {}; it must be 0 to 100", hash.quality);
  if (hash.time_ms && *hash.time_ms > kMaxTimeMs) {
    return fmt::format("time is {} ms; at most {} ms (49 days) is kept", *hash.time_ms, kMaxTimeMs);
  }
  if (hash.type == HashType::kOpaque) {
    if (hash.value.empty() || hash.value.size() > kMaxOpaqueBytes) {
      return fmt::format("an opaque hash has {} bytes; it must have 1 to {}", hash.value.size(),
                         kMaxOpaqueBytes);
    }
    if (hash.opaque_type.empty() || hash.opaque_type.size() > kMaxOpaqueTypeBytes ||
        !IsUtf8(hash.opaque_type) || HasControlCharacter(hash.opaque_type)) {
      return fmt::format("an opaque hash needs the name of its kind, 1 to {} bytes of plain text",
                         kMaxOpaqueTypeBytes);
    }
    return {};
  }
  if (hash.value.size() != ValueBytes(hash.type)) {
    return fmt::format("the {} value has {} bytes; it must have {} ({} hexadecimal digits)", type,
                       hash.value.size(), ValueBytes(hash.type), 2 * ValueBytes(hash.type));
  }
  const std::uint8_t first = hash.value.front();
  if ((first == 0x00 || first == 0xff) &&
      std::all_of(hash.value.begin(), hash.value.end(), [&](std::uint8_t b) { return b == first; })) {
    return fmt::format("the {} value is all {}; that is a placeholder and not the hash of a file", type,
                       first == 0 ? "zeros" : "ones");
  }
  if (const auto empty = EmptyFileDigest(hash.type);
      !empty.empty() && first == FromHex(empty.substr(0, 2))->front() && ToHex(hash.value) == empty) {
    return fmt::format("the {} value is that of an empty file", type);
  }
  return {};
}

std::string FaultOfText(std::string_view what, std::string_view text, std::size_t max_bytes) {
  if (text.empty() || text.size() > max_bytes) {
    return fmt::format("{} has {} bytes; it must have 1 to {}", what, text.size(), max_bytes);
  }
  if (!IsUtf8(text)) return fmt::format("{} is not valid UTF-8", what);
  if (HasControlCharacter(text)) return fmt::format("{} holds control characters", what);
  return {};
}

// More frames than any server hashes; what one hashes is bounded by scan.max_frames.
constexpr std::uint32_t kMaxPolicyFrames = 1'000'000;

Status PolicyError(std::string_view field, const std::string& what) {
  return WithField(InvalidArgument(fmt::format("policy.{} {}", field, what)),
                   fmt::format("policy.{}", field));
}

}  // namespace

std::string_view ToString(HashType type) {
  switch (type) {
    case HashType::kMd5:
      return "md5";
    case HashType::kSha1:
      return "sha1";
    case HashType::kSha256:
      return "sha256";
    case HashType::kPdq:
      return "pdq";
    case HashType::kOpaque:
      return "opaque";
  }
  return {};
}

std::optional<HashType> ParseHashType(std::string_view text) {
  std::string plain = LowerAscii(Trim(text));
  std::erase(plain, '-');
  for (const HashType type :
       {HashType::kMd5, HashType::kSha1, HashType::kSha256, HashType::kPdq, HashType::kOpaque}) {
    if (plain == ToString(type)) return type;
  }
  return std::nullopt;
}

std::size_t ValueBytes(HashType type) {
  switch (type) {
    case HashType::kMd5:
      return 16;
    case HashType::kSha1:
      return 20;
    case HashType::kSha256:
    case HashType::kPdq:
      return 32;
    case HashType::kOpaque:
      return 0;
  }
  return 0;
}

void Canonicalise(Entry& entry) {
  std::sort(entry.labels.begin(), entry.labels.end());
  entry.labels.erase(std::unique(entry.labels.begin(), entry.labels.end()), entry.labels.end());
  if (entry.hashes.size() < 2) return;
  std::sort(entry.hashes.begin(), entry.hashes.end(), [](const EntryHash& a, const EntryHash& b) {
    if (Key(a) != Key(b)) return Key(a) < Key(b);
    return a.quality > b.quality;
  });
  entry.hashes.erase(std::unique(entry.hashes.begin(), entry.hashes.end(),
                                 [](const EntryHash& a, const EntryHash& b) { return Key(a) == Key(b); }),
                     entry.hashes.end());
}

std::string FaultOf(const Entry& entry) {
  if (entry.id.empty()) return "the entry has no id; every entry needs one of 1 to 256 bytes";
  if (std::string fault = FaultOfText("the entry id", entry.id, kMaxIdBytes); !fault.empty()) return fault;
  if (entry.hashes.empty()) return "the entry has no hash; it needs at least one";
  if (entry.hashes.size() > kMaxHashes) {
    return fmt::format("the entry has {} hashes; at most {} are taken", entry.hashes.size(), kMaxHashes);
  }
  std::size_t opaque_bytes = 0;
  for (const EntryHash& hash : entry.hashes) {
    if (std::string fault = FaultOf(hash); !fault.empty()) return fault;
    if (hash.type == HashType::kOpaque) opaque_bytes += hash.value.size();
  }
  if (opaque_bytes > kMaxEntryOpaqueBytes) {
    return fmt::format("the opaque hashes have {} bytes together; at most {} are taken", opaque_bytes,
                       kMaxEntryOpaqueBytes);
  }
  if (entry.labels.size() > kMaxLabels) {
    return fmt::format("the entry has {} labels; at most {} are taken", entry.labels.size(), kMaxLabels);
  }
  for (const std::string& label : entry.labels) {
    if (std::string fault = FaultOfText("a label", label, kMaxLabelBytes); !fault.empty()) return fault;
  }
  std::size_t metadata_bytes = 0;
  for (const auto& [key, value] : entry.metadata) {
    if (std::string fault = FaultOfText("a metadata key", key, kMaxMetadataBytes); !fault.empty())
      return fault;
    if (!IsUtf8(value)) return "a metadata value is not valid UTF-8";
    metadata_bytes += key.size() + value.size();
  }
  if (metadata_bytes > kMaxMetadataBytes) {
    return fmt::format("the metadata has {} bytes; at most {} are taken", metadata_bytes, kMaxMetadataBytes);
  }
  return {};
}

std::string_view ToString(ListMode mode) {
  switch (mode) {
    case ListMode::kEnforce:
      return "enforce";
    case ListMode::kShadow:
      return "shadow";
    case ListMode::kOff:
      return "off";
  }
  return {};
}

Status ListPolicy::Validate() const {
  if (radius > 64) return PolicyError("radius", fmt::format("is {}; it must be 0 to 64", radius));
  if (review_radius && (*review_radius < radius || *review_radius > 64)) {
    return PolicyError("review_radius",
                       fmt::format("is {}; it must be from the radius ({}) to 64", *review_radius, radius));
  }
  if (quality_floor > 100) {
    return PolicyError("quality_floor", fmt::format("is {}; it must be 0 to 100", quality_floor));
  }
  // Written so that a NaN is refused too.
  if (!(min_reference_coverage >= 0 && min_reference_coverage <= 1)) {
    return PolicyError("min_reference_coverage",
                       fmt::format("is {}; it must be 0 to 1", min_reference_coverage));
  }
  if (!(min_query_coverage >= 0 && min_query_coverage <= 1)) {
    return PolicyError("min_query_coverage", fmt::format("is {}; it must be 0 to 1", min_query_coverage));
  }
  if (!(match_confidence >= 0 && match_confidence <= 1)) {
    return PolicyError("match_confidence", fmt::format("is {}; it must be 0 to 1", match_confidence));
  }
  if (!(review_confidence >= 0 && review_confidence <= (match_confidence > 0 ? match_confidence : 1))) {
    return PolicyError("review_confidence", fmt::format("is {}; it must be 0 to {}", review_confidence,
                                                        match_confidence > 0 ? match_confidence : 1));
  }
  if (ToString(mode).empty()) return PolicyError("mode", "is unknown; it must be enforce, shadow or off");
  if (max_age && (*max_age < std::chrono::seconds(1) || *max_age > std::chrono::hours(24 * 365))) {
    return PolicyError("max_age", fmt::format("is {} s; it must be 1 second to 365 days", max_age->count()));
  }
  if (action_hint.size() > 256) {
    return PolicyError("action_hint", fmt::format("has {} bytes; it may have 256", action_hint.size()));
  }
  if (!IsUtf8(action_hint)) return PolicyError("action_hint", "is not valid UTF-8");
  TAMIZ_RETURN_IF_ERROR(breaker.Validate());
  if (const Status status = sampling.Validate(kMaxPolicyFrames); !status.ok()) {
    return WithField(status, "policy." + Field(status));
  }
  return OkStatus();
}

Status ValidateListName(std::string_view name) {
  const bool fits = !name.empty() && name.size() <= 64 && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
  });
  if (fits) return OkStatus();
  return WithField(
      InvalidArgument("a list's name must have 1 to 64 characters of a-z, A-Z, 0-9, '.', '_' and '-'"),
      "name");
}

}  // namespace tamiz::lists
