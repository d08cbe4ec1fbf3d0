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
constexpr std::array<std::uint32_t, 5> kTailRadii = {31, 40, 48, 56, 64};

// What the project wants at one false positive per million.
struct Target {
  const char* edit;
  double recall;
  bool with_crops = false;  // for entries that hold their crops
};

double Reached(const Target& target, const Summary::Row& row, std::uint32_t radius) {
  if (!target.with_crops) return row.Recall(radius);
  return row.uploads == 0 ? 0 : double(row.within_with_crops[radius]) / double(row.uploads);
}
constexpr std::array<Target, 8> kTargets = {{{"mirrored", 0.99},
                                             {"turned by 90 degrees", 0.99},
                                             {"border 20 %", 0.97},
                                             {"letterbox, black", 0.98},
                                             {"screenshot of a phone, light", 0.90},
                                             {"screenshot of a phone, dark", 0.90},
                                             {"collage of four, gaps", 0.85},
                                             {"crop 5 %", 0.60, true}}};

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

void AddToLooks(const Run& run, const Upload& upload, Summary& summary) {
  std::vector<std::uint32_t> nearest(calibration::kLooks + 1, kReach + 1);
  const auto count = [&](const std::vector<Upload::Wrong>& pairs, bool crops) {
    for (const Upload::Wrong& wrong : pairs) {
      const std::size_t look = crops ? calibration::kLooks : static_cast<std::size_t>(wrong.evidence.look);
      const std::uint32_t distance = std::min(wrong.evidence.distance, kReach);
      ++summary.looks[look].at[distance];
      if (!crops) ++summary.any_look.at[distance];
      nearest[look] = std::min(nearest[look], distance);
      if (distance > 31) continue;
      summary.false_pairs.push_back({run.unrelated_names[upload.source - run.known],
                                     run.edits[upload.edit].name,
                                     crops ? "stored crop" : summary.looks[look].name, distance, wrong.rank});
    }
  };
  count(upload.wrong, false);
  count(upload.wrong_crops, true);
  const auto entries = static_cast<double>(run.list_entries);
  for (std::size_t look = 0; look <= calibration::kLooks; ++look) {
    Summary::LookRow& row = summary.looks[look];
    const bool crops = look == calibration::kLooks;
    const std::uint32_t queries = crops ? upload.queries : upload.queries_by_look[look];
    if (queries == 0) continue;
    ++row.uploads;
    row.pairs += queries * (crops ? static_cast<double>(run.crop_entries) : entries);
    for (std::size_t d = nearest[look]; d <= kReach; ++d) ++row.uploads_within[d];
  }
  ++summary.any_look.uploads;
  summary.any_look.pairs += upload.queries * entries;
  const std::uint32_t any = *std::min_element(nearest.begin(), nearest.end() - 1);
  const std::size_t picture = upload.source - run.known;
  Summary::OriginRow& origin = summary.origins[run.unrelated_origins[picture]];
  if (upload.edit == 0) ++origin.pictures;
  ++origin.uploads;
  for (std::size_t d = any; d <= kReach; ++d) {
    ++summary.any_look.uploads_within[d];
    ++origin.uploads_within[d];
  }
}

// What follows the folders of a path.
std::string FileOf(const std::string& path) { return path.substr(path.rfind('/') + 1); }

// Bits of the nearest pair; none within reach: nothing.
std::string NearestOf(const Summary::OriginRow& origin) {
  const auto at = std::ranges::find_if(origin.uploads_within, [](std::uint64_t n) { return n > 0; });
  return at == origin.uploads_within.end() ? "" : fmt::to_string(at - origin.uploads_within.begin());
}

Plot LookPlot(const Summary& summary) {
  Plot plot{"Unrelated pairs by how the upload was looked at",
            {"distance, bits", 0, kReach},
            {"pairs within, of all looked up so", 1e-13, 1e-3, true},
            {}};
  for (const Summary::LookRow& row : summary.looks) {
    Series series{row.name, {}};
    std::uint64_t within = 0;
    for (std::uint32_t d = 0; d <= kReach; ++d) {
      within += row.at[d];
      if (within > 0) series.points.emplace_back(d, static_cast<double>(within) / row.pairs);
    }
    plot.series.push_back(std::move(series));
  }
  return plot;
}

}  // namespace

