// Digests of an upload's bytes.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>

namespace tamiz::hash {

struct Digests {
  std::array<std::uint8_t, 16> md5{};
  std::array<std::uint8_t, 20> sha1{};
  std::array<std::uint8_t, 32> sha256{};
  friend bool operator==(const Digests&, const Digests&) = default;
};

// Computes all three digests in one pass (OpenSSL EVP). Not thread-safe.
class DigestAccumulator {
 public:
  DigestAccumulator();
  ~DigestAccumulator();
  DigestAccumulator(DigestAccumulator&&) noexcept;
  DigestAccumulator& operator=(DigestAccumulator&&) noexcept;

  void Update(std::span<const std::uint8_t> bytes);
  // Call once, last.
  [[nodiscard]] Digests Finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

[[nodiscard]] Digests DigestsOf(std::span<const std::uint8_t> bytes);

// Incremental SHA-256 alone, for list digests.
[[nodiscard]] std::array<std::uint8_t, 32> Sha256(std::span<const std::uint8_t> bytes);

}  // namespace tamiz::hash
