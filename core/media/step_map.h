// Where the brightness of a picture steps. Part of FindRegions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/media/cell_box.h"

namespace tamiz::media {

// "Line" n lies between rows (columns) n - 1 and n; a step is a difference across it that is well above what
// neighbours differ by as a rule. Counted once for pieces of lines, so that asking costs next to nothing.
class StepMap {
 public:
  explicit StepMap(const LumaView& cells);

  [[nodiscard]] const LumaView& cells() const { return cells_; }
  [[nodiscard]] int lines(Along along) const { return along == Along::kRows ? height_ : width_; }
  [[nodiscard]] int length(Along along) const { return along == Along::kRows ? width_ : height_; }
  // Cells that are counted together.
  static constexpr int kPiece = 8;
  [[nodiscard]] int pieces(Along along) const { return (length(along) + kPiece - 1) / kPiece; }
  // By line: steps before a piece; before the one after the last piece it is all.
  [[nodiscard]] const std::uint16_t* Sums(Along along, int piece) const {
    const std::vector<std::uint16_t>& sums = along == Along::kRows ? rows_ : columns_;
    return sums.data() + static_cast<std::size_t>(piece) * static_cast<std::size_t>(lines(along));
  }

  // The cells from `from` to `to` of each line; refers to the map.
  class Stretch {
   public:
    Stretch(const StepMap& steps, Along along, int from, int to);
    [[nodiscard]] int lines() const { return lines_; }
    // The share of them that are a step, to a piece's accuracy; 0 outside the map.
    [[nodiscard]] double Support(int line) const;
    // The same, less that of the lines some cells beside it: texture has steps anywhere.
    [[nodiscard]] double Excess(int line) const;

   private:
    // Steps before a cell: all before its piece, and a share of those in it.
    struct End {
      const std::uint16_t* before = nullptr;
      const std::uint16_t* after = nullptr;
      double share = 0;
      [[nodiscard]] double Count(int line) const {
        return before[line] + (after[line] - before[line]) * share;
      }
    };
    int lines_;
    End first_, last_;
    double share_ = 0;  // that a cell is of them
  };

 private:
  [[nodiscard]] int StepOf() const;

  LumaView cells_;
  int width_, height_;
  std::vector<std::uint16_t> rows_, columns_;  // by piece and line: steps before it
};

}  // namespace tamiz::media
