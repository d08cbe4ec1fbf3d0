#include "core/media/incomplete.h"

namespace tamiz::media {

std::string_view ToString(IncompleteCode code) {
  switch (code) {
    case IncompleteCode::kFormatUnknown:
      return "FORMAT_UNKNOWN";
    case IncompleteCode::kFormatDisabled:
      return "FORMAT_DISABLED";
    case IncompleteCode::kDecodeFailed:
      return "DECODE_FAILED";
    case IncompleteCode::kDecodeTruncated:
      return "DECODE_TRUNCATED";
    case IncompleteCode::kDecoderCrashed:
      return "DECODER_CRASHED";
    case IncompleteCode::kDecoderTimeout:
      return "DECODER_TIMEOUT";
    case IncompleteCode::kMemoryLimit:
      return "MEMORY_LIMIT";
    case IncompleteCode::kPixelLimit:
      return "PIXEL_LIMIT";
    case IncompleteCode::kByteLimit:
      return "BYTE_LIMIT";
    case IncompleteCode::kFrameLimit:
      return "FRAME_LIMIT";
    case IncompleteCode::kTimeBudget:
      return "TIME_BUDGET";
    case IncompleteCode::kLowQuality:
      return "LOW_QUALITY";
    case IncompleteCode::kEncrypted:
      return "ENCRYPTED";
    case IncompleteCode::kListUnavailable:
      return "LIST_UNAVAILABLE";
    case IncompleteCode::kNoVisualContent:
      return "NO_VISUAL_CONTENT";
    case IncompleteCode::kMatchLimit:
      return "MATCH_LIMIT";
  }
  return "UNKNOWN";
}

}  // namespace tamiz::media
