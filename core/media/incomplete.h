// Why something could not be looked at. The same strings are the proto's enum values without prefix, the
// metric label `reason` and the log field `reason`.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace tamiz::media {

// Values equal those of tamiz.v1.IncompleteCode.
enum class IncompleteCode {
  kFormatUnknown = 1,
  kFormatDisabled = 2,
  kDecodeFailed = 3,
  kDecodeTruncated = 4,
  kDecoderCrashed = 5,
  kDecoderTimeout = 6,
  kMemoryLimit = 7,
  kPixelLimit = 8,
  kByteLimit = 9,
  kFrameLimit = 10,
  kTimeBudget = 11,
  kLowQuality = 12,
  kEncrypted = 13,
  kListUnavailable = 14,
  kNoVisualContent = 15,
  kMatchLimit = 100,
};

inline constexpr std::array kAllIncompleteCodes = {
    IncompleteCode::kFormatUnknown,   IncompleteCode::kFormatDisabled,  IncompleteCode::kDecodeFailed,
    IncompleteCode::kDecodeTruncated, IncompleteCode::kDecoderCrashed,  IncompleteCode::kDecoderTimeout,
    IncompleteCode::kMemoryLimit,     IncompleteCode::kPixelLimit,      IncompleteCode::kByteLimit,
    IncompleteCode::kFrameLimit,      IncompleteCode::kTimeBudget,      IncompleteCode::kLowQuality,
    IncompleteCode::kEncrypted,       IncompleteCode::kListUnavailable, IncompleteCode::kNoVisualContent,
    IncompleteCode::kMatchLimit,
};

// For example "DECODE_FAILED".
[[nodiscard]] std::string_view ToString(IncompleteCode code);

struct IncompleteReason {
  IncompleteCode code;
  // For people: what was tried, the limit and the remedy; no bytes or names of the upload.
  std::string detail;
  // The part of the upload that it is about; 0: the upload itself.
  std::uint32_t part = 0;
};

}  // namespace tamiz::media
