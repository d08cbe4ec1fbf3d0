// How well matching stands up to edits, and what a confidence is worth: recall, false positives, calibration.
//
//   tamiz-eval --decoder PATH --out DIR
//              [--listed-from DIR]… [--filler-from DIR]… [--unrelated-from DIR]… [--folder DIR]…
//              [--draw-listed N] [--draw-filler N] [--draw-unrelated N]
//              [--known N] [--unrelated N] [--filler N] [--list-size N] [--seed N] [--base-rate P] [--name
//              NAME]
//              [--date DATE] [--data TEXT] [--only-whole] [--quarters] [--distinct] [--check]
//   tamiz-eval --again DIR/run.json --out DIR     the fit and the report alone, of a run that was scanned
//   before
//
// Pictures to list, to fill the list up and unrelated ones come from different folders; those of --folder are
// divided by series. --quarters: quarters of large unrelated pictures are unrelated pictures too.
// --distinct: unrelated pictures that are found as one another are counted once.
// Writes recall.csv, tail.csv, origins.csv, nearest-NN.jpg, summary.json, report.html with its plots as SVG,
// pairs.csv (for `tamiz calibrate`) and calibration.json. With --check it fails where what always holds does
// not. bench/eval/run.sh runs it on Debian's pictures.
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <string_view>

#include <fmt/chrono.h>
#include <fmt/format.h>

#include "bench/eval/evaluation.h"
#include "bench/eval/report.h"
#include "bench/eval/run_file.h"
#include "core/calibration/calibration_file.h"

namespace tamiz::eval {
namespace {

struct Arguments {
  Options options;
  std::string out = "var/eval", again, data, name = "operator";
  std::string date = fmt::format("{:%F}", fmt::gmtime(std::time(nullptr)));
  double base_rate = 0.0001;
  bool check = false;
};

[[noreturn]] void Fail(const std::string& why) {
  std::fprintf(stderr, "tamiz-eval: %s\n", why.c_str());
  std::exit(1);
}

Arguments Read(int argc, char** argv) {
  Arguments arguments;
  Options& options = arguments.options;
  for (int i = 1; i < argc; ++i) {
    const std::string_view flag = argv[i];
    if (flag == "--check") {
      arguments.check = true;
      continue;
    }
    if (flag == "--only-whole") {
      options.only_whole = true;
      continue;
    }
    if (flag == "--quarters") {
      options.quarters = true;
      continue;
    }
    if (flag == "--distinct") {
      options.distinct_unrelated = true;
      continue;
    }
    if (++i == argc) Fail(fmt::format("{} wants a value", flag));
    const std::string value = argv[i];
    const auto number = [&](auto& to) {
      const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), to);
      if (error != std::errc() || end != value.data() + value.size())
        Fail(fmt::format("{} is no value for {}", value, flag));
    };
    if (flag == "--decoder")
      options.decoder = value;
    else if (flag == "--again")
      arguments.again = value;
    else if (flag == "--out")
      arguments.out = value;
    else if (flag == "--folder")
      options.folders.push_back(value);
    else if (flag == "--listed-from")
      options.listed.folders.push_back(value);
    else if (flag == "--filler-from")
      options.filler.folders.push_back(value);
    else if (flag == "--unrelated-from")
      options.unrelated.folders.push_back(value);
    else if (flag == "--draw-listed")
      number(options.listed.drawn);
    else if (flag == "--draw-filler")
      number(options.filler.drawn);
    else if (flag == "--draw-unrelated")
      number(options.unrelated.drawn);
    else if (flag == "--known")
      number(options.known);
    else if (flag == "--unrelated")
      number(options.unrelated_pictures);
    else if (flag == "--filler")
      number(options.fillers);
    else if (flag == "--list-size")
      number(options.list_size);
    else if (flag == "--max-side")
      number(options.max_side);
    else if (flag == "--seed")
      number(options.seed);
    else if (flag == "--base-rate")
      number(arguments.base_rate);
    else if (flag == "--name")
      arguments.name = value;
    else if (flag == "--data")
      arguments.data = value;
    else if (flag == "--date")
      arguments.date = value;
    else
      Fail(fmt::format("{} is not known; see bench/eval/main.cc", flag));
  }
  if (options.decoder.empty() && arguments.again.empty())
    Fail("--decoder is missing: the path of tamiz-decoder");
  return arguments;
}

void Write(const std::filesystem::path& path, const std::string& text) {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file << text;
  if (!file.flush()) Fail(fmt::format("{} cannot be written", path.string()));
}

// The rule that leaves copies out of the unrelated ones: it knows copies, and takes nothing else for one.
void CheckRule() {
  std::vector<Detail> originals;
  for (std::uint32_t seed = 0; seed < 20; ++seed) originals.push_back(DetailOf(Draw(seed, 400)));
  std::size_t which = 0;
  for (const Edit& edit : AllEdits()) {
    const bool is_copy = edit.name == "JPEG quality 70" || edit.name == "resize to 50 %" ||
                         edit.name == "mirrored" || edit.name == "turned by 90 degrees";
    if (!is_copy) continue;
    std::mt19937 random;
    const double likeness = DetailLikeness(originals, DetailOf(edit.apply(Draw(7, 400), random, {})), which);
    if (likeness < 0.5 || which != 7)
      Fail(fmt::format("a copy, {}, has a likeness of {:.2f} to number {}", edit.name, likeness, which));
  }
  for (std::uint32_t seed = 20; seed < 60; ++seed) {
    const double likeness = DetailLikeness(originals, DetailOf(Draw(seed, 400)), which);
    if (likeness >= 0.5) Fail(fmt::format("two drawn pictures have a likeness of {:.2f}", likeness));
  }
}

