// What an evaluation found, as CSV, JSON and a page with plots.
#pragma once

#include <string>

#include "bench/eval/evaluation.h"

namespace tamiz::eval {

struct Summary {
  struct Row {
    std::string group, name;
    std::uint64_t uploads = 0;
    std::array<std::uint64_t, kReach + 1> within{};  // uploads whose entry was found within each distance
    std::array<std::uint64_t, kReach + 1> within_with_crops{};  // where its crops are stored too
    [[nodiscard]] double Recall(std::uint32_t radius) const {
      return uploads == 0
                 ? 0
                 : static_cast<double>(within[std::min(radius, kReach)]) / static_cast<double>(uploads);
    }
  };
  // Unrelated uploads by how they were looked at: against the whole list, and against stored crops alone.
  struct LookRow {
    std::string name;
    std::uint64_t uploads = 0;  // that were looked at so
    double pairs = 0;           // of a hash that was looked up and one of the list
    // Pairs of an upload and an entry by distance, each counted once, by its nearest look.
    std::array<std::uint64_t, kReach + 1> at{};
    // Uploads with such a pair within each distance.
    std::array<std::uint64_t, kReach + 1> uploads_within{};
  };
  std::vector<LookRow> looks;
  LookRow any_look;
  // Unrelated uploads by where their pictures are from.
  struct OriginRow {
    std::string name;
    std::uint64_t pictures = 0, uploads = 0;
    std::array<std::uint64_t, kReach + 1> uploads_within{};  // uploads with an entry within each distance
  };
  std::vector<OriginRow> origins;
  // Pairs of unrelated uploads within 31 bits, for people to look at.
  struct FalsePair {
    std::string picture, edit, look;
    std::uint32_t distance = 0;
    std::uint64_t entry = 0;
  };
  std::vector<FalsePair> false_pairs;
  std::vector<Row> rows;  // by edit
  Row all;
  std::uint64_t unrelated = 0;  // uploads
  std::vector<std::uint64_t> list_sizes;
  // Unrelated uploads that come within each distance of an entry, by list size.
  std::vector<std::array<std::uint64_t, kReach + 1>> wrong;
  // The largest radius with at most one false positive expected among a million, for the whole list.
  std::uint32_t safe_radius = 0;
  calibration::Reliability even, at_rate;  // held out
};

// Of `seen` among `uploads`: the least rate that would give as few with a probability of 5 % only.
[[nodiscard]] double UpperBound95(std::uint64_t seen, std::uint64_t uploads);

[[nodiscard]] Summary Summarise(const Run& run, const calibration::Calibration& calibration,
                                const std::vector<calibration::LabelledPair>& pairs);

[[nodiscard]] std::string RecallCsv(const Summary& summary);
// look,distance,pairs,uploads_within: where unrelated pairs come from.
[[nodiscard]] std::string TailCsv(const Summary& summary);
// origin,pictures,uploads,nearest,uploads_within_31…: the same by where the pictures are from.
[[nodiscard]] std::string OriginsCsv(const Summary& summary);
[[nodiscard]] std::string SummaryJson(const Run& run, const Summary& summary,
                                      const calibration::Calibration& calibration);
// SVG by name.
[[nodiscard]] std::vector<std::pair<std::string, std::string>> Plots(
    const Run& run, const Summary& summary, const calibration::Calibration& calibration);
// `command`: how to make it again.
[[nodiscard]] std::string Html(const Run& run, const Summary& summary,
                               const calibration::Calibration& calibration, const std::string& command);

}  // namespace tamiz::eval
