#include "core/lists/media_splitter.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tamiz::lists {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

struct Split {
  Status status;
  std::vector<std::string> media;
  std::vector<std::uint64_t> lines;
  friend bool operator==(const Split& a, const Split& b) {
    return a.status == b.status && a.media == b.media && a.lines == b.lines;
  }
};

Split SplitBy(std::string_view text, std::size_t piece) {
  Split split;
  MediaSplitter splitter([&](const MediaSplitter::Media& media) {
    split.media.emplace_back(media.json);
    split.lines.push_back(media.line);
  });
  while (!text.empty() && split.status.ok()) {
    const auto part = text.substr(0, piece);
    split.status = splitter.Feed({reinterpret_cast<const std::uint8_t*>(part.data()), part.size()});
    text.remove_prefix(part.size());
  }
  if (split.status.ok()) split.status = splitter.Finish();
  return split;
}

Split SplitText(std::string_view text) {
  Split whole = SplitBy(text, text.size() + 1);
  EXPECT_EQ(SplitBy(text, 1), whole);
  EXPECT_EQ(SplitBy(text, 7), whole);
  return whole;
}

TEST(MediaSplitter, FindsTheObjectsOfAHashSet) {
  const Split s = SplitText(
      "{ \"odata.metadata\": \"x#Media\",\n \"other\":[{\"MD5\":1}], \"VALUE\" : [ {\"a\": 1},\n"
      "\n{\"b\":{\"c\":[\"]}\\\"\", 2]}} ] ,\"after\":{}}\n");
  ASSERT_TRUE(s.status.ok()) << Message(s.status);
  EXPECT_THAT(s.media, ElementsAre("{\"a\":1}", "{\"b\":{\"c\":[\"]}\\\"\",2]}}"));
  EXPECT_THAT(s.lines, ElementsAre(2, 4));
}

TEST(MediaSplitter, FindsTheMediaOfCases) {
  const Split s = SplitText(
      "{\"value\":[{\"CaseID\":\"1\",\"Contact\":{\"x\":[1]},\"Media@odata.count\":2,\"media\":[{\"a\":1},{"
      "\"b\":2}],"
      "\"TotalMediaFiles\":2},{\"Media\":[{\"c\":3}]},{\"Media\":[]}]}");
  ASSERT_TRUE(s.status.ok()) << Message(s.status);
  EXPECT_THAT(s.media, ElementsAre("{\"a\":1}", "{\"b\":2}", "{\"c\":3}"));
}

TEST(MediaSplitter, ABareArrayWillDo) {
  EXPECT_THAT(SplitText("[{\"a\":1}]").media, ElementsAre("{\"a\":1}"));
  EXPECT_THAT(SplitText("{\"Media\":[{\"a\":1}]}").media, ElementsAre("{\"a\":1}"));
  EXPECT_TRUE(SplitText("[]").status.ok());
}

TEST(MediaSplitter, WhatMakesFilesHugeIsPassedOver) {
  std::string files;
  for (int i = 0; i < 100'000; ++i) files += fmt::format("{{\"FilePath\":\"{{[}}]\\\\{}\"}},", i);
  files.pop_back();
  const Split s = SplitBy(
      "{\"value\":[{\"MD5\":\"x\",\"MediaFiles\":[" + files + "],\"exifs\":{\"a\":[]},\"z\":1}]}", 65536);
  ASSERT_TRUE(s.status.ok()) << Message(s.status);
  EXPECT_THAT(s.media, ElementsAre("{\"MD5\":\"x\",\"MediaFiles\":null,\"exifs\":null,\"z\":1}"));
}

TEST(MediaSplitter, AnOverlongObjectIsSaidAndReadingGoesOn) {
  const Split s = SplitBy("[{\"a\":\"" + std::string(2 << 20, 'x') + "\"},{\"b\":1}]", 1000);
  ASSERT_TRUE(s.status.ok()) << Message(s.status);
  EXPECT_THAT(s.media, ElementsAre("", "{\"b\":1}"));
}

TEST(MediaSplitter, DamageIsFound) {
  const std::pair<std::string, const char*> files[] = {
      {"", "empty"},
      {" \n", "empty"},
      {"{}", "no array"},
      {"{\"value\":{}}", "no array"},
      {"hello", "not a JSON object"},
      {"{\"value\":[{\"a\":1}", "cut off"},
      {"{\"value\":[{\"a\":\"x", "cut off"},
      {"{\"value\":[{\"a\":1]}", "brackets"},
      {"{\"value\":[]}}", "after its end"},
      {"{\"value\":[]} {}", "after its end"},
      {"{\"value\":[{\"a\":\"x\n\"}]}", "line end"},
      {"{\"value\":[1]}", "something else"},
      {"{\"value\":[[1]]}", "something else"},
      {"{\"a\":" + std::string(100, '[') + "]", "nested deeper"},
  };
  for (const auto& [text, why] : files) {
    const Split s = SplitText(text);
    EXPECT_EQ(s.status.code(), StatusCode::kInvalidArgument) << text;
    EXPECT_THAT(Message(s.status), HasSubstr(why)) << text;
  }
}

TEST(MediaSplitter, GarbageNeverCrashes) {
  std::uint64_t seed = 1;
  constexpr std::string_view kAlphabet = "{}[]\"\",:\\ \nvalue media";
  for (int round = 0; round < 2000; ++round) {
    std::string text = round % 2 == 0 ? "{\"value\":[{" : "";
    for (int i = 0; i < 60; ++i) {
      seed = seed * 6364136223846793005u + 1442695040888963407u;
      text.push_back(kAlphabet[(seed >> 33) % kAlphabet.size()]);
    }
    (void)SplitText(text);
  }
}

}  // namespace
}  // namespace tamiz::lists
