#include "decoder/luma_convert.h"

namespace tamiz::decoder {
namespace {

// x/255 rounded to nearest, for x of a product of two bytes.
constexpr std::uint32_t Div255(std::uint32_t x) { return (x + 128 + ((x + 128) >> 8)) >> 8; }

constexpr bool ExpansionIsExact() {
  for (int y = 0; y < 256; ++y) {
    const int c = (y < 16 ? 16 : y > 235 ? 235 : y) - 16;
    if (ExpandLimited(static_cast<std::uint8_t>(y)) != c * 255 / 219) return false;
  }
  return true;
}
static_assert(ExpansionIsExact());
static_assert(19595 + 38470 + 7471 == 65536);

}  // namespace

void ExpandLimitedRow(const std::uint8_t* in, std::uint8_t* out, std::size_t width) {
  for (std::size_t x = 0; x < width; ++x) out[x] = ExpandLimited(in[x]);
}

void RgbRow(const std::uint8_t* r, const std::uint8_t* g, const std::uint8_t* b, std::size_t step,
            std::uint8_t* out, std::size_t width) {
  for (std::size_t x = 0; x < width; ++x) out[x] = RgbLuma(r[x * step], g[x * step], b[x * step]);
}

void OverWhiteRow(std::uint8_t* luma, const std::uint8_t* alpha, std::size_t width) {
  for (std::size_t x = 0; x < width; ++x) {
    const std::uint32_t a = alpha[x];
    luma[x] = static_cast<std::uint8_t>(Div255(luma[x] * a + 255 * (255 - a)));
  }
}

void CmykRow(const std::uint8_t* cmyk, bool inverted, std::uint8_t* out, std::size_t width) {
  const std::uint8_t flip = inverted ? 0 : 255;
  for (std::size_t x = 0; x < width; ++x, cmyk += 4) {
    const std::uint32_t k = cmyk[3] ^ flip;
    out[x] =
        RgbLuma(Div255((cmyk[0] ^ flip) * k), Div255((cmyk[1] ^ flip) * k), Div255((cmyk[2] ^ flip) * k));
  }
}

}  // namespace tamiz::decoder
