// Deterministic 8-bit test pictures from integer formulas.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "core/media/luma.h"

namespace tamiz::hash {

struct Picture {
  std::uint32_t width = 0;
  std::uint32_t height = 0;
  std::vector<std::uint8_t> pixels;  // rows without gaps

  [[nodiscard]] media::LumaView View() const { return {pixels.data(), width, height, width}; }
};

struct PatternTerm {
  int amplitude;
  int fx;
  int fy;
  int phase;
};

// Which numbers count depends on the formula.
struct PatternParameters {
  int a = 0;
  int b = 0;
  int c = 0;
  int d = 0;
  std::vector<PatternTerm> terms;
};

// Formulas (x, y: column and row; integer divisions round down):
//   constant  a                                hgrad, vgrad, diag, quad   linear and square ramps
//   radial    distance from the centre         rings     a = pitch, b = bright, c = dark
//   checker   a x b tiles, c = bright, d = dark
//   sines     sum of `terms`                   lcgbox    a = seed, b = radius, c = gain: smoothed noise
//   blocks    a = side, b = seed               vnoise    a = lattice step, b = seed: value noise
//   octaves   four octaves of vnoise           xor       (a x) ^ (b y)
//   moire     (x^2 + y^2) >> a                 letterbox octaves(a, b) between bars of c rows
//   glyphs    a = seed: a page of 8 x 8 signs
Picture MakePattern(std::string_view formula, std::uint32_t width, std::uint32_t height,
                    const PatternParameters& parameters);

}  // namespace tamiz::hash