// What holds of every set of pictures, or something is broken.
void Check(const Summary& summary, const calibration::Calibration& calibration) {
  const auto at_least = [&](std::string_view edit, double recall) {
    for (const Summary::Row& row : summary.rows) {
      if (row.name != edit) continue;
      if (row.uploads < 5) Fail(fmt::format("only {} uploads of \"{}\"", row.uploads, edit));
      if (row.Recall(31) < recall)
        Fail(fmt::format("\"{}\" is found in {:.3f}; {} is the least", edit, row.Recall(31), recall));
      return;
    }
    Fail(fmt::format("there is no edit \"{}\"", edit));
  };
  at_least("as it is", 1);
  at_least("JPEG quality 70", 0.99);
  at_least("resize to 50 %", 0.8);
  at_least("mirrored", 0.99);
  at_least("turned by 90 degrees", 0.99);
  at_least("border 20 %", 0.9);
  at_least("letterbox, black", 0.9);
  for (const Summary::Row& row : summary.rows) {
    // What stored crops are for: more than half of what is found in hardly any picture without them.
    if (row.name == "crop 5 %" && (row.within_with_crops[31] * 2 < row.uploads ||
                                   row.within_with_crops[31] < row.within[31] + row.uploads / 4)) {
      Fail(fmt::format("with stored crops {} of {} are found after \"{}\", without {}",
                       row.within_with_crops[31], row.uploads, row.name, row.within[31]));
    }
  }
  double pairs = 0;
  for (std::size_t look = 0; look < calibration::kLooks; ++look) pairs += summary.looks[look].pairs;
  if (pairs != summary.any_look.pairs || pairs < 1e6)
    Fail(fmt::format("{:.0f} unrelated pairs by look, {:.0f} in all", pairs, summary.any_look.pairs));
  if (summary.unrelated < 50) Fail("too few unrelated uploads");
  if (summary.wrong.back()[31] != 0)
    Fail(fmt::format("{} unrelated uploads match within 31 bits", summary.wrong.back()[31]));
  if (calibration.expected_calibration_error > 0.05) {
    Fail(fmt::format("the expected calibration error is {:.4f}", calibration.expected_calibration_error));
  }
  const auto again = calibration::Parse(calibration::Print(calibration));
  if (!again.ok()) Fail("the calibration cannot be read again: " + Message(again.status()));
}

int Main(int argc, char** argv) {
  Arguments arguments = Read(argc, argv);
  const std::filesystem::path out = arguments.out;
  std::filesystem::create_directories(out);
  arguments.options.nearest_to = out.string();
  const auto save = [&](const Run& so_far) {
    if (const Status saved = Save(so_far, out / "run.json"); !saved.ok()) Fail(Message(saved));
  };
  const StatusOr<Run> run =
      arguments.again.empty() ? Evaluate(arguments.options, save) : LoadRun(arguments.again);
  if (!run.ok()) Fail(Message(run.status()));
  const auto pairs = PairsOf(*run);
  calibration::FitOptions fit;
  fit.name = arguments.name;
  fit.date = arguments.date;
  fit.base_rate = arguments.base_rate;
  fit.unrelated = TailOf(*run);
  fit.queries = QueriesOf(*run);
  fit.data =
      fmt::format("{} pictures, {} edits each; {} unrelated pictures; lists of up to {} entries; seed {}",
                  run->known, run->edits.size(), run->unrelated, run->list_entries, run->options.seed);
  if (!arguments.data.empty()) fit.data = arguments.data;
  const StatusOr<calibration::Calibration> calibration = calibration::Fit(pairs, fit);
  if (!calibration.ok()) Fail("no calibration: " + Message(calibration.status()));
  const Summary summary = Summarise(*run, *calibration, pairs);

  Write(out / "recall.csv", RecallCsv(summary));
  Write(out / "tail.csv", TailCsv(summary));
  Write(out / "origins.csv", OriginsCsv(summary));
  Write(out / "summary.json", SummaryJson(*run, summary, *calibration));
  Write(out / "report.html", Html(*run, summary, *calibration, "bench/eval/run.sh"));
  for (const auto& [name, svg] : Plots(*run, summary, *calibration)) Write(out / (name + ".svg"), svg);
  Write(out / "calibration.json", calibration::Print(*calibration));
  std::string csv = calibration::PairsHeader();
  for (const calibration::LabelledPair& pair : pairs) csv += calibration::PairRow(pair);
  Write(out / "pairs.csv", csv);
  std::printf("%s", RecallCsv(summary).c_str());
  std::printf(
      "safe radius %u, calibration error %.4f, unrelated within 31 bits: %llu of %llu, %.0f s, of processors "
      "%.0f s, %.0f MB\n",
      summary.safe_radius, calibration->expected_calibration_error,
      static_cast<unsigned long long>(summary.wrong.back()[31]),
      static_cast<unsigned long long>(summary.unrelated), run->seconds, run->processor_seconds,
      run->peak_megabytes);
  if (arguments.check) {
    CheckRule();
    Check(summary, *calibration);
  }
  return 0;
}

}  // namespace
}  // namespace tamiz::eval

int main(int argc, char** argv) { return tamiz::eval::Main(argc, argv); }
