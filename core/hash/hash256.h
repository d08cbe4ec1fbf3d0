// A 256-bit perceptual hash and its distance.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "core/base/hex.h"

namespace tamiz::hash {

// Bits in which two hashes differ, 0…256.
using HammingDistance = std::uint32_t;

// Words in memory order are the first to last 64 bits of the usual hexadecimal text, so that bytes written
// big-endian word by word are that text's bytes.
struct Hash256 {
  std::array<std::uint64_t, 4> words{};

  friend bool operator==(const Hash256&, const Hash256&) = default;
  friend auto operator<=>(const Hash256&, const Hash256&) = default;

  // 32 bytes in the order of the hexadecimal text.
  [[nodiscard]] static Hash256 FromBytes(std::span<const std::uint8_t, 32> bytes) {
    Hash256 hash;
    for (int i = 0; i < 32; ++i) hash.words[i / 8] = hash.words[i / 8] << 8 | bytes[i];
    return hash;
  }
  [[nodiscard]] std::array<std::uint8_t, 32> ToBytes() const {
    std::array<std::uint8_t, 32> bytes;
    for (int i = 0; i < 32; ++i) bytes[i] = static_cast<std::uint8_t>(words[i / 8] >> (56 - 8 * (i % 8)));
    return bytes;
  }
  [[nodiscard]] static std::optional<Hash256> FromHex(std::string_view text) {
    const auto bytes = tamiz::FromHex(text);
    if (!bytes || bytes->size() != 32) return std::nullopt;
    return FromBytes(std::span<const std::uint8_t, 32>(*bytes));
  }
  [[nodiscard]] std::string ToHex() const { return tamiz::ToHex(ToBytes()); }
};

[[nodiscard]] inline HammingDistance Distance(const Hash256& a, const Hash256& b) {
  HammingDistance sum = 0;
  for (int i = 0; i < 4; ++i) sum += static_cast<HammingDistance>(std::popcount(a.words[i] ^ b.words[i]));
  return sum;
}

// Values equal those of tamiz.v1.Transform, less one. Rotations are clockwise.
enum class Transform : std::uint8_t {
  kIdentity = 0,
  kRotate90 = 1,
  kRotate180 = 2,
  kRotate270 = 3,
  kFlipHorizontal = 4,  // left and right exchanged
  kFlipVertical = 5,    // top and bottom exchanged
  kTranspose = 6,       // mirrored along the main diagonal
  kTransverse = 7,      // mirrored along the other diagonal
};
inline constexpr int kTransforms = 8;

// The transform that undoes `transform`.
[[nodiscard]] constexpr Transform Inverse(Transform transform) {
  if (transform == Transform::kRotate90) return Transform::kRotate270;
  if (transform == Transform::kRotate270) return Transform::kRotate90;
  return transform;
}

}  // namespace tamiz::hash
