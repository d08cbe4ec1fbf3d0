// A picture at a handy size, made once for all that is looked for in it.
#pragma once

#include <cstdint>
#include <vector>

#include "core/media/luma.h"

namespace tamiz::media {

// `luma` with each `factor` times `factor` pixels averaged into one cell; the last column and row average
// what is there. With a factor of 1 it is the picture itself, not a copy.
class ReducedLuma {
 public:
  // Pixels a cell, along each side.
  struct Factor {
    std::uint32_t value = 1;
  };

  static constexpr std::uint32_t kMostCells = 1024;

  // `luma` outlives it. The factor is the least that leaves `most_cells` along the longer side at most.
  explicit ReducedLuma(const LumaView& luma, std::uint32_t most_cells = kMostCells);

  // Cells that were made elsewhere, of a picture whose pixels are not there: picture() has a size only.
  ReducedLuma(const LumaView& cells, Factor factor);

  [[nodiscard]] const LumaView& view() const { return view_; }        // in cells
  [[nodiscard]] const LumaView& picture() const { return picture_; }  // in pixels
  [[nodiscard]] std::uint32_t factor() const { return factor_; }      // pixels a cell, along each side
  // Pixels of cells; cells of pixels must be within the picture.
  [[nodiscard]] PixelRect Pixels(const PixelRect& cells) const;

 private:
  LumaView picture_, view_;
  std::uint32_t factor_;
  std::vector<std::uint8_t> cells_;
};

}  // namespace tamiz::media
