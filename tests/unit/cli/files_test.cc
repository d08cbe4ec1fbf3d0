#include "cli/files.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

namespace tamiz::cli {
namespace {

class Files : public testing::Test {
 protected:
  void SetUp() override {
    root_ = std::filesystem::path(testing::TempDir()) /
            testing::UnitTest::GetInstance()->current_test_info()->name();
    std::filesystem::remove_all(root_);
    std::filesystem::create_directories(root_ / "deep");
    Write("b", "two");
    Write("deep/a", std::string((1u << 20) + 5, 'x'));
    std::filesystem::create_directory_symlink(root_, root_ / "deep" / "loop");
  }
  void TearDown() override { std::filesystem::remove_all(root_); }
  void Write(const std::string& name, const std::string& text) { std::ofstream(root_ / name) << text; }
  [[nodiscard]] std::string At(const std::string& name) const { return (root_ / name).string(); }

  std::filesystem::path root_;
};

TEST_F(Files, TellsFilesUrisAndStandardInputApart) {
  std::vector<Input> inputs;
  ASSERT_TRUE(
      ListInputs({"-", "s3://bucket/key", At("b"), "no such file", "odd name://x"}, false, inputs).ok());
  ASSERT_EQ(inputs.size(), 5u);
  EXPECT_EQ(inputs[0].kind, Input::Kind::kStdin);
  EXPECT_EQ(inputs[1].kind, Input::Kind::kUri);
  EXPECT_EQ(inputs[2].kind, Input::Kind::kFile);
  EXPECT_EQ(inputs[2].size_bytes, 3u);
  EXPECT_EQ(inputs[3].kind, Input::Kind::kFile);
  EXPECT_EQ(inputs[4].kind, Input::Kind::kFile);
}

TEST_F(Files, DirectoriesOnlyWhenAskedFor) {
  std::vector<Input> inputs;
  const grpc::Status refused = ListInputs({root_.string()}, false, inputs);
  EXPECT_EQ(refused.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_NE(refused.error_message().find("-r"), std::string::npos);
  ASSERT_TRUE(ListInputs({root_.string()}, true, inputs).ok());
  ASSERT_EQ(inputs.size(), 2u) << "links to directories are not followed";
  EXPECT_EQ(inputs[0].name, At("b"));
  EXPECT_EQ(inputs[1].name, At("deep/a"));
}

TEST_F(Files, ReadsInPiecesAndStopsWhenToldTo) {
  const Input input = FileInput(At("deep/a"));
  EXPECT_EQ(input.size_bytes, (1u << 20) + 5);
  std::vector<std::size_t> sizes;
  ASSERT_TRUE(ReadPieces(input, [&](std::string&& piece) {
                sizes.push_back(piece.size());
                return true;
              }).ok());
  EXPECT_EQ(sizes, (std::vector<std::size_t>{1u << 20, 5}));
  sizes.clear();
  ASSERT_TRUE(ReadPieces(input, [&](std::string&& piece) {
                sizes.push_back(piece.size());
                return false;
              }).ok());
  EXPECT_EQ(sizes.size(), 1u);
  std::string whole;
  ASSERT_TRUE(ReadWhole(FileInput(At("b")), whole).ok());
  EXPECT_EQ(whole, "two");
  EXPECT_EQ(ReadWhole(FileInput(At("absent")), whole).error_code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_EQ(ReadWhole(FileInput(At("deep")), whole).error_code(), grpc::StatusCode::DATA_LOSS);
}

}  // namespace
}  // namespace tamiz::cli
