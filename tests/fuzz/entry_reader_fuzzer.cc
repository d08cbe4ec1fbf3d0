#include <cstdlib>

#include "core/lists/entry_reader.h"

namespace {

using tamiz::lists::Entry;
using tamiz::lists::EntryCollector;
using tamiz::lists::Rejection;

EntryCollector::Collected Read(const char* format, std::span<const std::uint8_t> bytes, std::size_t piece) {
  EntryCollector collector;
  tamiz::lists::ReadOptions options;
  options.format = format;
  auto reader = tamiz::lists::MakeEntryReader(
      options, [&](std::uint64_t line, Entry&& entry) { collector.Add(line, std::move(entry)); },
      [&](Rejection&& rejection) { collector.Reject(std::move(rejection)); });
  if (!reader.ok()) std::abort();
  for (std::size_t at = 0; at < bytes.size(); at += piece) {
    if (!(*reader)->Feed(bytes.subspan(at, std::min(piece, bytes.size() - at))).ok())
      return collector.Finish();
  }
  (void)(*reader)->Finish();
  return collector.Finish();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  for (const char* format : {"csv", "tsv", "ndjson"}) {
    const auto whole = Read(format, {data, size}, size + 1);
    const auto pieces = Read(format, {data, size}, 7);
    // How the bytes were cut must not matter.
    if (whole.rows_read != pieces.rows_read || whole.entries.size() != pieces.entries.size()) std::abort();
    for (const Entry& entry : whole.entries) {
      if (!FaultOf(entry).empty()) std::abort();
    }
  }
  return 0;
}
