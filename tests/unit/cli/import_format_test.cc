#include "cli/import_format.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

namespace tamiz::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

v1::ImportOptions Fill(const ImportFormat& format, const std::string& file) {
  v1::ImportOptions options;
  EXPECT_EQ(FillFormat(format, file, options), "");
  return options;
}

TEST(ImportFormat, TheFilesNameTellsTheFormat) {
  EXPECT_EQ(Fill({}, "a.csv").format(), "auto");
  EXPECT_EQ(Fill({}, "a.json").format(), "auto");
  EXPECT_EQ(Fill({}, "-").format(), "auto");
  EXPECT_EQ(Fill({}, "a.tsv").format(), "tsv");
  EXPECT_EQ(Fill({}, "a.jsonl").format(), "ndjson");
  EXPECT_EQ(Fill({.format = "vics"}, "a.csv").format(), "vics");
  const auto state = Fill({}, "x/simple.HASH_PDQ.te");
  EXPECT_EQ(state.format(), "threatexchange");
  EXPECT_EQ(state.default_hash_type(), "pdq");
  EXPECT_EQ(Fill({}, "simple.HASH_VIDEO_MD5.te").default_hash_type(), "md5");
  EXPECT_EQ(Fill({}, "simple.HASH_TMK.te").default_hash_type(), "opaque:tmk");
  EXPECT_EQ(Fill({}, "x/clip.json").entry_id(), "clip");
  EXPECT_EQ(Fill({.entry_id = "e"}, "x/clip.json").entry_id(), "e");
  EXPECT_EQ(Fill({}, "-").entry_id(), "");
}

TEST(ImportFormat, CategoriesComeAsRulesOrAsAFile) {
  const auto path = std::filesystem::temp_directory_path() / "tamiz-import-format-test.txt";
  std::ofstream(path) << "\xef\xbb\xbf# US categories\r\n1 = A1 ; csam\r\n\r\n4=-\r\n";
  const auto options = Fill({.categories = {path.string(), "2=B"}}, "a.json");
  ASSERT_EQ(options.categories_size(), 3);
  EXPECT_EQ(options.categories(0).category(), "1");
  EXPECT_THAT(options.categories(0).labels(), ElementsAre("A1", "csam"));
  EXPECT_TRUE(options.categories(1).skip());
  EXPECT_THAT(options.categories(2).labels(), ElementsAre("B"));
  std::ofstream(path) << "1=A\nnonsense\n";
  v1::ImportOptions none;
  EXPECT_THAT(FillFormat({.categories = {path.string()}}, "a", none), HasSubstr(":2: \"nonsense\""));
  std::filesystem::remove(path);
  EXPECT_THAT(FillFormat({.categories = {path.string()}}, "a", none), HasSubstr("cannot read"));
}

TEST(ImportFormat, HashColumnsNameKindAndEncoding) {
  const auto options = Fill({.hash_columns = {"MD5=md5", "a=b=photodna/base64", "x=opaque:tmk"}}, "a.csv");
  ASSERT_EQ(options.hash_columns_size(), 3);
  EXPECT_EQ(options.hash_columns(1).column(), "a=b");
  EXPECT_EQ(options.hash_columns(1).hash_type(), "photodna");
  EXPECT_EQ(options.hash_columns(1).encoding(), "base64");
  EXPECT_EQ(options.hash_columns(2).hash_type(), "opaque:tmk");
  v1::ImportOptions none;
  EXPECT_THAT(FillFormat({.hash_columns = {"MD5"}}, "a.csv", none), HasSubstr("COLUMN=KIND"));
}

}  // namespace
}  // namespace tamiz::cli
