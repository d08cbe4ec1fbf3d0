// Which entries have a digest of the upload.
#pragma once

#include <cstdint>
#include <map>

#include "core/base/clock.h"
#include "core/lists/catalog.h"
#include "core/match/evidence.h"

namespace tamiz::match {

// Entries of `list` that have one of the digests, each with the strongest kind that is equal. Expired and
// disabled ones are left out.
[[nodiscard]] std::map<std::uint32_t, lists::HashType> EntriesByDigest(const DigestEvidence& evidence,
                                                                       const lists::ListSnapshot& list,
                                                                       WallTime now);

// SHA-256 over SHA-1 over MD5 over everything else, as growing numbers.
[[nodiscard]] int StrengthOf(lists::HashType type);

}  // namespace tamiz::match
