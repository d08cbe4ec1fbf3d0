#include <cstdlib>

#include "core/lists/entry_reader.h"

namespace {

using tamiz::lists::Entry;
using tamiz::lists::EntryCollector;
using tamiz::lists::Rejection;

struct Outcome {
  bool ok = true;
  EntryCollector::Collected collected;
};

Outcome Read(const tamiz::lists::ReadOptions& options, std::span<const std::uint8_t> bytes,
             std::size_t piece) {
  EntryCollector collector;
  auto reader = tamiz::lists::MakeEntryReader(
      options, [&](std::uint64_t line, Entry&& entry) { collector.Add(line, std::move(entry)); },
      [&](Rejection&& rejection) { collector.Reject(std::move(rejection)); }, collector.Notes());
  if (!reader.ok()) std::abort();
  Outcome outcome;
  for (std::size_t at = 0; at < bytes.size() && outcome.ok; at += piece) {
    outcome.ok = (*reader)->Feed(bytes.subspan(at, std::min(piece, bytes.size() - at))).ok();
  }
  if (outcome.ok) outcome.ok = (*reader)->Finish().ok();
  outcome.collected = collector.Finish();
  return outcome;
}

void Check(const tamiz::lists::ReadOptions& options, std::span<const std::uint8_t> bytes) {
  const Outcome whole = Read(options, bytes, bytes.size() + 1);
  const Outcome pieces = Read(options, bytes, 7);
  // How the bytes were cut must not matter.
  if (whole.ok != pieces.ok || whole.collected.rows_read != pieces.collected.rows_read ||
      whole.collected.rows_skipped != pieces.collected.rows_skipped ||
      whole.collected.entries.size() != pieces.collected.entries.size()) {
    std::abort();
  }
  for (const Entry& entry : whole.collected.entries) {
    if (!FaultOf(entry).empty()) std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  tamiz::lists::ReadOptions options;
  options.categories = {{.category = "1", .labels = {"A1"}}, {.category = "2", .labels = {}, .skip = true}};
  options.format = "auto";
  Check(options, {data, size});
  for (const std::string_view format : tamiz::lists::kFileFormats) {
    options.format = format;
    options.for_allow_list = format == "nsrl";
    Check(options, {data, size});
  }
  options.format = "csv";
  options.has_header = false;
  options.derive_ids = true;
  options.columns.category = "3";
  options.hash_columns = {
      {.column = "1", .kind = tamiz::lists::HashType::kMd5},
      {.column = "2", .kind = tamiz::lists::HashType::kPdq, .encoding = tamiz::lists::HashEncoding::kBase64}};
  Check(options, {data, size});
  return 0;
}
