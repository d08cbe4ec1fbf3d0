#include "tests/unit/hash/scenes.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace tamiz::hash {

Picture Photograph(std::uint32_t width, std::uint32_t height, int seed) {
  return MakePattern("octaves", width, height, {.a = 64, .b = 10 * seed});
}

Picture Ground(std::uint32_t width, std::uint32_t height, std::uint8_t level) {
  return {width, height, std::vector<std::uint8_t>(std::size_t{width} * height, level)};
}

void Paste(const Picture& picture, std::uint32_t left, std::uint32_t top, Picture& onto) {
  for (std::uint32_t y = 0; y < picture.height; ++y) {
    std::copy_n(&picture.pixels[std::size_t{y} * picture.width], picture.width,
                &onto.pixels[std::size_t{top + y} * onto.width + left]);
  }
}

Picture Turned(const Picture& picture, double degrees, std::uint32_t width, std::uint32_t height,
               std::uint8_t ground) {
  Picture frame = Ground(width, height, ground);
  const double c = std::cos(degrees * std::numbers::pi / 180), s = std::sin(degrees * std::numbers::pi / 180);
  for (std::uint32_t y = 0; y < height; ++y) {
    for (std::uint32_t x = 0; x < width; ++x) {
      const double u = x - width / 2.0, v = y - height / 2.0;
      const double px = c * u + s * v + picture.width / 2.0, py = -s * u + c * v + picture.height / 2.0;
      if (px < 0 || py < 0 || px >= picture.width || py >= picture.height) continue;
      frame.pixels[std::size_t{y} * width + x] =
          picture.pixels[static_cast<std::size_t>(py) * picture.width + static_cast<std::size_t>(px)];
    }
  }
  return frame;
}

}  // namespace tamiz::hash
