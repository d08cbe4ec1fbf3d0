#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/hex.h"
#include "tests/unit/lists/reading.h"

namespace tamiz::lists {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

constexpr const char* kHeader = "entry_id,hash_type,value,labels,metadata\n";
constexpr const char* kMd5 = "00112233445566778899aabbccddeeff";
const std::string kPdq = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789ABCDEF";

Reading Read(const std::string& text, const ReadOptions& options = {}) { return ReadInPieces(text, options); }

std::vector<std::string> Ids(const Reading& reading) {
  std::vector<std::string> ids;
  for (const auto& [line, entry] : reading.entries) ids.push_back(entry.id);
  return ids;
}
std::vector<std::uint64_t> Lines(const Reading& reading) {
  std::vector<std::uint64_t> lines;
  for (const auto& [line, entry] : reading.entries) lines.push_back(line);
  return lines;
}

TEST(CsvReader, ReadsTheDefaultHeader) {
  const Reading r =
      Read(std::string(kHeader) + "a,MD5," + kMd5 +
           ",A1; B2 ;;,\"{\"\"case\"\":12,\"\"who\"\":\"\"x, y\"\"}\"\n" + " b , Pdq , " + kPdq + " ,,\n");
  ASSERT_TRUE(r.status.ok()) << Message(r.status);
  EXPECT_THAT(r.rejections, IsEmpty());
  ASSERT_THAT(r.entries, SizeIs(2));
  const Entry& a = r.entries[0].second;
  EXPECT_EQ(a.id, "a");
  EXPECT_EQ(a.hashes.at(0).type, HashType::kMd5);
  EXPECT_EQ(ToHex(a.hashes.at(0).value), kMd5);
  EXPECT_EQ(a.hashes.at(0).quality, 100u);
  EXPECT_THAT(a.labels, testing::ElementsAre("A1", "B2"));
  EXPECT_EQ(a.metadata, (std::map<std::string, std::string>{{"case", "12"}, {"who", "x, y"}}));
  const Entry& b = r.entries[1].second;
  EXPECT_EQ(b.id, "b");
  EXPECT_EQ(b.hashes.at(0).value.size(), 32u);
  EXPECT_EQ(Lines(r), (std::vector<std::uint64_t>{2, 3}));
}

TEST(CsvReader, TakesAnyLineEndAndAByteOrderMark) {
  const std::string rows = fmt::format("entry_id,hash_type,value\na,md5,{0}\nb,md5,{0}", kMd5);
  for (const char* line_end : {"\n", "\r\n", "\r"}) {
    for (const char* mark : {"", "\xef\xbb\xbf"}) {
      for (const char* last : {"", "\n", "\n\n\n"}) {
        std::string text = mark;
        for (const char c : rows + last) text += c == '\n' ? std::string(line_end) : std::string(1, c);
        const Reading r = Read(text);
        ASSERT_TRUE(r.status.ok()) << Message(r.status);
        EXPECT_EQ(Ids(r), (std::vector<std::string>{"a", "b"}));
        EXPECT_EQ(Lines(r), (std::vector<std::uint64_t>{2, 3}));
        EXPECT_THAT(r.rejections, IsEmpty());
      }
    }
  }
}

TEST(CsvReader, ColumnsMayStandAnywhereUnderAnyName) {
  ReadOptions options;
  options.format = "tsv";
  options.columns = {
      .entry_id = "Id", .hash_type = "kind", .value = "hash", .labels = "", .quality = "q", .time_ms = "t"};
  const Reading r =
      Read(fmt::format("ignored\thash\tID\tq\tt\tkind\nx\t{}\tv\t70\t1500\tpdq\n", kPdq), options);
  ASSERT_TRUE(r.status.ok()) << Message(r.status);
  ASSERT_THAT(r.entries, SizeIs(1));
  EXPECT_EQ(r.entries[0].second.id, "v");
  EXPECT_EQ(r.entries[0].second.hashes[0].quality, 70u);
  EXPECT_EQ(r.entries[0].second.hashes[0].time_ms, 1500u);
}

TEST(CsvReader, WithoutAHeaderColumnsAreNumbers) {
  ReadOptions options;
  options.has_header = false;
  EXPECT_EQ(Ids(Read(fmt::format("a,md5,{},L\n", kMd5), options)), (std::vector<std::string>{"a"}));
  options.delimiter = ';';
  options.default_hash_type = HashType::kMd5;
  options.columns.entry_id = "2";
  options.columns.value = "1";
  const Reading r = Read(fmt::format("{};a\n", kMd5), options);
  ASSERT_TRUE(r.status.ok()) << Message(r.status);
  EXPECT_EQ(Ids(r), (std::vector<std::string>{"a"}));
  EXPECT_THAT(r.entries[0].second.labels, IsEmpty());
  options.columns.value = "hash";
  EXPECT_EQ(Field(Read("x", options).status), "options.columns.value");
  options.columns.value = "0";
  EXPECT_FALSE(Read("x", options).status.ok());
}

TEST(CsvReader, ADefaultHashTypeFillsGaps) {
  ReadOptions options;
  options.default_hash_type = HashType::kMd5;
  EXPECT_EQ(Ids(Read(fmt::format("entry_id,value\na,{}\n", kMd5), options)), (std::vector<std::string>{"a"}));
  const Reading r = Read(fmt::format("entry_id,hash_type,value\na,,{}\nb,pdq,{}\n", kMd5, kPdq), options);
  ASSERT_THAT(r.entries, SizeIs(2));
  EXPECT_EQ(r.entries[1].second.hashes[0].type, HashType::kPdq);
}

TEST(CsvReader, AHeaderWithoutWhatIsNeededSaysWhatIsThere) {
  const Reading r = Read("id,hash_type,hash\n");
  EXPECT_EQ(r.status.code(), StatusCode::kInvalidArgument);
  EXPECT_THAT(Message(r.status), HasSubstr("no column 'entry_id', 'value'"));
  EXPECT_THAT(Message(r.status), HasSubstr("'id', 'hash_type', 'hash'"));
  EXPECT_THAT(Message(Read("entry_id,value,hash_type,value\n").status), HasSubstr("'value' twice"));
  EXPECT_FALSE(Read("").status.ok());
  EXPECT_FALSE(Read("\n\n").status.ok());
  EXPECT_TRUE(Read(kHeader).status.ok());
}

TEST(CsvReader, AFileWithoutAHeaderDoesNotLeakItsFirstHash) {
  const Reading r = Read(fmt::format("x,md5,{}\n", kMd5));
  EXPECT_FALSE(r.status.ok());
  EXPECT_THAT(Message(r.status), Not(HasSubstr(kMd5)));
  EXPECT_THAT(Message(r.status), HasSubstr("(not a name)"));
}

TEST(CsvReader, SaysThatAFileIsUtf16) {
  EXPECT_THAT(Message(Read(std::string("\xff\xfe"
                                       "e\0n\0",
                                       6))
                          .status),
              HasSubstr("UTF-16"));
}

TEST(CsvReader, OneBadRowIsRejectedWithLineAndReason) {
  const Reading r = Read(std::string(kHeader) + "a,md5," + kMd5 +
                         ",,\n"
                         ",md5," +
                         kMd5 +
                         ",,\n"
                         "b,md5,0011,,\n"
                         "c,crc32,00112233,,\n"
                         "d,md5,zz112233445566778899aabbccddeeff,,\n"
                         "e,md5,,,\n"
                         "f,md5," +
                         kMd5 +
                         ",,not json\n"
                         "g,md5," +
                         kMd5 +
                         ",,[1]\n"
                         "h,md5," +
                         kMd5 +
                         ",,,extra\n"
                         "i\n"
                         "z,md5," +
                         kMd5 + "\n");
  ASSERT_TRUE(r.status.ok()) << Message(r.status);
  EXPECT_EQ(Ids(r), (std::vector<std::string>{"a", "z"}));
  ASSERT_THAT(r.rejections, SizeIs(9));
  const std::vector<std::string> reasons{
      "no entry id",   "32 hexadecimal digits", "accepted are md5",  "not hexadecimal",
      "no hash value", "not valid JSON",        "not a JSON object", "6 fields and the header 5",
      "no hash type"};
  for (std::size_t i = 0; i < reasons.size(); ++i) {
    EXPECT_EQ(r.rejections[i].line, i + 3);
    EXPECT_THAT(r.rejections[i].reason, HasSubstr(reasons[i]));
    EXPECT_THAT(r.rejections[i].reason, Not(HasSubstr("2233"))) << "a reason quotes no value";
  }
}

TEST(CsvReader, QualityAndTimeAreChecked) {
  const std::string header = "entry_id,hash_type,value,quality,time_ms\n";
  const Reading r = Read(
      header +
      fmt::format("a,pdq,{0},101,\nb,pdq,{0},-1,\nc,pdq,{0},5x,\nd,pdq,{0},,1.5\ne,pdq,{0},0,0\n", kPdq));
  EXPECT_THAT(r.rejections, SizeIs(4));
  ASSERT_THAT(r.entries, SizeIs(1));
  EXPECT_EQ(r.entries[0].second.hashes[0].quality, 0u);
  EXPECT_EQ(r.entries[0].second.hashes[0].time_ms, 0u);
}

TEST(CsvReader, QuotedFieldsHoldDelimitersQuotesAndLineEnds) {
  const Reading r = Read(std::string(kHeader) + "\"a,\"\"1\"\"\", \"md5\" ," + kMd5 +
                         ",,\"{\"\"note\"\":\r\n\"\"x\"\"\n}\"\r\n" + "b\"c,md5," + kMd5 + ",,\n");
  ASSERT_TRUE(r.status.ok()) << Message(r.status);
  EXPECT_THAT(r.rejections, IsEmpty());
  EXPECT_EQ(Ids(r), (std::vector<std::string>{"a,\"1\"", "b\"c"}));
  EXPECT_EQ(Lines(r), (std::vector<std::uint64_t>{2, 5})) << "a row's number is that of its first line";
  EXPECT_EQ(r.entries[0].second.metadata.at("note"), "x");
}

TEST(CsvReader, AStrayQuoteCostsItsLineAndNoMore) {
  std::string text = kHeader;
  text += "\"a,md5,x,,\n";  // line 2: opened, never closed
  for (int i = 0; i < 50; ++i) text += fmt::format("r{},md5,{},,\n", i, kMd5);
  Reading r = Read(text);
  EXPECT_THAT(r.entries, SizeIs(50));
  ASSERT_THAT(r.rejections, SizeIs(1));
  EXPECT_EQ(r.rejections[0].line, 2u);
  EXPECT_THAT(r.rejections[0].reason, HasSubstr("never closed"));
  EXPECT_EQ(Lines(r).front(), 3u);
  // Closed by a second stray quote 50 lines below.
  text += fmt::format("b,md5,{},\",\n", kMd5);
  text += fmt::format("last,md5,{},,\n", kMd5);
  r = Read(text);
  EXPECT_THAT(r.entries, SizeIs(51));
  EXPECT_EQ(Ids(r).back(), "last");
  EXPECT_EQ(Lines(r).back(), 54u);
  EXPECT_THAT(r.rejections, SizeIs(2));
}

TEST(CsvReader, TextAfterAClosingQuoteIsRejected) {
  const Reading r = Read(std::string(kHeader) + "\"a\"b,md5," + kMd5 + ",,\nc,md5," + kMd5 + ",,\n");
  EXPECT_EQ(Ids(r), (std::vector<std::string>{"c"}));
  ASSERT_THAT(r.rejections, SizeIs(1));
  EXPECT_EQ(r.rejections[0].line, 2u);
  EXPECT_THAT(r.rejections[0].reason, HasSubstr("closing quote"));
}

TEST(CsvReader, OverlongRowsAreRejectedAndReadingGoesOn) {
  std::string text = kHeader;
  text += std::string(3 << 20, 'x') + "\n";
  text += fmt::format("a,md5,{},,\n", kMd5);
  text += "\"" + std::string(3 << 20, 'y') + "\n";
  text += fmt::format("b,md5,{},,\n", kMd5);
  const Reading r = ReadText(text, {}, 10'000);
  ASSERT_TRUE(r.status.ok()) << Message(r.status);
  EXPECT_EQ(Ids(r), (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(Lines(r), (std::vector<std::uint64_t>{3, 5}));
  ASSERT_THAT(r.rejections, SizeIs(2));
  EXPECT_EQ(r.rejections[0].line, 2u);
  EXPECT_THAT(r.rejections[0].reason, HasSubstr("longer than 2048 KiB"));
  EXPECT_EQ(r.rejections[1].line, 4u);
  EXPECT_THAT(r.rejections[1].reason, HasSubstr("quote missing"));
}

TEST(CsvReader, JsonBombsAreRejected) {
  const std::string deep = std::string(100'000, '[') + std::string(100'000, ']');
  const Reading r = ReadText(std::string(kHeader) + "a,md5," + kMd5 + ",,{\"k\":" + deep + "}\n", {});
  EXPECT_THAT(r.entries, IsEmpty());
  EXPECT_GE(r.rejections.size(), 1u);
}

TEST(CsvReader, GarbageNeverCrashes) {
  std::uint64_t seed = 1;
  constexpr std::string_view kAlphabet = "\"\",,\n\n\r ab0;{}\t\xff\xef\xbb\xbf";
  for (int round = 0; round < 300; ++round) {
    std::string text = round % 2 == 0 ? kHeader : "";
    for (int i = 0; i < 300; ++i) {
      seed = seed * 6364136223846793005u + 1442695040888963407u;
      text.push_back(kAlphabet[(seed >> 33) % kAlphabet.size()]);
    }
    const Reading r = Read(text);
    for (const auto& rejection : r.rejections) EXPECT_GE(rejection.line, 1u);
  }
}

TEST(MakeEntryReader, RefusesImpossibleOptions) {
  const auto make = [](const ReadOptions& options) { return Read("", options).status; };
  ReadOptions options;
  options.format = "xlsx";
  EXPECT_EQ(Field(make(options)), "options.format");
  options = {};
  options.delimiter = '"';
  EXPECT_EQ(Field(make(options)), "options.delimiter");
  options = {};
  options.default_hash_type = HashType::kOpaque;
  EXPECT_EQ(Field(make(options)), "options.default_hash_type");
}

}  // namespace
}  // namespace tamiz::lists
