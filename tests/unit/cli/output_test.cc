#include "cli/output.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "tamiz/v1/scan_service.pb.h"

namespace tamiz::cli {
namespace {

grpc::Status Overload() {
  google::rpc::Status rich;
  google::rpc::RetryInfo retry;
  retry.mutable_retry_delay()->set_nanos(250'000'000);
  rich.add_details()->PackFrom(retry);
  rich.add_details()->set_type_url("type.googleapis.com/some.Unknown");
  google::rpc::ErrorInfo info;
  info.set_reason("SCAN_QUEUE_FULL");
  rich.add_details()->PackFrom(info);
  google::rpc::BadRequest bad;
  bad.add_field_violations()->set_field("lane");
  rich.add_details()->PackFrom(bad);
  return {grpc::StatusCode::RESOURCE_EXHAUSTED, "queue full", rich.SerializeAsString()};
}

TEST(Errors, AreDescribedWithTheirDetails) {
  EXPECT_EQ(Describe(Overload()),
            "RESOURCE_EXHAUSTED: queue full (try again in 0.25 s; reason SCAN_QUEUE_FULL; field lane: )");
  EXPECT_EQ(RetryDelayMs(Overload()), 250);
  const grpc::Status plain(grpc::StatusCode::NOT_FOUND, "no\nlist");
  EXPECT_EQ(Describe(plain), "NOT_FOUND: no?list");
  EXPECT_EQ(RetryDelayMs(plain), -1);
  EXPECT_EQ(Describe({grpc::StatusCode::INTERNAL, "x", "not a protobuf message"}), "INTERNAL: x");
}

TEST(Errors, AreJsonForPrograms) {
  const auto json = nlohmann::json::parse(ErrorJson("a \"file\"", Overload()));
  EXPECT_EQ(json["path"], "a \"file\"");
  EXPECT_EQ(json["error"]["code"], "RESOURCE_EXHAUSTED");
  ASSERT_EQ(json["error"]["details"].size(), 3u);
  EXPECT_EQ(json["error"]["details"][0]["retryDelay"], "0.250s");
  EXPECT_EQ(json["error"]["details"][1]["reason"], "SCAN_QUEUE_FULL");
}

TEST(Json, IsOneLineWithDefaultsAndThePathInFront) {
  v1::ScanResult result;
  result.set_verdict(v1::VERDICT_NO_KNOWN_MATCH);
  const std::string text = ToJson("path", "x\ny", result);
  EXPECT_EQ(text.find('\n'), std::string::npos);
  const auto json = nlohmann::json::parse(text);
  EXPECT_EQ(json["path"], "x\ny");
  EXPECT_EQ(json["verdict"], "VERDICT_NO_KNOWN_MATCH");
  EXPECT_EQ(json["confidence"], 0);
  EXPECT_TRUE(json["matches"].is_array());
}

TEST(Text, IsSafeForATerminal) {
  EXPECT_EQ(Printable("a\033[31mb\x7f\tc"), "a?[31mb??c");
  EXPECT_EQ(Printable("grün"), "grün");
}

TEST(Text, HasUnits) {
  EXPECT_EQ(Bytes(999), "999 B");
  EXPECT_EQ(Bytes(1500), "1.5 kB");
  EXPECT_EQ(Bytes(4'000'000'000), "4.0 GB");
  google::protobuf::Duration span;
  span.set_seconds(12);
  span.set_nanos(500'000'000);
  EXPECT_EQ(Seconds(span), "12.5 s");
  span.set_nanos(0);
  EXPECT_EQ(Seconds(span), "12 s");
  google::protobuf::Timestamp time;
  EXPECT_EQ(Text(time), "-");
  time.set_seconds(1'000'000'000);
  EXPECT_EQ(Text(time), "2001-09-09T01:46:40Z");
}

}  // namespace
}  // namespace tamiz::cli
