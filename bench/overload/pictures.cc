#include "bench/overload/pictures.h"

// jpeglib.h needs size_t and FILE before it.
#include <cstddef>
#include <cstdio>

#include <jpeglib.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <random>
#include <vector>

namespace tamiz::bench {
namespace {

void Append(std::string& bytes, std::uint32_t value, int size) {
  for (int i = 0; i < size; ++i) bytes.push_back(static_cast<char>(value >> (8 * i)));
}

}  // namespace

std::string BlocksBmp(std::uint32_t width, std::uint32_t height, std::uint32_t seed) {
  constexpr std::uint32_t kHeader = 54;
  constexpr std::uint32_t kBlock = 8;  // pixels
  std::string bytes = "BM";
  Append(bytes, kHeader + width * height * 3, 4);
  Append(bytes, 0, 4);
  Append(bytes, kHeader, 4);
  Append(bytes, 40, 4);
  Append(bytes, width, 4);
  Append(bytes, height, 4);
  Append(bytes, 1, 2);
  Append(bytes, 24, 2);
  for (int i = 0; i < 6; ++i) Append(bytes, 0, 4);
  std::mt19937 random(seed);
  const std::uint32_t across = (width + kBlock - 1) / kBlock;
  std::vector<std::uint8_t> blocks(std::size_t{across} * ((height + kBlock - 1) / kBlock));
  for (std::uint8_t& block : blocks) block = static_cast<std::uint8_t>(random());
  for (std::uint32_t y = 0; y < height; ++y) {
    for (std::uint32_t x = 0; x < width; ++x) {
      bytes.append(3, static_cast<char>(blocks[std::size_t{y / kBlock} * across + x / kBlock]));
    }
  }
  return bytes;
}

std::string PhotoJpeg(std::uint32_t width, std::uint32_t height, std::uint32_t seed) {
  std::mt19937 random(seed);
  struct Wave {
    double x, y, phase, strength;
  };
  std::vector<Wave> waves(8);
  for (Wave& wave : waves) {
    const auto any = [&] { return static_cast<double>(random() % 1000) / 1000; };
    wave = {any() * 0.05, any() * 0.05, any() * 6, 10 + 20 * any()};
  }
  jpeg_compress_struct jpeg{};
  jpeg_error_mgr errors{};
  jpeg.err = jpeg_std_error(&errors);
  jpeg_create_compress(&jpeg);
  unsigned char* buffer = nullptr;
  unsigned long size = 0;
  jpeg_mem_dest(&jpeg, &buffer, &size);
  jpeg.image_width = width;
  jpeg.image_height = height;
  jpeg.input_components = 3;
  jpeg.in_color_space = JCS_RGB;
  jpeg_set_defaults(&jpeg);
  jpeg_set_quality(&jpeg, 85, TRUE);
  jpeg_start_compress(&jpeg, TRUE);
  std::vector<unsigned char> row(std::size_t{width} * 3);
  for (std::uint32_t y = 0; y < height; ++y) {
    for (std::uint32_t x = 0; x < width; ++x) {
      double value = 120 + static_cast<double>(random() % 24);
      for (const Wave& wave : waves) value += wave.strength * std::sin(wave.x * x + wave.y * y + wave.phase);
      for (std::size_t c = 0; c < 3; ++c) {
        row[std::size_t{x} * 3 + c] =
            static_cast<unsigned char>(std::clamp(value + 15 * static_cast<double>(c), 0.0, 255.0));
      }
    }
    JSAMPROW rows[] = {row.data()};
    jpeg_write_scanlines(&jpeg, rows, 1);
  }
  jpeg_finish_compress(&jpeg);
  std::string bytes(reinterpret_cast<const char*>(buffer), size);
  jpeg_destroy_compress(&jpeg);
  std::free(buffer);
  return bytes;
}

}  // namespace tamiz::bench
