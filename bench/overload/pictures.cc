#include "bench/overload/pictures.h"

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

}  // namespace tamiz::bench
