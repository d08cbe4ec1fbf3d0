#include "bench/overload/report.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>

namespace tamiz::bench {
namespace {

double Quantile(std::vector<double>& values, double q) {
  if (values.empty()) return 0;
  std::ranges::sort(values);
  return values[static_cast<std::size_t>(q * static_cast<double>(values.size() - 1))];
}

constexpr double kWidth = 720;
constexpr double kPanel = 200;  // height of one
constexpr double kLeft = 70;
constexpr double kRight = 20;
constexpr double kTop = 40;
constexpr double kBetween = 70;  // title and labels of an axis

// A line chart. Coordinates are given as shares of the axes, 0 … 1.
class Panel {
 public:
  Panel(int index, const std::string& title) : bottom_(kTop + kPanel + index * (kPanel + kBetween)) {
    svg_ = fmt::format("<text x='{}' y='{}' class='title'>{}</text>\n", kLeft, bottom_ - kPanel - 12, title);
    svg_ += fmt::format("<rect x='{}' y='{}' width='{}' height='{}' class='frame'/>\n", kLeft,
                        bottom_ - kPanel, kWidth - kLeft - kRight, kPanel);
  }
  void TickX(double x, const std::string& label) {
    svg_ += fmt::format("<text x='{:.1f}' y='{}' class='tick' text-anchor='middle'>{}</text>\n", X(x),
                        bottom_ + 16, label);
  }
  void TickY(double y, const std::string& label) {
    svg_ += fmt::format("<text x='{}' y='{:.1f}' class='tick' text-anchor='end'>{}</text>\n", kLeft - 6,
                        Y(y) + 4, label);
    svg_ += fmt::format("<line x1='{}' x2='{}' y1='{:.1f}' y2='{:.1f}' class='grid'/>\n", kLeft,
                        kWidth - kRight, Y(y), Y(y));
  }
  void Line(const std::vector<std::pair<double, double>>& points, const std::string& colour,
            const std::string& name, int place) {
    std::string path;
    for (const auto& [x, y] : points) {
      path += fmt::format("{:.1f},{:.1f} ", X(x), Y(std::clamp(y, 0.0, 1.0)));
      svg_ += fmt::format("<circle cx='{:.1f}' cy='{:.1f}' r='3' fill='{}'/>\n", X(x),
                          Y(std::clamp(y, 0.0, 1.0)), colour);
    }
    svg_ += fmt::format("<polyline points='{}' fill='none' stroke='{}' stroke-width='2'/>\n", path, colour);
    svg_ += fmt::format("<text x='{}' y='{}' fill='{}' class='name' text-anchor='end'>{}</text>\n",
                        kWidth - kRight - 8, bottom_ - kPanel + 18 + 16 * place, colour, name);
  }
  [[nodiscard]] const std::string& svg() const { return svg_; }

 private:
  static double X(double x) { return kLeft + 15 + x * (kWidth - kLeft - kRight - 30); }
  double Y(double y) const { return bottom_ - y * kPanel; }

