// Line plots as inline SVG.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace tamiz::eval {

struct Series {
  std::string name;
  std::vector<std::pair<double, double>> points;
  bool dots = false;  // marks without a line
  bool dashed = false;
};

struct Axis {
  std::string name;
  double low = 0, high = 1;
  bool logarithmic = false;  // then low and high are powers of ten, such as 1e-3
};

struct Plot {
  std::string title;
  Axis x, y;
  std::vector<Series> series;
};

// Points outside the axes are left out.
[[nodiscard]] std::string Svg(const Plot& plot);

}  // namespace tamiz::eval
