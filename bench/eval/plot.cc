#include "bench/eval/plot.h"

#include <array>
#include <cmath>

#include "fmt/format.h"

namespace tamiz::eval {
namespace {

constexpr double kWidth = 640, kHeight = 380, kLeft = 62, kRight = 190, kTop = 30, kBottom = 44;
constexpr std::array<const char*, 10> kColours = {"#1f5fa8", "#c4461f", "#2a8a4a", "#8a4bb0", "#b58900",
                                                  "#00868b", "#d1477f", "#5c6b73", "#6b8e23", "#000000"};

// 0…1 along the axis.
double Along(const Axis& axis, double value) {
  if (axis.logarithmic) {
    return (std::log10(value) - std::log10(axis.low)) / (std::log10(axis.high) - std::log10(axis.low));
  }
  return (value - axis.low) / (axis.high - axis.low);
}

std::vector<std::pair<double, std::string>> Ticks(const Axis& axis) {
  std::vector<std::pair<double, std::string>> ticks;
  if (axis.logarithmic) {
    const int first = static_cast<int>(std::lround(std::log10(axis.low)));
    const int last = static_cast<int>(std::lround(std::log10(axis.high)));
    const int step = std::max(1, (last - first + 7) / 8);
    for (int power = first; power <= last; power += step) {
      ticks.emplace_back(std::pow(10, power), power >= 0 && power <= 3
                                                  ? fmt::format("{}", std::lround(std::pow(10, power)))
                                                  : fmt::format("10^{}", power));
    }
    return ticks;
  }
  const double raw = (axis.high - axis.low) / 6, power = std::pow(10, std::floor(std::log10(raw)));
  const double step = raw / power < 1.5   ? power
                      : raw / power < 3.5 ? 2 * power
                      : raw / power < 7.5 ? 5 * power
                                          : 10 * power;
  for (double at = std::ceil(axis.low / step) * step; at <= axis.high + step / 1e6; at += step) {
    ticks.emplace_back(at, fmt::format("{:g}", std::abs(at) < step / 1e6 ? 0 : at));
  }
  return ticks;
}

std::string Escaped(const std::string& text) {
  std::string escaped;
  for (const char c : text) {
    if (c == '<')
      escaped += "&lt;";
    else if (c == '&')
      escaped += "&amp;";
    else
      escaped += c;
  }
  return escaped;
}

}  // namespace

std::string Svg(const Plot& plot) {
  const double width = kWidth - kLeft - kRight, height = kHeight - kTop - kBottom;
  const auto x = [&](double value) { return kLeft + width * Along(plot.x, value); };
  const auto y = [&](double value) { return kTop + height * (1 - Along(plot.y, value)); };
  std::string svg = fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {0} {1}\" width=\"{0}\" height=\"{1}\" "
      "font-family=\"sans-serif\" font-size=\"11\">\n<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n"
      "<text x=\"{2}\" y=\"18\" font-size=\"13\" font-weight=\"bold\">{3}</text>\n",
      kWidth, kHeight, kLeft, Escaped(plot.title));
  for (const auto& [value, text] : Ticks(plot.x)) {
    svg += fmt::format(
        "<path d=\"M{0:.1f} {1} V{2}\" stroke=\"#ddd\"/><text x=\"{0:.1f}\" y=\"{3}\" "
        "text-anchor=\"middle\">{4}</text>\n",
        x(value), kTop, kTop + height, kTop + height + 15, text);
  }
  for (const auto& [value, text] : Ticks(plot.y)) {
    svg += fmt::format(
        "<path d=\"M{0} {1:.1f} H{2}\" stroke=\"#ddd\"/><text x=\"{3}\" y=\"{4:.1f}\" "
        "text-anchor=\"end\">{5}</text>\n",
        kLeft, y(value), kLeft + width, kLeft - 5, y(value) + 4, text);
  }
  svg += fmt::format("<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" fill=\"none\" stroke=\"#888\"/>\n",
                     kLeft, kTop, width, height);
  svg += fmt::format("<text x=\"{}\" y=\"{}\" text-anchor=\"middle\">{}</text>\n", kLeft + width / 2,
                     kHeight - 8, Escaped(plot.x.name));
  svg += fmt::format("<text transform=\"translate(14 {}) rotate(-90)\" text-anchor=\"middle\">{}</text>\n",
                     kTop + height / 2, Escaped(plot.y.name));
  for (std::size_t i = 0; i < plot.series.size(); ++i) {
    const Series& series = plot.series[i];
    const char* colour = kColours[i % kColours.size()];
    std::string path;
    for (const auto& [px, py] : series.points) {
      const double ax = Along(plot.x, px), ay = Along(plot.y, py);
      if (!(ax >= -1e-9 && ax <= 1 + 1e-9 && ay >= -1e-9 && ay <= 1 + 1e-9)) continue;
      if (series.dots) {
        svg += fmt::format("<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"3.2\" fill=\"{}\"/>\n", x(px), y(py),
                           colour);
      } else {
        path += fmt::format("{}{:.1f} {:.1f}", path.empty() ? "M" : " L", x(px), y(py));
      }
    }
    if (!path.empty()) {
      svg += fmt::format("<path d=\"{}\" fill=\"none\" stroke=\"{}\" stroke-width=\"1.8\"{}/>\n", path,
                         colour, series.dashed ? " stroke-dasharray=\"5 4\"" : "");
    }
    const double line = kTop + 8 + 16 * static_cast<double>(i);
    svg += fmt::format(
        "<rect x=\"{}\" y=\"{}\" width=\"12\" height=\"4\" fill=\"{}\"/><text x=\"{}\" y=\"{}\">{}</text>\n",
        kLeft + width + 10, line, colour, kLeft + width + 27, line + 6, Escaped(series.name));
  }
  return svg + "</svg>\n";
}

}  // namespace tamiz::eval