  const double bottom_;
  std::string svg_;
};

// 1, 2, 5, 10, 20, … above `value`.
double RoundUp(double value) {
  const double power = std::pow(10, std::floor(std::log10(std::max(value, 1e-9))));
  for (const double step : {1.0, 2.0, 5.0, 10.0}) {
    if (value <= step * power) return step * power;
  }
  return 10 * power;
}

// Milliseconds from 1 to 10 000 on a logarithmic axis.
double LogShare(double ms) { return std::log10(std::max(ms, 1.0)) / 4; }

}  // namespace

Step Summarise(const std::vector<Sample>& samples, const Load& load, double capacity,
               std::uint64_t resident_bytes, v1::Lane lane) {
  const double seconds = std::chrono::duration<double>(load.time).count();
  std::vector<double> scanned;
  std::vector<double> refused;
  std::size_t other = 0;
  std::size_t all = 0;
  for (const Sample& sample : samples) {
    if (lane != v1::LANE_UNSPECIFIED && sample.lane != lane) continue;
    ++all;
    if (sample.answer == Answer::kScanned) {
      scanned.push_back(sample.took_ms);
    } else if (sample.answer == Answer::kRefused) {
      refused.push_back(sample.took_ms);
    } else {
      ++other;
    }
  }
  // What was queued when the arrivals ended was scanned after it: the time counts until the last answer.
  double until = seconds;
  for (const Sample& sample : samples) {
    if (lane != v1::LANE_UNSPECIFIED && sample.lane != lane) continue;
    if (sample.answer == Answer::kScanned) until = std::max(until, sample.at + sample.took_ms / 1000);
  }
  Step step;
  step.offered = static_cast<double>(all) / seconds;
  step.of_capacity = step.offered / capacity;
  step.goodput = static_cast<double>(scanned.size()) / until;
  step.refused = static_cast<double>(refused.size()) / seconds;
  step.late_or_failed = static_cast<double>(other) / seconds;
  step.scanned_p50_ms = Quantile(scanned, 0.5);
  step.scanned_p99_ms = Quantile(scanned, 0.99);
  step.refused_p50_ms = Quantile(refused, 0.5);
  step.refused_p99_ms = Quantile(refused, 0.99);
  step.resident_bytes = resident_bytes;
  return step;
}

std::vector<Recovery> RecoveryOf(const std::vector<Sample>& samples, double every_seconds) {
  std::vector<std::vector<double>> bins;
  for (const Sample& sample : samples) {
    if (sample.answer != Answer::kScanned) continue;
    const auto bin = static_cast<std::size_t>(sample.at / every_seconds);
    if (bins.size() <= bin) bins.resize(bin + 1);
    bins[bin].push_back(sample.took_ms);
  }
  std::vector<Recovery> recovery;
  for (std::size_t i = 0; i < bins.size(); ++i) {
    recovery.push_back({static_cast<double>(i) * every_seconds, Quantile(bins[i], 0.5)});
  }
  return recovery;
}

std::string Markdown(const std::vector<Step>& steps) {
  std::string text =
      "| offered/s | × capacity | scanned/s | refused/s | late or failed/s | scanned p50, p99 ms | refused "
      "p50, p99 ms | "
      "server MiB | cores: server, decoders, client |\n|---|---|---|---|---|---|---|---|---|\n";
  for (const Step& s : steps) {
    text += fmt::format(
        "| {:.0f} | {:.1f} | {:.0f} | {:.0f} | {:.1f} | {:.0f}, {:.0f} | {:.1f}, {:.1f} | {} | {:.2f}, "
        "{:.2f}, {:.2f} |\n",
        s.offered, s.of_capacity, s.goodput, s.refused, s.late_or_failed, s.scanned_p50_ms, s.scanned_p99_ms,
        s.refused_p50_ms, s.refused_p99_ms, s.resident_bytes >> 20, s.server_cores, s.decoder_cores,
        s.client_cores);
  }
  return text;
}

std::string Csv(const std::vector<Step>& steps) {
  std::string text =
      "offered,of_capacity,goodput,refused,late_or_failed,scanned_p50_ms,scanned_p99_ms,refused_p50_ms,"
      "refused_p99_ms,"
      "resident_bytes,server_cores,decoder_cores,client_cores\n";
  for (const Step& s : steps) {
    text += fmt::format(
        "{:.1f},{:.2f},{:.1f},{:.1f},{:.1f},{:.1f},{:.1f},{:.2f},{:.2f},{},{:.3f},{:.3f},{:.3f}\n", s.offered,
        s.of_capacity, s.goodput, s.refused, s.late_or_failed, s.scanned_p50_ms, s.scanned_p99_ms,
        s.refused_p50_ms, s.refused_p99_ms, s.resident_bytes, s.server_cores, s.decoder_cores,
        s.client_cores);
  }
  return text;
}

std::string Svg(const std::vector<Step>& steps, const std::vector<Recovery>& recovery) {
  double most = 1;
  for (const Step& step : steps) most = std::max(most, step.goodput);
  most = RoundUp(most);
  const double last = steps.empty() ? 1 : steps.back().of_capacity;
  const auto along = [&](const std::function<double(const Step&)>& y) {
    std::vector<std::pair<double, double>> points;
    for (const Step& step : steps) points.emplace_back(step.of_capacity / last, y(step));
    return points;
  };

  Panel goodput(0, "Scans answered a second, by offered load in multiples of the capacity");
  for (int i = 0; i <= 4; ++i) goodput.TickY(i / 4.0, fmt::format("{:.0f}", most * i / 4));
  for (const Step& step : steps) {
    if (step.of_capacity > 0.9)
      goodput.TickX(step.of_capacity / last, fmt::format("{:.1f}×", step.of_capacity));
  }
  goodput.Line(along([&](const Step& s) { return s.goodput / most; }), "#1f6f8b", "scanned", 10);

  Panel latency(1, "Time to the answer, milliseconds, by offered load");
  for (int i = 0; i <= 4; ++i) latency.TickY(i / 4.0, fmt::format("{:.0f}", std::pow(10, i)));
  for (const Step& step : steps) {
    if (step.of_capacity > 0.9)
      latency.TickX(step.of_capacity / last, fmt::format("{:.1f}×", step.of_capacity));
  }
  latency.Line(along([](const Step& s) { return LogShare(s.scanned_p50_ms); }), "#1f6f8b", "scanned, median",
               0);
  std::vector<std::pair<double, double>> refused;
  for (const Step& step : steps) {
    if (step.refused > 0) refused.emplace_back(step.of_capacity / last, LogShare(step.refused_p50_ms));
  }
  latency.Line(refused, "#b5483a", "refused, median", 1);

  Panel after(2, "Median time to the answer, milliseconds, in the seconds after the overload");
  for (int i = 0; i <= 4; ++i) after.TickY(i / 4.0, fmt::format("{:.0f}", std::pow(10, i)));
  std::vector<std::pair<double, double>> points;
  const double end = recovery.empty() ? 1 : std::max(0.001, recovery.back().second);
  for (const Recovery& r : recovery) {
    points.emplace_back(r.second / end, LogShare(r.p50_ms));
    if (std::fabs(r.second - std::round(r.second)) < 1e-6)
      after.TickX(r.second / end, fmt::format("{:.0f} s", r.second));
  }
  after.Line(points, "#1f6f8b", "scanned", 0);

  return fmt::format(
             "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {} {}' font-family='sans-serif'>\n"
             "<style>.title{{font-size:14px;font-weight:bold}}.tick{{font-size:11px;fill:#555}}.name{{font-"
             "size:12px}}"
             ".frame{{fill:#fff;stroke:#999}}.grid{{stroke:#ddd}}</style>\n"
             "<rect width='100%' height='100%' fill='#fff'/>\n",
             kWidth, kTop + 3 * (kPanel + kBetween)) +
         goodput.svg() + latency.svg() + after.svg() + "</svg>\n";
}

}  // namespace tamiz::bench
