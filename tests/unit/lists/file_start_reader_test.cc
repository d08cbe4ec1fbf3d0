#include "core/lists/file_start_reader.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/lists/reading.h"

namespace tamiz::lists {
namespace {

using testing::HasSubstr;
using testing::SizeIs;

const std::string kMd5 = "00112233445566778899aabbccddeeff";
const std::string kPdq(64, 'b');

TEST(DetectFormat, KnowsFilesByTheirBeginning) {
  const std::pair<std::string, std::string_view> files[] = {
      {"entry_id,hash_type,value\n", "csv"},
      {"entry_id\thash_type\tvalue\n", "tsv"},
      {"", "csv"},
      {kMd5 + "\n", "csv"},
      {"{\"entry_id\":\"a\",\"hash_type\":\"md5\",\"value\":\"" + kMd5 + "\"}\n", "ndjson"},
      {"{\"odata.metadata\":\"http://example/DataModels/1.3.xml#Media\",\"value\":[", "vics"},
      {" \n{ \"@odata.context\": \"…/$metadata#Cases\"", "vics"},
      {"{\"Value\" : [", "vics"},
      {"{\"Media\":[", "vics"},
      {"[{\"MD5\":", "vics"},
      {"[\"" + kPdq + ",100,0.0\"", "vpdq"},
      {"MD5;SHA1;PhotoDNA;Image ID;", "icse"},
      {"\"SHA-1\",\"MD5\",\"CRC32\",\"FileName\"\r\n", "nsrl"},
      {"file_0.jpg," + std::string(192, 'A') + "\n", "photodna"},
      {"file_0.jpg," + std::string(288, '0') + "\n", "photodna"},
      {"pdq " + kPdq + "\n", "threatexchange"},
  };
  for (const auto& [start, format] : files) EXPECT_EQ(DetectFormat(start), format) << start.substr(0, 40);
}

TEST(FileStartReader, AutoReadsWhatItFinds) {
  ReadOptions options;
  options.format = "auto";
  Reading r = ReadInPieces("\xef\xbb\xbfpdq " + kPdq + "\nmd5 " + kMd5 + "\n", options);
  EXPECT_EQ(r.format, "threatexchange");
  EXPECT_THAT(r.entries, SizeIs(2));
  r = ReadInPieces("entry_id,hash_type,value\na,md5," + kMd5, options);
  EXPECT_EQ(r.format, "csv");
  EXPECT_THAT(r.entries, SizeIs(1));
  // Longer than what is looked at.
  std::string rows = "entry_id\thash_type\tvalue\n";
  for (int i = 0; i < 500; ++i) rows += fmt::format("e{}\tmd5\t{}\n", i, kMd5);
  r = ReadInPieces(rows, options);
  EXPECT_EQ(r.format, "tsv");
  EXPECT_THAT(r.entries, SizeIs(500));
  EXPECT_THAT(Message(ReadInPieces("{\"value\":[", options).status), HasSubstr("categories need a mapping"));
}

TEST(FileStartReader, MarksAreSkippedAndUtf16IsRefusedInEveryFormat) {
  ReadOptions options;
  for (const char* format : {"ndjson", "threatexchange", "photodna", "vpdq", "auto"}) {
    options.format = format;
    EXPECT_THAT(Message(ReadInPieces(std::string("\xff\xfe[\0", 4), options).status), HasSubstr("UTF-16"))
        << format;
    EXPECT_THAT(Message(ReadInPieces("\xfe\xff", options).status), HasSubstr("UTF-16")) << format;
  }
  options.format = "vpdq";
  EXPECT_THAT(ReadInPieces("\xef\xbb\xbf[\"" + kPdq + ",100,0.0\"]", options).entries, SizeIs(1));
}

}  // namespace
}  // namespace tamiz::lists