double UpperBound95(std::uint64_t seen, std::uint64_t uploads) {
  if (uploads == 0) return 1;
  // The mean of which a Poisson number is at most `seen` in 5 % of cases: 3 for none.
  const auto probability = [&](double mean) {
    double term = std::exp(-mean), sum = term;
    for (std::uint64_t k = 1; k <= seen; ++k) sum += term *= mean / static_cast<double>(k);
    return sum;
  };
  double low = 0, high = 10 + 3 * static_cast<double>(seen);
  for (int step = 0; step < 100; ++step) {
    const double middle = (low + high) / 2;
    (probability(middle) > 0.05 ? low : high) = middle;
  }
  return std::min(1.0, high / static_cast<double>(uploads));
}

Summary Summarise(const Run& run, const Calibration& calibration,
                  const std::vector<calibration::LabelledPair>& pairs) {
  Summary summary;
  for (const Edit& edit : run.edits) summary.rows.push_back({edit.group, edit.name});
  summary.list_sizes = ListSizes(run);
  summary.wrong.resize(summary.list_sizes.size());
  for (std::size_t look = 0; look < calibration::kLooks; ++look)
    summary.looks.push_back({std::string(calibration::ToString(static_cast<calibration::Look>(look)))});
  summary.looks.push_back({"any, against stored crops"});
  summary.any_look.name = "any";
  for (const std::string& source : run.unrelated_sources)
    summary.origins.push_back({source.substr(0, source.rfind(" ("))});
  for (const Upload& upload : run.uploads) {
    if (upload.known) {
      for (Summary::Row* row : {&summary.rows[upload.edit], &summary.all}) {
        ++row->uploads;
        for (std::size_t d = upload.distance_with_crops; d <= kReach; ++d) ++row->within_with_crops[d];
        if (!upload.found) continue;
        for (std::size_t d = upload.evidence.distance; d <= kReach; ++d) ++row->within[d];
      }
      continue;
    }
    ++summary.unrelated;
    AddToLooks(run, upload, summary);
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
  csv += fmt::format(",within_safe_radius_{},within_31_with_stored_crops\n", summary.safe_radius);
  for (const Summary::Row& row : summary.rows) {
    csv += fmt::format("{},\"{}\",{}", row.group, row.name, row.uploads);
    for (const std::uint32_t radius : kRadii) csv += fmt::format(",{:.4f}", row.Recall(radius));
    csv += fmt::format(",{:.4f},{:.4f}\n", row.Recall(summary.safe_radius),
                       double(row.within_with_crops[31]) / std::max(1.0, double(row.uploads)));
  }
  return csv;
}

std::string TailCsv(const Summary& summary) {
  std::string csv = "look,distance,pairs,uploads_within\n";
  for (const Summary::LookRow& row : summary.looks) {
    for (std::uint32_t d = 0; d <= kReach; ++d)
      csv += fmt::format("\"{}\",{},{},{}\n", row.name, d, row.at[d], row.uploads_within[d]);
  }
  return csv;
}

std::string OriginsCsv(const Summary& summary) {
  std::string csv = "origin,pictures,uploads,nearest";
  for (const std::uint32_t radius : kTailRadii) csv += fmt::format(",uploads_within_{}", radius);
  csv += '\n';
  for (const Summary::OriginRow& row : summary.origins) {
    csv += fmt::format("\"{}\",{},{},{}", row.name, row.pictures, row.uploads, NearestOf(row));
    for (const std::uint32_t radius : kTailRadii) csv += fmt::format(",{}", row.uploads_within[radius]);
    csv += '\n';
  }
  return csv;
}

std::string SummaryJson(const Run& run, const Summary& summary, const Calibration& calibration) {
  ordered_json recall = ordered_json::object(), targets = ordered_json::array(),
               wrong = ordered_json::array();
  for (const Summary::Row& row : summary.rows) {
    recall[row.name] = {{"uploads", row.uploads},
                        {"radius_31", row.Recall(31)},
                        {"radius_31_with_stored_crops",
                         double(row.within_with_crops[31]) / std::max(1.0, double(row.uploads))},
                        {"safe_radius", row.Recall(summary.safe_radius)}};
  }
  ordered_json looks = ordered_json::array(), nearest = ordered_json::array();
  for (const NearPair& pair : run.nearest) {
    nearest.push_back({{"bits", pair.distance},
                       {"picture", FileOf(pair.picture)},
                       {"edit", pair.edit},
                       {"look", pair.look},
                       {"turned", pair.turned},
                       {"entry", FileOf(pair.entry)}});
  }
  const auto add_look = [&](const Summary::LookRow& row) {
    looks.push_back(
        {{"look", row.name},
         {"uploads", row.uploads},
         {"pairs", row.pairs},
         {"uploads_within_31", row.uploads_within[31]},
         {"upper_bound_95_per_million_uploads", 1e6 * UpperBound95(row.uploads_within[31], row.uploads)},
         {"pairs_by_distance", row.at}});
  };
  add_look(summary.any_look);
  for (const Summary::LookRow& row : summary.looks) add_look(row);
  for (const Target& target : kTargets) {
    if (const Summary::Row* row = Find(summary, target.edit)) {
      const double reached = Reached(target, *row, 31);
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
                      {"pictures_on_the_list", run.known},
                      {"of_them_with_a_plain_margin_of_their_own", run.known_with_margin},
                      {"sources_listed", run.listed_sources},
                      {"sources_filler", run.filler_sources},
                      {"sources_unrelated", run.unrelated_sources},
                      {"unrelated_pictures", run.unrelated},
                      {"unrelated_pictures_drawn", run.unrelated_drawn},
                      {"unrelated_left_out_unusable", run.unrelated_unusable},
                      {"unrelated_left_out_repeated", run.unrelated_repeated},
                      {"unrelated_left_out_alike", run.unrelated_alike},
                      {"unrelated_dropped_as_copies", run.dropped.size()},
                      {"stored_crop_entries", run.crop_entries},
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
                      {"unrelated_by_look", looks},
                      {"unrelated_nearest", nearest},
                      {"seconds", run.seconds},
                      {"processor_seconds", run.processor_seconds},
                      {"peak_megabytes", run.peak_megabytes}}
             .dump(1, ' ', false, ordered_json::error_handler_t::replace) +
         "\n";
}

std::vector<std::pair<std::string, std::string>> Plots(const Run& run, const Summary& summary,
                                                       const Calibration& calibration) {
  return {{"recall", Svg(RecallPlot(summary))},
          {"roc", Svg(RocPlot(summary, calibration))},
          {"distances", Svg(DistancePlot(run, summary))},
          {"unrelated", Svg(TailPlot(calibration))},
          {"looks", Svg(LookPlot(summary))},
          {"false-positives", Svg(FalsePositivePlot(summary, calibration))},
          {"confidence", Svg(ConfidencePlot(calibration))},
          {"calibration", Svg(CalibrationPlot(summary, calibration))}};
}

namespace {

// Where false positives come from.
std::string UnrelatedHtml(const Run& run, const Summary& summary, const Calibration& calibration) {
  const Summary::LookRow& any = summary.any_look;
  std::string html = fmt::format(
      "<h2>Unrelated pictures</h2>\n<p>Nothing unrelated comes from a package of which a picture is on the "
      "list "
      "or fills it up. Left out by rule, on the originals, before anything was hashed: {} copies of a "
      "picture "
      "that the list knows (correlation of at least 0.5 of all that is finer than what PDQ reads, in any "
      "orientation), {} with the same pixels as another unrelated one, {} within 31 bits of another, {} that "
      "could not be decoded, have under 200 pixels a side or no structure.</p>\n"
      "<p><b>{} of {} unrelated uploads came within 31 bits of any of {} entries</b>: {:.3g} in a million; "
      "with "
      "95 % confidence fewer than {:.3g} in a million (rule of three where none was seen). One false "
      "positive in a "
      "million unrelated uploads is expected up to a radius of {} bits by the model, which is measured from "
      "{} bits on "
      "and extrapolated below.</p>\n",
      run.dropped.size(), run.unrelated_repeated, run.unrelated_alike, run.unrelated_unusable,
      any.uploads_within[31], any.uploads, run.list_entries,
      1e6 * double(any.uploads_within[31]) / std::max(1.0, double(any.uploads)),
      1e6 * UpperBound95(any.uploads_within[31], any.uploads), summary.safe_radius,
      calibration.unrelated.measured_from);
  html +=
      "<table><tr><th>look</th><th>uploads looked at so</th><th>pairs of hashes</th><th>uploads within 31 "
      "bits</th><th>95 %: fewer than, per million</th><th>pairs of an upload and an entry, bits: "
      "count</th></tr>\n";
  std::vector<const Summary::LookRow*> rows = {&any};
  for (const Summary::LookRow& row : summary.looks) rows.push_back(&row);
  for (const Summary::LookRow* row : rows) {
    std::string tail;
    int shown = 0;
    for (std::uint32_t d = 0; d <= kReach && shown < 16; ++d) {
      if (row->at[d] == 0) continue;
      tail += fmt::format("{}{}: {}", shown++ == 0 ? "" : ", ", d, row->at[d]);
    }
    html += fmt::format(
        "<tr><td>{}</td><td>{}</td><td>{:.3g}</td><td>{}</td><td>{:.3g}</td><td "
        "class=\"tail\">{}</td></tr>\n",
        row->name, row->uploads, row->pairs, row->uploads_within[31],
        1e6 * UpperBound95(row->uploads_within[31], row->uploads), tail);
  }
  html += "</table>\n";
  html +=
      "<p>By where the pictures are from:</p>\n<table><tr><th>origin</th><th>pictures</th><th>uploads</th>"
      "<th>nearest pair, bits</th>";
  for (const std::uint32_t radius : kTailRadii) html += fmt::format("<th>uploads within {}</th>", radius);
  html += "</tr>\n";
  for (const Summary::OriginRow& row : summary.origins) {
    html += fmt::format("<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td>", row.name, row.pictures,
                        row.uploads, NearestOf(row));
    for (const std::uint32_t radius : kTailRadii)
      html += fmt::format("<td>{}</td>", row.uploads_within[radius]);
    html += "</tr>\n";
  }
  html +=
      "</table>\n<p>The nearest pairs of all, for people to look at: the upload at the left, the entry's "
      "picture at the right.</p>\n<table><tr><th>bits</th><th>picture</th><th>edit</th><th>look</th>"
      "<th>turned</th><th>entry</th><th></th></tr>\n";
  for (const NearPair& pair : run.nearest) {
    html += fmt::format(
        "<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>\n",
        pair.distance, FileOf(pair.picture), pair.edit, pair.look, pair.turned ? "yes" : "no",
        FileOf(pair.entry), pair.file.empty() ? "" : fmt::format("<a href=\"{0}\">{0}</a>", pair.file));
  }
  html += "</table>\n";
  if (!summary.false_pairs.empty()) {
    html +=
        "<p>Those within 31 bits (at most 60 of them), for people to look "
        "at:</p>\n<table><tr><th>picture</th>"
        "<th>edit</th><th>look</th><th>bits</th><th>entry</th></tr>\n";
    for (std::size_t i = 0; i < std::min<std::size_t>(60, summary.false_pairs.size()); ++i) {
      const Summary::FalsePair& pair = summary.false_pairs[i];
      html += fmt::format("<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>\n",
                          FileOf(pair.picture), pair.edit, pair.look, pair.distance, pair.entry);
    }
    html += "</table>\n";
  }
  if (!run.dropped.empty()) {
    html += "<p>Left out as copies (at most 60):</p>\n<ul>\n";
    for (std::size_t i = 0; i < std::min<std::size_t>(60, run.dropped.size()); ++i) {
      html += fmt::format("<li>{} is like {} ({:.2f})</li>\n", FileOf(run.dropped[i].picture),
                          FileOf(run.dropped[i].like), run.dropped[i].likeness);
    }
    html += "</ul>\n";
  }
  return html;
}

}  // namespace

std::string Html(const Run& run, const Summary& summary, const Calibration& calibration,
                 const std::string& command) {
  std::string html = fmt::format(
      "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>Evaluation of "
      "matching</title>\n"
      "<style>body{{font:14px/1.45 sans-serif;max-width:72em;margin:2em auto;padding:0 "
      "1em}}table{{border-collapse:collapse}}"
      "td,th{{border:1px solid #ccc;padding:2px "
      "8px;text-align:right}}td:first-child,td:nth-child(2),th{{text-align:left}}"
      ".no{{background:#fbe3dc}}.tail{{text-align:left;font-size:12px}}svg{{margin:.6em .6em 0 "
      "0}}</style></head><body>\n<h1>Evaluation of "
      "matching</h1>\n"
      "<p>Made by <code>{}</code>, seed {}, in {:.0f} s ({:.0f} s of processors, at most {:.0f} MB). How to "
      "read "
      "it: docs/CONFIDENCE.md. All of it through the code that the service scans with.</p>\n<ul>\n"
      "<li>On the list: {} pictures ({} with a plain margin of their own), each edited in {} ways: {} "
      "uploads. "
      "From: {}.</li>\n"
      "<li>The list is filled up to {} entries with parts of {} other pictures. From: {}.</li>\n"
      "<li>Unrelated: {} pictures, {} of them drawn; each as it is and edited in one way: {} uploads. From: "
      "{}.</li>\n</ul>\n",
      command, run.options.seed, run.seconds, run.processor_seconds, run.peak_megabytes, run.known,
      run.known_with_margin, run.edits.size(), summary.all.uploads, fmt::join(run.listed_sources, ", "),
      run.list_entries, run.list_sources, fmt::join(run.filler_sources, ", "), run.unrelated,
      run.unrelated_drawn, summary.unrelated, fmt::join(run.unrelated_sources, ", "));
  html += UnrelatedHtml(run, summary, calibration);
  html +=
      "<h2>Targets</h2>\n<table><tr><th>edit</th><th></th><th>wanted, %</th><th>found within 31 bits, "
      "%</th></tr>\n";
  for (const Target& target : kTargets) {
    if (const Summary::Row* row = Find(summary, target.edit)) {
      const double reached = Reached(target, *row, 31);
      html +=
          fmt::format("<tr{}><td>{}{}</td><td>{}</td><td>{}</td><td>{}</td></tr>\n",
                      reached >= target.recall ? "" : " class=\"no\"", target.edit,
                      target.with_crops ? ", crops stored" : "", reached >= target.recall ? "met" : "missed",
                      Percent(target.recall), Percent(reached));
    }
  }
  html +=
      "</table>\n<h2>Found, by edit and radius, "
      "%</h2>\n<table><tr><th>group</th><th>edit</th><th>uploads</th>";
  for (const std::uint32_t radius : kRadii) html += fmt::format("<th>{}</th>", radius);
  html += "<th>31, crops stored</th></tr>\n";
  for (const Summary::Row& row : summary.rows) {
    html += fmt::format("<tr><td>{}</td><td>{}</td><td>{}</td>", row.group, row.name, row.uploads);
    for (const std::uint32_t radius : kRadii) html += fmt::format("<td>{}</td>", Percent(row.Recall(radius)));
    html += fmt::format("<td>{}</td></tr>\n",
                        Percent(double(row.within_with_crops[31]) / std::max(1.0, double(row.uploads))));
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
