// Reads text with an EntryReader, in pieces of any size.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "core/lists/entry_reader.h"

namespace tamiz::lists {

struct Reading {
  Status status;
  std::vector<std::pair<std::uint64_t, Entry>> entries;  // with their lines
  std::vector<Rejection> rejections;
  std::map<std::string, int> skipped;                     // by reason
  std::map<std::string, std::pair<int, int>> categories;  // rows, and those kept out
  std::vector<std::string> dropped;
  std::string format;  // as found
};

inline Reading ReadText(std::string_view text, const ReadOptions& options,
                        std::size_t piece = ~std::size_t{0}) {
  Reading reading;
  auto reader = MakeEntryReader(
      options,
      [&](std::uint64_t line, Entry&& entry) { reading.entries.emplace_back(line, std::move(entry)); },
      [&](Rejection&& rejection) { reading.rejections.push_back(std::move(rejection)); },
      {.on_skip = [&](std::string_view reason, bool) { ++reading.skipped[std::string(reason)]; },
       .on_category =
           [&](std::string_view category, bool kept_out) {
             auto& counts = reading.categories[std::string(category)];
             ++counts.first;
             if (kept_out) ++counts.second;
           },
       .on_dropped_hash = [&](std::string_view reason) { reading.dropped.emplace_back(reason); },
       .on_format = [&](std::string_view format) { reading.format = format; }});
  if (!reader.ok()) {
    reading.status = reader.status();
    return reading;
  }
  while (!text.empty() && reading.status.ok()) {
    const auto part = text.substr(0, piece);
    reading.status = (*reader)->Feed({reinterpret_cast<const std::uint8_t*>(part.data()), part.size()});
    text.remove_prefix(part.size());
  }
  if (reading.status.ok()) reading.status = (*reader)->Finish();
  return reading;
}

// In one piece, byte by byte and in odd pieces: the outcome must be the same.
inline Reading ReadInPieces(std::string_view text, const ReadOptions& options) {
  Reading whole = ReadText(text, options);
  for (const std::size_t piece : {1, 3, 4096}) {
    const Reading pieces = ReadText(text, options, piece);
    EXPECT_EQ(pieces.status, whole.status);
    EXPECT_EQ(pieces.entries, whole.entries) << "in pieces of " << piece;
    EXPECT_EQ(pieces.skipped, whole.skipped) << "in pieces of " << piece;
    EXPECT_EQ(pieces.categories, whole.categories) << "in pieces of " << piece;
    EXPECT_EQ(pieces.dropped, whole.dropped) << "in pieces of " << piece;
    EXPECT_EQ(pieces.rejections.size(), whole.rejections.size()) << "in pieces of " << piece;
    for (std::size_t i = 0; i < std::min(pieces.rejections.size(), whole.rejections.size()); ++i) {
      EXPECT_EQ(pieces.rejections[i].line, whole.rejections[i].line);
      EXPECT_EQ(pieces.rejections[i].reason, whole.rejections[i].reason);
    }
  }
  return whole;
}

}  // namespace tamiz::lists
