// Files of ThreatExchange's tools: "signal_type VALUE" a line, and the state files simple.<TYPE>.te of
// python-threatexchange ("VALUE,descriptor,time,labels").
#pragma once

#include <string>
#include <string_view>

#include "core/lists/entry_reader.h"
#include "core/lists/line_splitter.h"

namespace tamiz::lists {

// A line without a signal type is of ReadOptions::default_hash_type, or MD5 or SHA-1 if its length says so.
// Signals that are not hashes of media (url, raw_text, trend_query …) stay out and are counted. A line of
// type vpdq holds a JSON array as in vPDQ files.
class ThreatExchangeReader final : public EntryReader {
 public:
  ThreatExchangeReader(const ReadOptions& options, Output output);

  [[nodiscard]] Status Feed(std::span<const std::uint8_t> bytes) override;
  [[nodiscard]] Status Finish() override;

 private:
  void TakeLine(std::uint64_t number, std::string_view line, bool is_overlong) const;
  void ReadLine(std::string_view line, ParsedRow& row) const;
  // VALUE,descriptor,time,labels.
  void ReadState(std::string_view line, ParsedRow& row) const;
  void ReadValue(const std::optional<HashKind>& kind, std::string_view value, ParsedRow& row) const;

  // Constant after construction.
  const ReadOptions options_;
  const Output output_;

  LineSplitter lines_;
};

}  // namespace tamiz::lists
