// Media behind or inside other media: clips of motion photos, second pictures, what somebody hid.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "core/media/frame_source.h"

namespace tamiz::decoder {

struct FoundParts {
  std::vector<media::MediaPart> parts;  // one more than kMaxParts if there are more
  std::uint64_t unrecognised_bytes = 0;
  bool gave_up = false;  // the bytes look like the beginning of a part too often without being one
};

// Looks behind `end`, where `content` ends by its format (see FindEnd), and into the boxes that belong to
// nobody. Formats without an end of their own (transport streams, bare audio) are read to their last byte by
// their decoders: nothing is behind them. Parts stand at the beginning of what is looked through, or are told
// by signatures that do not occur by chance.
[[nodiscard]] FoundParts FindParts(media::FileFormat format, std::span<const std::uint8_t> content,
                                   std::size_t end);

}  // namespace tamiz::decoder
