// Crops of a known picture are entries of their own; their identifiers say so.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace tamiz::lists {

// A part of a picture, in thousandths of its width and height.
struct CropRect {
  std::uint32_t left = 0, top = 0, width = 1000, height = 1000;
  friend bool operator==(const CropRect&, const CropRect&) = default;
};

// The crops that are kept of a picture: what a twentieth off both its width and its height leaves, at nine
// places, what a tenth leaves, at five, and the middle that 15 and 20 per cent leave. Chosen by measurement:
// see docs/adr/0032.
inline constexpr std::array<CropRect, 16> kStoredCrops = {{{0, 0, 950, 950},
                                                           {25, 0, 950, 950},
                                                           {50, 0, 950, 950},
                                                           {0, 25, 950, 950},
                                                           {25, 25, 950, 950},
                                                           {50, 25, 950, 950},
                                                           {0, 50, 950, 950},
                                                           {25, 50, 950, 950},
                                                           {50, 50, 950, 950},
                                                           {0, 0, 900, 900},
                                                           {100, 0, 900, 900},
                                                           {50, 50, 900, 900},
                                                           {0, 100, 900, 900},
                                                           {100, 100, 900, 900},
                                                           {75, 75, 850, 850},
                                                           {100, 100, 800, 800}}};

// "<entry_id>#crop-<left>-<top>-<width>-<height>"
[[nodiscard]] std::string CropId(std::string_view entry_id, const CropRect& rect);

struct CropOf {
  std::string_view entry_id;  // of the picture that this is a crop of
  CropRect rect;
};
// Nothing if `id` is not that of a crop.
[[nodiscard]] std::optional<CropOf> ParseCropId(std::string_view id);
// The picture's identifier: `id` itself where it is no crop's.
[[nodiscard]] std::string_view PictureIdOf(std::string_view id);

}  // namespace tamiz::lists
