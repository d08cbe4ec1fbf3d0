#include "tests/unit/hash/patterns.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <numbers>

namespace tamiz::hash {
namespace {

using I = std::int64_t;

I FloorDivide(I a, I b) { return a >= 0 ? a / b : -((-a + b - 1) / b); }

I IntegerRoot(I n) {
  auto root = static_cast<I>(std::sqrt(static_cast<double>(n)));
  while (root * root > n) --root;
  while ((root + 1) * (root + 1) <= n) ++root;
  return root;
}

I Cell(I cx, I cy, I seed) {
  std::uint32_t h = (static_cast<std::uint32_t>(cx) * 73856093U) ^
                    (static_cast<std::uint32_t>(cy) * 19349663U) ^
                    (static_cast<std::uint32_t>(seed) * 83492791U);
  h *= 2654435761U;
  h ^= h >> 15;
  h *= 2246822519U;
  return h >> 24;
}

I ValueNoise(I x, I y, I step, I seed) {
  const I cx = x / step, cy = y / step, fx = x % step, fy = y % step;
  const I top = Cell(cx, cy, seed) * (step - fx) + Cell(cx + 1, cy, seed) * fx;
  const I bottom = Cell(cx, cy + 1, seed) * (step - fx) + Cell(cx + 1, cy + 1, seed) * fx;
  return (top * (step - fy) + bottom * fy) / (step * step);
}

I Octaves(I x, I y, I step, I seed) {
  return (8 * ValueNoise(x, y, step, seed) + 4 * ValueNoise(x, y, step / 2, seed + 1) +
          2 * ValueNoise(x, y, step / 4, seed + 2) + ValueNoise(x, y, step / 8, seed + 3)) /
         15;
}

I Sine(I i) {
  return static_cast<I>(
      std::floor(127 * std::sin(2 * std::numbers::pi * static_cast<double>(i & 255) / 256) + 0.5));
}

void SmoothedNoise(Picture& picture, const PatternParameters& p) {
  const I width = picture.width, height = picture.height, radius = p.b;
  std::vector<I> noise(picture.pixels.size());
  auto state = static_cast<std::uint32_t>(p.a);
  for (I& n : noise) {
    state = state * 1664525U + 1013904223U;
    n = state >> 24;
  }
  for (I y = 0; y < height; ++y) {
    for (I x = 0; x < width; ++x) {
      I sum = 0;
      for (I v = y - radius; v <= y + radius; ++v) {
        for (I u = x - radius; u <= x + radius; ++u) {
          sum += noise[std::clamp<I>(v, 0, height - 1) * width + std::clamp<I>(u, 0, width - 1)];
        }
      }
      const I mean = sum / ((2 * radius + 1) * (2 * radius + 1));
      picture.pixels[y * width + x] =
          static_cast<std::uint8_t>(std::clamp<I>((mean - 128) * p.c + 128, 0, 255));
    }
  }
}

}  // namespace

Picture MakePattern(std::string_view formula, std::uint32_t width, std::uint32_t height,
                    const PatternParameters& p) {
  Picture picture{width, height, std::vector<std::uint8_t>(std::size_t{width} * height)};
  if (formula == "lcgbox") {
    SmoothedNoise(picture, p);
    return picture;
  }
  const I w = width, h = height;
  std::vector<I> sine(256);
  for (I i = 0; i < 256; ++i) sine[i] = Sine(i);
  const auto value = [&](I x, I y) -> I {
    const I dx = 2 * x - w + 1, dy = 2 * y - h + 1;
    if (formula == "constant") return p.a;
    if (formula == "hgrad") return x * 255 / (w - 1);
    if (formula == "vgrad") return y * 255 / (h - 1);
    if (formula == "diag") return (x + y) * 255 / (w + h - 2);
    if (formula == "quad") return x * x * 255 / ((w - 1) * (w - 1));
    if (formula == "radial") {
      return std::min<I>(
          255, IntegerRoot(dx * dx + dy * dy) * 255 / IntegerRoot((w - 1) * (w - 1) + (h - 1) * (h - 1)));
    }
    if (formula == "rings") return (IntegerRoot(dx * dx + dy * dy) / p.a) % 2 != 0 ? p.b : p.c;
    if (formula == "checker") return (x / p.a + y / p.b) % 2 != 0 ? p.c : p.d;
    if (formula == "blocks") return Cell(x / p.a, y / p.a, p.b);
    if (formula == "vnoise") return ValueNoise(x, y, p.a, p.b);
    if (formula == "octaves") return Octaves(x, y, p.a, p.b);
    if (formula == "xor") return ((x * p.a) ^ (y * p.b)) & 255;
    if (formula == "moire") return ((x * x + y * y) >> p.a) & 255;
    if (formula == "letterbox") return y < p.c || y >= h - p.c ? 16 : Octaves(x, y, p.a, p.b);
    if (formula == "glyphs") {
      const I sign = Cell(x / 8, y / 8, p.a), px = x % 8, py = y % 8;
      return px == 7 || py == 7 || Cell(px + 8 * sign, py, p.a + 1) % 2 == 0 ? 230 : 20;
    }
    if (formula == "sines") {
      I sum = 128 * 127;
      for (const PatternTerm& t : p.terms) {
        const I angle = FloorDivide(x * t.fx * 256, w) + FloorDivide(y * t.fy * 256, h) + t.phase;
        sum += t.amplitude * sine[angle & 255];
      }
      return std::clamp<I>((sum + 63) / 127, 0, 255);
    }
    std::abort();  // no such formula: a mistake in the test
  };
  for (I y = 0; y < h; ++y) {
    for (I x = 0; x < w; ++x) picture.pixels[y * w + x] = static_cast<std::uint8_t>(value(x, y));
  }
  return picture;
}

}  // namespace tamiz::hash
