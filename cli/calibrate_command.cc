// tamiz calibrate: what distances are worth on an operator's own pictures. Needs no server.
#include <chrono>
#include <ctime>
#include <fstream>
#include <memory>

#include <fmt/format.h>

#include "cli/command.h"
#include "cli/files.h"
#include "cli/output.h"
#include "core/calibration/calibration_file.h"
#include "core/calibration/fit.h"

namespace tamiz::cli {
namespace {

struct Wanted {
  std::string pairs, out = "-", base, name, data, date;
  double base_rate = 0;
};

std::string Today() {
  const std::time_t now = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
  std::tm day{};
  ::gmtime_r(&now, &day);
  return fmt::format("{:04d}-{:02d}-{:02d}", day.tm_year + 1900, day.tm_mon + 1, day.tm_mday);
}

grpc::Status Problem(const std::string& message) { return {grpc::StatusCode::INVALID_ARGUMENT, message}; }

grpc::Status Calibrate(const Wanted& wanted) {
  std::string csv;
  if (grpc::Status status = ReadWhole(FileInput(wanted.pairs), csv); !status.ok()) return status;
  const auto pairs = calibration::ReadPairs(csv);
  if (!pairs.ok()) return Problem(fmt::format("{}: {}", wanted.pairs, Message(pairs.status())));
  const auto base = calibration::Load(wanted.base);
  if (!base.ok()) return Problem(Message(base.status()));
  calibration::FitOptions options;
  options.name = wanted.name;
  options.date = wanted.date.empty() ? Today() : wanted.date;
  options.data = wanted.data;
  options.base_rate = wanted.base_rate > 0 ? wanted.base_rate : (*base)->base_rate;
  options.unrelated = (*base)->unrelated;
  options.queries = (*base)->queries;
  const auto calibration = calibration::Fit(*pairs, options);
  if (!calibration.ok()) return Problem(fmt::format("{}: {}", wanted.pairs, Message(calibration.status())));

  const std::string text = calibration::Print(*calibration);
  if (wanted.out == "-") {
    fmt::print("{}", text);
    return grpc::Status::OK;
  }
  std::ofstream file(wanted.out, std::ios::binary | std::ios::trunc);
  file << text;
  if (!file.flush()) return Problem(fmt::format("{} cannot be written", wanted.out));
  fmt::print(
      "{} written: {} pairs that are the same, {} that are not; {} held out, on which confidence is off by "
      "{:.4f}\n",
      Printable(wanted.out), calibration->pairs_same, calibration->pairs_different,
      calibration->held_out_pairs, calibration->expected_calibration_error);
  if (calibration->expected_calibration_error > 0.02) {
    fmt::print(stderr, "warning: more than 0.02; more pairs, or pairs from more sources, would help\n");
  }
  return grpc::Status::OK;
}

}  // namespace

void AddCalibrateCommand(CLI::App& app, Session& session) {
  auto wanted = std::make_shared<Wanted>();
  CLI::App* verb = app.add_subcommand(
      "calibrate", "Make a calibration for scan.calibration_file from labelled pairs; needs no server.");
  verb->add_option("pairs", wanted->pairs, "CSV of pairs, as bench/eval writes it; - is standard input")
      ->required();
  verb->add_option("--name", wanted->name, "names the calibration in every answer")->required();
  verb->add_option("--data", wanted->data, "what the pairs are, for people")->required();
  verb->add_option(
      "--date", wanted->date,
      "when the pairs were made, as 2026-12-31 (default: today); with the same pairs, name, data, "
      "base and date the file is the same, byte for byte");
  verb->add_option("--out", wanted->out, "file to write; - is standard output")->capture_default_str();
  verb->add_option("--base", wanted->base,
                   "calibration to take the unrelated pairs from (default: the one compiled in)");
  verb->add_option("--base-rate", wanted->base_rate,
                   "share of uploads that show a listed picture (default: as --base)")
      ->check(CLI::Range(1e-9, 0.5));
  verb->callback([&session, wanted] {
    session.is_local = true;
    session.run = [&session, wanted] {
      const grpc::Status status = Calibrate(*wanted);
      return status.ok() ? 0 : Fail(status, session.json);
    };
  });
}

}  // namespace tamiz::cli
