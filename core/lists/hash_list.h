// Lists of known material as the core sees them: entries, policy, versions.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/clock.h"
#include "core/base/status.h"
#include "core/hash/hash256.h"
#include "core/lists/exceptions.h"
#include "core/media/sampling.h"

namespace tamiz::lists {

// Values equal those of tamiz.v1.HashType. Stored: do not change them.
enum class HashType : std::uint8_t { kMd5 = 1, kSha1 = 2, kSha256 = 3, kPdq = 4, kOpaque = 5 };

// "md5", "sha1", "sha256", "pdq", "opaque".
[[nodiscard]] std::string_view ToString(HashType type);
[[nodiscard]] std::optional<HashType> ParseHashType(std::string_view text);  // any case; "sha-256" also
// Bytes of a value; 0 for kOpaque (any, to 512 KiB).
[[nodiscard]] std::size_t ValueBytes(HashType type);

struct EntryHash {
  HashType type = HashType::kPdq;
  std::vector<std::uint8_t> value;
  std::uint32_t quality = 100;           // PDQ quality, 0…100
  std::optional<std::uint64_t> time_ms;  // set for a frame of a known video
  std::string opaque_type;               // for kOpaque, for example "photodna"
  friend bool operator==(const EntryHash&, const EntryHash&) = default;
};

// One known picture or video.
struct Entry {
  std::string id;  // unique in its list, 1…256 bytes
  std::vector<EntryHash> hashes;
  std::vector<std::string> labels;
  std::map<std::string, std::string> metadata;
  std::optional<WallTime> expires_at;
  bool disabled = false;
  friend bool operator==(const Entry&, const Entry&) = default;
};

// One entry that is not the same in two versions of a list. In canonical form; not both unset, of the same
// id.
struct EntryChange {
  std::optional<Entry> before, after;
  [[nodiscard]] const std::string& id() const { return before ? before->id : after->id; }
};

// Puts an entry into the form in which it is stored and digested: hashes ordered by type, opaque type, time
// and value, each once (the best quality stays); labels ordered, each once. Contents stay the same.
void Canonicalise(Entry& entry);

// What is wrong with `entry`, for a rejected row; empty if nothing.
[[nodiscard]] std::string FaultOf(const Entry& entry);

enum class ListMode : std::uint8_t { kEnforce = 1, kShadow = 2, kOff = 3 };
enum class ListKind : std::uint8_t { kBlock = 1, kAllow = 2 };
[[nodiscard]] std::string_view ToString(ListMode mode);  // "enforce", "shadow", "off"

// How a list is matched. Defaults are the product's.
struct ListPolicy {
  std::uint32_t radius = 31;                   // bits, 0…64
  std::optional<std::uint32_t> review_radius;  // bits, radius…64; unset: no review band
  std::uint32_t quality_floor = 50;            // 0…100
  double min_reference_coverage = 0.8;         // 0…1
  double min_query_coverage = 0;               // 0…1
  // Confidence that a perceptual match within the radius must have to count; with less it is put to a person.
  // 0…1; 0: the radius alone decides.
  double match_confidence = 0;
  // Confidence that is worth a person's time: with less a match that would be put to one is not reported, but
  // counted. 0…1, at most match_confidence where that is set.
  double review_confidence = 0;
  bool orientations = true;
  bool border_removal = true;
  bool find_regions = true;
  bool straighten = true;
  bool restore_contrast = true;
  ListMode mode = ListMode::kEnforce;
  std::string action_hint;  // at most 256 bytes
  // Which frames of a video this list wants looked at; the server's default where it says nothing.
  media::SamplingRequest sampling;
  // Longest time since the list was last known to be complete: changed, or confirmed by its exchange. Beyond
  // it scans that consult it are INCOMPLETE(LIST_UNAVAILABLE). 1 second to 365 days; unset: any age.
  std::optional<std::chrono::seconds> max_age;
  BreakerPolicy breaker;
  // Not set by people with the rest of the policy, but entry by entry.
  Exceptions exceptions;
  // INVALID_ARGUMENT with the field's name, the value and the range.
  [[nodiscard]] Status Validate() const;
  friend bool operator==(const ListPolicy&, const ListPolicy&) = default;
};

// A list without its entries.
struct ListInfo {
  std::string list_id;
  std::string name;  // 1…64 of a-z A-Z 0-9 . _ -
  std::string source_org;
  std::vector<std::string> labels;
  std::string description;
  ListKind kind = ListKind::kBlock;
  ListPolicy policy;
  bool built_in = false;
  std::uint64_t version = 0;        // current; 0 before the first entry came in
  std::string digest;               // of the current version, lower-case hex SHA-256
  std::uint32_t digest_format = 0;  // of `digest`: kDigestFormat, or 1 for old versions; 0 at version 0
  std::uint64_t entry_count = 0;    // enabled entries in the current version
  WallTime created_at{};
  WallTime updated_at{};
};

[[nodiscard]] Status ValidateListName(std::string_view name);

struct VersionInfo {
  std::uint64_t version = 0;
  std::string digest;
  std::uint32_t digest_format = 0;  // as in ListInfo
  std::uint64_t entry_count = 0;    // enabled or not
  WallTime created_at{};
  std::string change;  // "import", "add", "remove", "disable", "enable", "rollback to N"
};

}  // namespace tamiz::lists
