// Rectangles of cells, looked at along rows or along columns. Part of FindRegions.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "core/media/luma.h"

namespace tamiz::media {

// Half-open, in cells.
struct CellBox {
  int left = 0, top = 0, right = 0, bottom = 0;
  [[nodiscard]] int width() const { return right - left; }
  [[nodiscard]] int height() const { return bottom - top; }
  [[nodiscard]] double area() const { return double(width()) * height(); }
  friend bool operator==(const CellBox&, const CellBox&) = default;
};

// A rectangle that may be a picture; more is likelier.
struct RegionCandidate {
  CellBox box;
  double score = 0;
};

// Intersection over union.
[[nodiscard]] inline double Overlap(const CellBox& a, const CellBox& b) {
  const double width = std::min(a.right, b.right) - std::max(a.left, b.left);
  const double height = std::min(a.bottom, b.bottom) - std::max(a.top, b.top);
  if (width <= 0 || height <= 0) return 0;
  return width * height / (a.area() + b.area() - width * height);
}

// Whether a box is large enough, in a picture of so many cells, to be looked at on its own.
[[nodiscard]] inline bool IsWorthALook(const CellBox& box, const LumaView& cells) {
  constexpr int kSideShare = 9;   // one in so many at least
  constexpr int kAreaShare = 40;  // likewise
  constexpr double kMostArea = 0.98;
  constexpr int kMostShape = 5;  // longer side to shorter
  const auto width = static_cast<int>(cells.width);
  const auto height = static_cast<int>(cells.height);
  const double all = double(width) * height;
  return box.width() >= std::max(8, width / kSideShare) && box.height() >= std::max(8, height / kSideShare) &&
         box.area() * kAreaShare >= all && box.area() <= kMostArea * all &&
         std::max(box.width(), box.height()) <= kMostShape * std::min(box.width(), box.height());
}

enum class Along : std::uint8_t { kRows, kColumns };
[[nodiscard]] inline Along Other(Along along) {
  return along == Along::kRows ? Along::kColumns : Along::kRows;
}

// The lines of a box: rows from its top to its bottom, or columns from its left to its right.
struct Extent {
  Extent(const CellBox& box, Along along)
      : first(along == Along::kRows ? box.top : box.left),
        last(along == Along::kRows ? box.bottom : box.right),
        from(along == Along::kRows ? box.left : box.top),
        to(along == Along::kRows ? box.right : box.bottom) {}
  int first, last;  // lines
  int from, to;     // cells of each
  [[nodiscard]] int lines() const { return last - first; }
  [[nodiscard]] int length() const { return to - from; }
};
[[nodiscard]] inline CellBox BoxOf(Along along, int first, int last, int from, int to) {
  return along == Along::kRows ? CellBox{from, first, to, last} : CellBox{first, from, last, to};
}

}  // namespace tamiz::media
