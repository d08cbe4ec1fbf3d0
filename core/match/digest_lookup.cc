#include "core/match/digest_lookup.h"

#include <algorithm>
#include <iterator>
#include <span>
#include <vector>

#include "core/match/frame_folding.h"

namespace tamiz::match {
namespace {

using lists::HashType;

// Strongest first: the first that is equal is the one reported.
constexpr HashType kDigestTypes[] = {HashType::kSha256, HashType::kSha1, HashType::kMd5};

using Bytes = std::span<const std::uint8_t>;

std::vector<Bytes> DigestsOfType(const DigestEvidence& evidence, HashType type) {
  std::vector<Bytes> values;
  if (evidence.digests) {
    if (type == HashType::kSha256) values.emplace_back(evidence.digests->sha256);
    if (type == HashType::kSha1) values.emplace_back(evidence.digests->sha1);
    if (type == HashType::kMd5) values.emplace_back(evidence.digests->md5);
  }
  for (const lists::EntryHash& hash : evidence.foreign_digests) {
    if (hash.type == type) values.emplace_back(hash.value);
  }
  return values;
}

}  // namespace

std::map<std::uint32_t, HashType> EntriesByDigest(const DigestEvidence& evidence,
                                                  const lists::ListSnapshot& list, WallTime now) {
  std::map<std::uint32_t, HashType> found;
  for (const HashType type : kDigestTypes) {
    for (const Bytes value : DigestsOfType(evidence, type)) {
      for (const std::uint32_t entry : list.FindDigest(type, value)) {
        if (MayMatch(list, entry, now)) found.emplace(entry, type);  // keeps the first, the strongest
      }
    }
  }
  return found;
}

int StrengthOf(HashType type) {
  return static_cast<int>(std::end(kDigestTypes) -
                          std::find(std::begin(kDigestTypes), std::end(kDigestTypes), type));
}

}  // namespace tamiz::match
