// The canary's files and what is known of them. Harmless patterns made from formulas:
// core/scan/canary/README.md.
#pragma once

#include <cstdint>
#include <span>

namespace tamiz::scan {

// A JPEG of 640 x 480.
[[nodiscard]] std::span<const std::uint8_t> CanaryPicture();
// The same picture mirrored (left and right exchanged), at 480 x 360, compressed harder: other bytes
// altogether.
[[nodiscard]] std::span<const std::uint8_t> CanaryFlippedPicture();
// An MP4 of 4 seconds, 320 x 240, H.264: a different pattern each second.
[[nodiscard]] std::span<const std::uint8_t> CanaryVideo();

}  // namespace tamiz::scan
