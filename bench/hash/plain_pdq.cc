#include "bench/hash/plain_pdq.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <numbers>

namespace tamiz::bench {
namespace {

// Running mean of one line of `n` elements, `stride` apart: element i is the mean of those from
// i - (window - half) to i + half - 1 that exist.
void BoxLine(const float* in, float* out, std::size_t n, std::size_t stride, std::size_t window) {
  const std::size_t half = (window + 2) / 2;
  float sum = 0;
  std::size_t count = 0;
  std::size_t left = 0;
  std::size_t right = 0;
  for (; right + 1 < half; ++right, ++count) sum += in[right * stride];
  for (std::size_t i = 0; i < n; ++i) {
    if (right < n) {
      sum += in[right++ * stride];
      ++count;
    }
    if (i + half > window) {
      sum -= in[left++ * stride];
      --count;
    }
    out[i * stride] = sum / static_cast<float>(count);
  }
}

void BoxRows(const float* in, float* out, std::size_t width, std::size_t height) {
  for (std::size_t y = 0; y < height; ++y) {
    BoxLine(in + y * width, out + y * width, width, 1, (width + 127) / 128);
  }
}

void BoxColumns(const float* in, float* out, std::size_t width, std::size_t height) {
  for (std::size_t x = 0; x < width; ++x) BoxLine(in + x, out + x, height, width, (height + 127) / 128);
}

int Quality(const std::array<float, 64 * 64>& block) {
  int sum = 0;
  const auto add = [&sum](float u, float v) { sum += std::abs(static_cast<int>(((u - v) * 100) / 255)); };
  for (int i = 0; i < 63; ++i) {
    for (int j = 0; j < 64; ++j) add(block[i * 64 + j], block[(i + 1) * 64 + j]);
  }
  for (int i = 0; i < 64; ++i) {
    for (int j = 0; j < 63; ++j) add(block[i * 64 + j], block[i * 64 + j + 1]);
  }
  return std::min(100, sum / 90);
}

std::array<float, 16 * 64> DctMatrix() {
  std::array<float, 16 * 64> matrix;
  const float scale = static_cast<float>(std::sqrt(2.0 / 64.0));
  for (int i = 0; i < 16; ++i) {
    for (int j = 0; j < 64; ++j) {
      matrix[i * 64 + j] =
          static_cast<float>(scale * std::cos((std::numbers::pi / 2 / 64.0) * (i + 1) * (2 * j + 1)));
    }
  }
  return matrix;
}

}  // namespace

std::string PlainHex(const std::array<float, 16 * 16>& spectrum) {
  std::array<float, 16 * 16> sorted = spectrum;
  std::nth_element(sorted.begin(), sorted.begin() + 127, sorted.end());
  const float median = sorted[127];
  std::string hex;
  for (int nibble = 63; nibble >= 0; --nibble) {
    int value = 0;
    for (int bit = 3; bit >= 0; --bit)
      value = value << 1 | static_cast<int>(spectrum[nibble * 4 + bit] > median);
    hex += "0123456789abcdef"[value];
  }
  return hex;
}

PlainPdq ComputePlainPdq(const media::LumaView& luma, PlainPlanes& planes) {
  PlainPdq result;
  const std::size_t width = luma.width;
  const std::size_t height = luma.height;
  if (width < 5 || height < 5) {
    result.hex.assign(64, '0');
    return result;
  }
  planes.luma.resize(width * height);
  planes.work.resize(width * height);
  for (std::size_t y = 0; y < height; ++y) {
    for (std::size_t x = 0; x < width; ++x) planes.luma[y * width + x] = luma.data[y * luma.stride + x];
  }
  for (int round = 0; round < 2; ++round) {
    BoxRows(planes.luma.data(), planes.work.data(), width, height);
    BoxColumns(planes.work.data(), planes.luma.data(), width, height);
  }
  for (int i = 0; i < 64; ++i) {
    const auto y = static_cast<std::size_t>(((i + 0.5) * static_cast<double>(height)) / 64);
    for (int j = 0; j < 64; ++j) {
      const auto x = static_cast<std::size_t>(((j + 0.5) * static_cast<double>(width)) / 64);
      result.block[i * 64 + j] = planes.luma[y * width + x];
    }
  }
  result.quality = Quality(result.block);

  static const std::array<float, 16 * 64> dct = DctMatrix();
  std::array<float, 16 * 64> half;
  for (int i = 0; i < 16; ++i) {
    for (int j = 0; j < 64; ++j) {
      float sum = 0;
      for (int k = 0; k < 64; ++k) sum += dct[i * 64 + k] * result.block[k * 64 + j];
      half[i * 64 + j] = sum;
    }
  }
  for (int i = 0; i < 16; ++i) {
    for (int j = 0; j < 16; ++j) {
      float sum = 0;
      for (int k = 0; k < 64; ++k) sum += half[i * 64 + k] * dct[j * 64 + k];
      result.spectrum[i * 16 + j] = sum;
    }
  }
  result.hex = PlainHex(result.spectrum);
  return result;
}

}  // namespace tamiz::bench
