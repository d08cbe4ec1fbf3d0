// VICS (Project VIC) 1.x and 2.0 and CAID: hash sets and cases, JSON of any size.
#pragma once

#include "core/lists/categories.h"
#include "core/lists/entry_reader.h"
#include "core/lists/media_splitter.h"

namespace tamiz::lists {

// One Media object is one entry: MD5, SHA1, SHA256, PhotoDNA and AlternativeHashes. Keys in any case, numbers
// and booleans also as text. Only Category says what the material is (IsPrecategorized is not reliable). The
// entry's id is derived from its MD5: MediaID is counted anew in every file.
class VicsReader final : public EntryReader {
 public:
  VicsReader(Categories categories, JunkHashes junk, Output output);

  [[nodiscard]] Status Feed(std::span<const std::uint8_t> bytes) override { return splitter_.Feed(bytes); }
  [[nodiscard]] Status Finish() override { return splitter_.Finish(); }

 private:
  void TakeMedia(const MediaSplitter::Media& media) const;
  void ReadMedia(std::string_view json, ParsedRow& row) const;

  // Constant after construction.
  const Categories categories_;
  const JunkHashes junk_;
  const Output output_;

  MediaSplitter splitter_;
};

}  // namespace tamiz::lists
