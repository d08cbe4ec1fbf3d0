#include "core/exchange/stopncii.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tamiz::exchange {
namespace {

using ::testing::ElementsAre;

constexpr char kPdq[] = "c9f479910124542aa9d9854e28ac0759fb00b9946f99783af23a7d95e5af4465";

TEST(StopNcii, ReadsWhatItKnowsAndPassesTheRestOver) {
  const auto answer =
      ReadStopNciiAnswer(std::string(R"({"count":6,"nextSetTimestamp":77,"nextPageToken":"t/1+",
    "hasMoreRecords":true,"new":{},"hashRecords":[
    {"signalType":"ImagePDQ","hashValue":")") +
                         kPdq + R"(","hashStatus":"Active","lastModtimestamp":5,
     "hashRegions":["UK","EU"],"CSPFeedbacks":[{"source":"A","feedbackValue":"Undefined"},{"source":"B","feedbackValue":"Blocked"}]},
    {"signalType":"VideoMD5","hashValue":"60CD53629D56246A6E160EA7D1A6905E","hashStatus":"Deleted"},
    {"signalType":"VideoMD5","hashValue":"short","hashStatus":"Active"},
    {"signalType":"URL","hashValue":"https://x"},{"signalType":"Novel","hashValue":"x"},5]})");
  ASSERT_TRUE(answer.ok()) << answer.status();
  ASSERT_EQ(answer->items.size(), 2u);
  EXPECT_EQ(answer->skipped, 4u);
  EXPECT_TRUE(answer->has_more);
  EXPECT_EQ(answer->next_token, "t/1+");
  EXPECT_EQ(answer->next_start, 77);
  const lists::Entry& entry = *answer->items[0].entry;
  EXPECT_THAT(entry.labels, ElementsAre("ncii-adult", "not-csam"));
  EXPECT_EQ(entry.metadata.at("csam"), "false");
  EXPECT_EQ(entry.metadata.at("regions"), "UK,EU");
  EXPECT_EQ(entry.metadata.at("feedback"), "A=Undefined,B=Blocked");
  EXPECT_EQ(entry.id.find(kPdq), std::string::npos) << "ids get into logs and records";
  EXPECT_FALSE(answer->items[1].entry);
}

TEST(StopNcii, WhatIsNoAnswerIsAnError) {
  for (const char* text : {"", "[]", "{}", "{\"hashRecords\":5}", "{\"hashRecords\":[", "<html>"}) {
    EXPECT_EQ(ReadStopNciiAnswer(text).status().code(), StatusCode::kDataLoss) << text;
  }
}

}  // namespace
}  // namespace tamiz::exchange
