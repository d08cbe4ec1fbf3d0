// Samples of the exchanges' formats, where they are (TAMIZ_SHARED_DIR).
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <iterator>

#include "tests/unit/lists/reading.h"

namespace tamiz::lists {
namespace {

using testing::SizeIs;

// The sample's text; skips the test, by the sample's name, where it is missing.
std::string Sample(const std::string& name) {
  const char* shared = std::getenv("TAMIZ_SHARED_DIR");
  if (shared == nullptr || *shared == '\0') return {};
  std::ifstream file(fmt::format("{}/testdata/exchanges/{}", shared, name), std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

#define SAMPLE_OR_SKIP(text, name)       \
  const std::string text = Sample(name); \
  if (text.empty()) GTEST_SKIP() << (name) << " is not in TAMIZ_SHARED_DIR"

ReadOptions Auto() {
  ReadOptions options;
  options.format = "auto";
  options.categories = {{.category = "1", .labels = {"A1"}}, {.category = "2", .labels = {"A2"}}};
  return options;
}

void ExpectSound(const Reading& reading, std::size_t entries, std::string_view format) {
  ASSERT_TRUE(reading.status.ok()) << Message(reading.status);
  EXPECT_EQ(reading.format, format);
  EXPECT_THAT(reading.entries, SizeIs(entries));
  for (const Rejection& rejection : reading.rejections)
    ADD_FAILURE() << rejection.line << ": " << rejection.reason;
  EXPECT_THAT(reading.dropped, SizeIs(0));
  for (const auto& [line, entry] : reading.entries) EXPECT_EQ(FaultOf(entry), "") << "line " << line;
}

TEST(SharedSamples, VicsHashSet13) {
  SAMPLE_OR_SKIP(text, "vics/vics-1.3-hashset.json");
  const Reading r = ReadInPieces(text, Auto());
  ExpectSound(r, 2, "vics");
  EXPECT_THAT(r.entries[0].second.hashes, SizeIs(3));
}

TEST(SharedSamples, VicsHashSet20) {
  SAMPLE_OR_SKIP(text, "vics/vics-2.0-hashset.json");
  const Reading r = ReadInPieces(text, Auto());
  ExpectSound(r, 1, "vics");
  EXPECT_EQ(r.categories.at(""), (std::pair{2, 2})) << "0 and null are never known material";
}

TEST(SharedSamples, VicsCase20) {
  SAMPLE_OR_SKIP(text, "vics/vics-2.0-case.json");
  const Reading r = ReadInPieces(text, Auto());
  ExpectSound(r, 1, "vics");
  EXPECT_EQ(r.entries[0].second.metadata.at("media_id"), "10");
}

TEST(SharedSamples, CaidHashSet12) {
  SAMPLE_OR_SKIP(text, "vics/caid-1.2-hashset.json");
  ReadOptions options = Auto();
  options.for_allow_list = true;
  ExpectSound(ReadInPieces(text, options), 1, "vics");
  EXPECT_THAT(ReadInPieces(text, Auto()).entries, SizeIs(0)) << "without a category nothing is to be found";
}

TEST(SharedSamples, Icse) {
  SAMPLE_OR_SKIP(text, "csv/icse-baseline.csv");
  ReadOptions options = Auto();
  options.categories.clear();
  const Reading r = ReadInPieces(text, options);
  ExpectSound(r, 1, "icse");
  EXPECT_EQ(r.entries[0].second.id, "1001");
  EXPECT_EQ(r.categories.at("non-baseline"), (std::pair{2, 2}));
}

TEST(SharedSamples, Nsrl) {
  SAMPLE_OR_SKIP(text, "csv/nsrl-rds2-NSRLFile.txt");
  ReadOptions options = Auto();
  options.for_allow_list = true;
  ExpectSound(ReadInPieces(text, options), 3, "nsrl");
}

TEST(SharedSamples, PhotoDna) {
  SAMPLE_OR_SKIP(base64, "csv/photodna-filename-base64.csv");
  ExpectSound(ReadInPieces(base64, Auto()), 3, "photodna");
  SAMPLE_OR_SKIP(decimal, "csv/photodna-decimal.csv");
  ReadOptions options = Auto();
  options.format = "photodna";
  const Reading r = ReadInPieces(decimal, options);
  ExpectSound(r, 1, "");
  EXPECT_EQ(r.entries[0].second.hashes, ReadInPieces(base64, Auto()).entries[0].second.hashes)
      << "the same value in two encodings";
}

TEST(SharedSamples, ThreatExchange) {
  SAMPLE_OR_SKIP(local, "csv/threatexchange-local-file.txt");
  ExpectSound(ReadInPieces(local, Auto()), 3, "threatexchange");
  SAMPLE_OR_SKIP(state, "csv/threatexchange-simple.HASH_PDQ.te");
  ReadOptions options = Auto();
  options.format = "threatexchange";
  options.default_hash_type = HashType::kPdq;
  const Reading r = ReadInPieces(state, options);
  ExpectSound(r, 2, "");
  EXPECT_EQ(r.entries[1].second.id, "4058061737570001");
}

TEST(SharedSamples, Vpdq) {
  SAMPLE_OR_SKIP(text, "csv/vpdq-signal.json");
  const Reading r = ReadInPieces(text, Auto());
  ExpectSound(r, 1, "vpdq");
  EXPECT_THAT(r.entries[0].second.hashes, SizeIs(4));
}

TEST(SharedSamples, PlainCsv) {
  ReadOptions options;
  options.derive_ids = true;
  SAMPLE_OR_SKIP(digests, "csv/md5-sha1-category.csv");
  options.hash_columns = {{.column = "MD5", .kind = HashType::kMd5},
                          {.column = "SHA1", .kind = HashType::kSha1}};
  options.columns.category = "Category";
  options.categories = Auto().categories;
  ExpectSound(ReadInPieces(digests, options), 2, "");

  SAMPLE_OR_SKIP(pdq, "csv/pdq-hashes.csv");
  options = {};
  options.derive_ids = true;
  options.hash_columns = {{.column = "pdq", .kind = HashType::kPdq}};
  options.columns.labels = "label";
  const Reading with_labels = ReadInPieces(pdq, options);
  ExpectSound(with_labels, 4, "");
  EXPECT_EQ(with_labels.entries[0].second.hashes[0].quality, 90u);

  options = {};
  options.derive_ids = true;
  options.has_header = false;
  options.columns.value = "1";
  options.default_hash_type = HashType::kMd5;
  SAMPLE_OR_SKIP(md5, "csv/md5-one-per-line.txt");
  ExpectSound(ReadInPieces(md5, options), 5, "");
  options.default_hash_type = HashType::kPdq;
  SAMPLE_OR_SKIP(lines, "csv/pdq-one-per-line.txt");
  const Reading hex = ReadInPieces(lines, options);
  ExpectSound(hex, 4, "");
  options.value_encoding = HashEncoding::kBase64;
  SAMPLE_OR_SKIP(base64, "csv/arachnid-pdq-base64.txt");
  const Reading in_base64 = ReadInPieces(base64, options);
  ExpectSound(in_base64, 2, "");
  EXPECT_EQ(in_base64.entries[0].second.hashes, hex.entries[0].second.hashes);
}

}  // namespace
}  // namespace tamiz::lists
