// PDQ written down plainly, pass by pass over full-size float planes, as the reference does it: what the fast
// implementation is measured against and, in tests, must equal bit by bit.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "core/media/luma.h"

namespace tamiz::bench {

struct PlainPdq {
  std::array<float, 64 * 64> block{};     // filtered and decimated, row-major
  std::array<float, 16 * 16> spectrum{};  // row-major
  std::string hex;                        // 64 digits
  int quality = 0;
};

// Working planes; kept by the caller, so that no measurement pays for fresh memory.
struct PlainPlanes {
  std::vector<float> luma;
  std::vector<float> work;
};

PlainPdq ComputePlainPdq(const media::LumaView& luma, PlainPlanes& planes);

// Hexadecimal text of the bits "above the lower median" of a spectrum.
std::string PlainHex(const std::array<float, 16 * 16>& spectrum);

}  // namespace tamiz::bench
