// Reads text with an EntryReader, in pieces of any size.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "core/lists/entry_reader.h"

namespace tamiz::lists {

struct Reading {
  Status status;
  std::vector<std::pair<std::uint64_t, Entry>> entries;  // with their lines
  std::vector<Rejection> rejections;
};

inline Reading ReadText(std::string_view text, const ReadOptions& options,
                        std::size_t piece = ~std::size_t{0}) {
  Reading reading;
  auto reader = MakeEntryReader(
      options,
      [&](std::uint64_t line, Entry&& entry) { reading.entries.emplace_back(line, std::move(entry)); },
      [&](Rejection&& rejection) { reading.rejections.push_back(std::move(rejection)); });
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

}  // namespace tamiz::lists
