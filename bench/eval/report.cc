#include "bench/eval/report.h"

#include <algorithm>
#include <cmath>

#include <nlohmann/json.hpp>

#include "bench/eval/plot.h"
#include "fmt/format.h"

namespace tamiz::eval {
namespace {

using calibration::Calibration;
using calibration::Evidence;
using nlohmann::ordered_json;

constexpr std::array<std::uint32_t, 6> kRadii = {10, 20, 31, 40, 48, 64};

// What the project wants at one false positive per million.
struct Target {
  const char* edit;
  double recall;
};
constexpr std::array<Target, 8> kTargets = {{{"mirrored", 0.99},
                                             {"turned by 90 degrees", 0.99},
                                             {"border 20 %", 0.97},
                                             {"letterbox, black", 0.98},
                                             {"screenshot of a phone, light", 0.90},
                                             {"screenshot of a phone, dark", 0.90},
                                             {"collage of four, gaps", 0.85},
                                             {"crop 5 %", 0.60}}};

std::string Percent(double share) { return fmt::format("{:.1f}", 100 * share); }

double Expected(const Calibration& calibration, std::uint32_t radius, std::uint64_t list) {
  return calibration.FalsePositivesPerMillion(radius, list, {});
}

Plot RecallPlot(const Summary& summary) {
  Plot plot{"Found within a radius, by kind of edit", {"radius, bits", 0, kReach}, {"share found", 0, 1}, {}};
  std::vector<std::pair<std::string, Summary::Row>> groups;
  for (const Summary::Row& row : summary.rows) {
    auto at = std::find_if(groups.begin(), groups.end(),
                           [&](const auto& group) { return group.first == row.group; });
    if (at == groups.end()) at = groups.insert(groups.end(), {row.group, {}});
    at->second.uploads += row.uploads;
    for (std::size_t d = 0; d <= kReach; ++d) at->second.within[d] += row.within[d];
  }
  for (const auto& [name, row] : groups) {
    Series series{name, {}};
    for (std::uint32_t d = 0; d <= kReach; ++d) series.points.emplace_back(d, row.Recall(d));
    plot.series.push_back(std::move(series));
  }
  return plot;
}

Plot DistancePlot(const Run& run, const Summary& summary) {
  Plot plot{"How far apart: pictures and their edits, unrelated pictures",
            {"distance, bits", 0, 256},
            {"share of pairs per bit", 1e-7, 1, true},
            {}};
  Series edits{"edit and original", {}}, unrelated{"unrelated, sampled", {}};
  double all = 0;
  for (const std::uint64_t count : run.unrelated_distances) all += static_cast<double>(count);
  for (std::uint32_t d = 0; d <= kReach; ++d) {
    const double share = double(summary.all.within[d] - (d > 0 ? summary.all.within[d - 1] : 0)) /
                         std::max(1.0, double(summary.all.uploads));
    if (share > 0) edits.points.emplace_back(d, share);
  }
  for (std::uint32_t d = 0; d <= 256; ++d) {
    if (run.unrelated_distances[d] > 0)
      unrelated.points.emplace_back(d, double(run.unrelated_distances[d]) / all);
  }
  plot.series = {std::move(edits), std::move(unrelated)};
  return plot;
}

Plot TailPlot(const Calibration& calibration) {
  Plot plot{"Unrelated pairs of hashes within a distance",
            {"distance, bits", 0, kReach},
            {"share of pairs", 1e-24, 1e-3, true},
            {}};
  Series measured{"measured", {}}, beyond{"extrapolated", {}, false, true};
  for (std::uint32_t d = 0; d <= kReach; ++d) {
    const std::pair<double, double> point{d, std::pow(10, calibration.unrelated.log10_share[d])};
    if (d >= calibration.unrelated.measured_from) measured.points.push_back(point);
    if (d <= calibration.unrelated.measured_from) beyond.points.push_back(point);
  }
  plot.series = {std::move(measured), std::move(beyond)};
  return plot;
}

Plot FalsePositivePlot(const Summary& summary, const Calibration& calibration) {
  Plot plot{"False positives among a million unrelated uploads",
            {"entries of the list", 1e3, 1e8, true},
            {"per million", 1e-4, 1e6, true},
            {}};
  for (const std::uint32_t radius : {31u, 40u, 48u, 56u}) {
    Series model{fmt::format("radius {}, model", radius), {}};
    for (double size = 1e3; size <= 1.01e8; size *= 10) {
      model.points.emplace_back(size, Expected(calibration, radius, static_cast<std::uint64_t>(size)));
    }
    plot.series.push_back(std::move(model));
    Series measured{fmt::format("radius {}, measured", radius), {}, true};
    for (std::size_t i = 0; i < summary.list_sizes.size(); ++i) {
      const double share = double(summary.wrong[i][radius]) / std::max(1.0, double(summary.unrelated));
      if (share > 0) measured.points.emplace_back(double(summary.list_sizes[i]), 1e6 * share);
    }
    plot.series.push_back(std::move(measured));
  }
  return plot;
}

Plot RocPlot(const Summary& summary, const Calibration& calibration) {
  Plot plot{"What recall costs: all edits, and some",
            {"false positives per million, model", 1e-6, 1e6, true},
            {"share found", 0, 1},
            {}};
  const auto add = [&](const std::string& name, const Summary::Row& row) {
    Series series{name, {}};
    for (std::uint32_t d = 0; d <= kReach; ++d)
      series.points.emplace_back(Expected(calibration, d, summary.list_sizes.back()), row.Recall(d));
    plot.series.push_back(std::move(series));
  };
  add("all edits", summary.all);
  for (const Summary::Row& row : summary.rows) {
    for (const char* name : {"JPEG quality 10", "crop 5 %", "crop 10 %", "border 20 %",
                             "screenshot of a phone, light", "collage of four, gaps", "photo of a screen"}) {
      if (row.name == name) add(row.name, row);
    }
  }
  return plot;
}

Plot CalibrationPlot(const Summary& summary, const Calibration& calibration) {
  Plot plot{"Confidence and truth, on pictures that the fit did not see",
            {"confidence", 0, 1},
            {"share that is the same picture", 0, 1},
            {}};
  Series ideal{"ideal", {{0, 0}, {1, 1}}, false, true};
  Series even{"at even odds", {}, true},
      rate{fmt::format("at 1 in {:.0f}", 1 / calibration.base_rate), {}, true};
  for (const auto& bin : summary.even.bins) even.points.emplace_back(bin.predicted, bin.observed);
  for (const auto& bin : summary.at_rate.bins) rate.points.emplace_back(bin.predicted, bin.observed);
  plot.series = {std::move(ideal), std::move(even), std::move(rate)};
  return plot;
}

Plot ConfidencePlot(const Calibration& calibration) {
  Plot plot{"Confidence by distance", {"distance, bits", 0, kReach}, {"confidence", 0, 1}, {}};
  for (const double size : {1e3, 1e6, 1e8}) {
    Series series{fmt::format("10^{:.0f} hashes", std::log10(size)), {}};
    for (std::uint32_t d = 0; d <= kReach; ++d) {
      Evidence evidence;
      evidence.distance = d;
      evidence.list_hashes = static_cast<std::uint64_t>(size);
      evidence.queries = 16;
      series.points.emplace_back(d, calibration.Probability(evidence));
    }
    plot.series.push_back(std::move(series));
  }
  return plot;
}

const Summary::Row* Find(const Summary& summary, std::string_view name) {
  const auto at = std::find_if(summary.rows.begin(), summary.rows.end(),
                               [&](const Summary::Row& row) { return row.name == name; });
  return at == summary.rows.end() ? nullptr : &*at;
}

}  // namespace

Summary Summarise(const Run& run, const Calibration& calibration,
                  const std::vector<calibration::LabelledPair>& pairs) {
  Summary summary;
  for (const Edit& edit : run.edits) summary.rows.push_back({edit.group, edit.name});
  summary.list_sizes = ListSizes(run);
  summary.wrong.resize(summary.list_sizes.size());
  for (const Upload& upload : run.uploads) {
    if (upload.known) {
      for (Summary::Row* row : {&summary.rows[upload.edit], &summary.all}) {
        ++row->uploads;
        if (!upload.found) continue;
        for (std::size_t d = upload.evidence.distance; d <= kReach; ++d) ++row->within[d];
      }
      continue;
    }
    ++summary.unrelated;
    for (std::size_t i = 0; i < summary.list_sizes.size(); ++i) {
      std::uint32_t nearest = kReach + 1;
      for (const Upload::Wrong& wrong : upload.wrong) {
        if (wrong.rank < summary.list_sizes[i]) nearest = std::min(nearest, wrong.evidence.distance);
      }
      for (std::size_t d = nearest; d <= kReach; ++d) ++summary.wrong[i][d];
    }
  }
  while (summary.safe_radius < kReach &&
         Expected(calibration, summary.safe_radius + 1, run.list_entries) <= 1)
    ++summary.safe_radius;
  std::vector<calibration::LabelledPair> held_out;
  std::copy_if(pairs.begin(), pairs.end(), std::back_inserter(held_out), calibration::IsHeldOut);
  summary.even = calibration::Measure(calibration, held_out, 0.5);
  summary.at_rate = calibration::Measure(calibration, held_out, calibration.base_rate);
  return summary;
}

std::string RecallCsv(const Summary& summary) {
  std::string csv = "group,edit,uploads";
  for (const std::uint32_t radius : kRadii) csv += fmt::format(",within_{}", radius);
  csv += fmt::format(",within_safe_radius_{}\n", summary.safe_radius);
  for (const Summary::Row& row : summary.rows) {
    csv += fmt::format("{},\"{}\",{}", row.group, row.name, row.uploads);
    for (const std::uint32_t radius : kRadii) csv += fmt::format(",{:.4f}", row.Recall(radius));
    csv += fmt::format(",{:.4f}\n", row.Recall(summary.safe_radius));
  }
  return csv;
}

std::string SummaryJson(const Run& run, const Summary& summary, const Calibration& calibration) {
  ordered_json recall = ordered_json::object(), targets = ordered_json::array(),
               wrong = ordered_json::array();
  for (const Summary::Row& row : summary.rows) {
    recall[row.name] = {{"uploads", row.uploads},
                        {"radius_31", row.Recall(31)},
                        {"safe_radius", row.Recall(summary.safe_radius)}};
  }
  for (const Target& target : kTargets) {
    if (const Summary::Row* row = Find(summary, target.edit)) {
      const double reached = row->Recall(std::min(31u, summary.safe_radius));
      targets.push_back({{"edit", target.edit},
                         {"wanted", target.recall},
                         {"reached", reached},
                         {"met", reached >= target.recall}});
    }
  }
  for (std::size_t i = 0; i < summary.list_sizes.size(); ++i) {
    for (const std::uint32_t radius : {31u, 40u, 48u, 56u, 64u}) {
      wrong.push_back({{"entries", summary.list_sizes[i]},
                       {"radius", radius},
                       {"uploads_with_a_false_positive", summary.wrong[i][radius]},
                       {"measured_per_million",
                        1e6 * double(summary.wrong[i][radius]) / std::max(1.0, double(summary.unrelated))},
                       {"expected_per_million", Expected(calibration, radius, summary.list_sizes[i])}});
    }
  }
  return ordered_json{{"seed", run.options.seed},
                      {"pictures_found", run.pictures_found},
                      {"pictures_distinct", run.pictures_distinct},
                      {"pictures_on_the_list", run.known},
                      {"of_them_with_a_plain_margin_of_their_own", run.known_with_margin},
                      {"sources", run.sources_used},
                      {"list_entries", run.list_entries},
                      {"edits", run.edits.size()},
                      {"uploads_known", summary.all.uploads},
                      {"uploads_unrelated", summary.unrelated},
                      {"safe_radius", summary.safe_radius},
                      {"expected_calibration_error_at_even_odds", summary.even.expected_error},
                      {"expected_calibration_error_at_base_rate", summary.at_rate.expected_error},
                      {"targets", targets},
                      {"recall", recall},
                      {"false_positives", wrong},
                      {"seconds", run.seconds}}
             .dump(1, ' ', false, ordered_json::error_handler_t::replace) +
         "\n";
}

std::vector<std::pair<std::string, std::string>> Plots(const Run& run, const Summary& summary,
                                                       const Calibration& calibration) {
  return {{"recall", Svg(RecallPlot(summary))},
          {"roc", Svg(RocPlot(summary, calibration))},
          {"distances", Svg(DistancePlot(run, summary))},
          {"unrelated", Svg(TailPlot(calibration))},
          {"false-positives", Svg(FalsePositivePlot(summary, calibration))},
          {"confidence", Svg(ConfidencePlot(calibration))},
          {"calibration", Svg(CalibrationPlot(summary, calibration))}};
}

std::string Html(const Run& run, const Summary& summary, const Calibration& calibration,
                 const std::string& command) {
  std::string sources;
  for (const std::string& source : run.sources_used) sources += fmt::format("<li>{}</li>", source);
  std::string html = fmt::format(
      "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>Evaluation of "
      "matching</title>\n"
      "<style>body{{font:14px/1.45 sans-serif;max-width:72em;margin:2em auto;padding:0 "
      "1em}}table{{border-collapse:collapse}}"
      "td,th{{border:1px solid #ccc;padding:2px "
      "8px;text-align:right}}td:first-child,td:nth-child(2),th{{text-align:left}}"
      ".no{{background:#fbe3dc}}svg{{margin:.6em .6em 0 0}}</style></head><body>\n<h1>Evaluation of "
      "matching</h1>\n"
      "<p>Made by <code>{}</code>, seed {}, in {:.0f} s. {} different pictures of {} found:</p><ul>{}</ul>\n"
      "<p>{} edits of each of the {} listed pictures ({} of them have a plain margin of their own), {} "
      "uploads; {} uploads of pictures that are on no list; a "
      "list of {} entries, "
      "filled up with parts of {} more pictures. All of it through the code that the service scans with. How "
      "to read it: "
      "docs/CONFIDENCE.md.</p>\n",
      command, run.options.seed, run.seconds, run.pictures_distinct, run.pictures_found, sources,
      run.edits.size(), run.known, run.known_with_margin, summary.all.uploads, summary.unrelated,
      run.list_entries, run.list_sources);
  html += fmt::format(
      "<p>One false positive among a million unrelated uploads, or fewer, is expected up to a radius of "
      "<b>{} bits</b> (model; unrelated "
      "pairs were seen from {} bits on, below it is extrapolated upwards of the truth). Unrelated uploads "
      "within 31 bits of any of {} "
      "entries: {} of {}.</p>\n",
      summary.safe_radius, calibration.unrelated.measured_from, run.list_entries, summary.wrong.back()[31],
      summary.unrelated);
  html +=
      "<h2>Targets</h2>\n<table><tr><th>edit</th><th></th><th>wanted, %</th><th>found within 31 bits, "
      "%</th></tr>\n";
  for (const Target& target : kTargets) {
    if (const Summary::Row* row = Find(summary, target.edit)) {
      const double reached = row->Recall(std::min(31u, summary.safe_radius));
      html +=
          fmt::format("<tr{}><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>\n",
                      reached >= target.recall ? "" : " class=\"no\"", target.edit,
                      reached >= target.recall ? "met" : "missed", Percent(target.recall), Percent(reached));
    }
  }
  html +=
      "</table>\n<h2>Found, by edit and radius, "
      "%</h2>\n<table><tr><th>group</th><th>edit</th><th>uploads</th>";
  for (const std::uint32_t radius : kRadii) html += fmt::format("<th>{}</th>", radius);
  html += "</tr>\n";
  for (const Summary::Row& row : summary.rows) {
    html += fmt::format("<tr><td>{}</td><td>{}</td><td>{}</td>", row.group, row.name, row.uploads);
    for (const std::uint32_t radius : kRadii) html += fmt::format("<td>{}</td>", Percent(row.Recall(radius)));
    html += "</tr>\n";
  }
  html += "</table>\n<h2>Plots</h2>\n";
  for (const auto& [name, svg] : Plots(run, summary, calibration)) html += svg;
  html += fmt::format(
      "<h2>Calibration</h2>\n<p>{}: {} pairs that are the same, {} that are not, for the fit; {} pairs held "
      "out. Expected calibration "
      "error, held out: {:.4f} at even odds, {:.4f} at the base rate of 1 in {:.0f}.</p>\n",
      calibration.name, calibration.pairs_same, calibration.pairs_different, calibration.held_out_pairs,
      summary.even.expected_error, summary.at_rate.expected_error, 1 / calibration.base_rate);
  html +=
      "<h2>False positives</h2>\n<table><tr><th>entries</th><th>radius</th><th>uploads, of "
      "all</th><th>measured per million</th><th>expected per million</th></tr>\n";
  for (std::size_t i = 0; i < summary.list_sizes.size(); ++i) {
    for (const std::uint32_t radius : {31u, 40u, 48u, 56u, 64u}) {
      html += fmt::format("<tr><td>{}</td><td>{}</td><td>{}</td><td>{:.4g}</td><td>{:.4g}</td></tr>\n",
                          summary.list_sizes[i], radius, summary.wrong[i][radius],
                          1e6 * double(summary.wrong[i][radius]) / std::max(1.0, double(summary.unrelated)),
                          Expected(calibration, radius, summary.list_sizes[i]));
    }
  }
  return html + "</table>\n</body></html>\n";
}

}  // namespace tamiz::eval
