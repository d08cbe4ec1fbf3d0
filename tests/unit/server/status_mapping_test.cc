#include "server/status_mapping.h"

#include <gtest/gtest.h>

#include "google/rpc/error_details.pb.h"

namespace tamiz::server {
namespace {

using std::chrono::milliseconds;

TEST(StatusMappingTest, EveryCodeKeepsItsNumber) {
  for (int code = 0; code <= 16; ++code) {
    EXPECT_EQ(static_cast<int>(ToGrpcCode(static_cast<StatusCode>(code))), code);
  }
  EXPECT_EQ(ToGrpcCode(static_cast<StatusCode>(99)), grpc::StatusCode::UNKNOWN);
}

TEST(StatusMappingTest, OkHasNoDetails) {
  EXPECT_TRUE(ToGrpc(OkStatus()).ok());
  EXPECT_EQ(ToGrpc(OkStatus()).error_details(), "");
}

TEST(StatusMappingTest, PlainErrorKeepsItsMessage) {
  const grpc::Status status = ToGrpc(NotFound("there is no list \"x\""));
  EXPECT_EQ(status.error_code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_EQ(status.error_message(), "there is no list \"x\"");
  EXPECT_EQ(status.error_details(), "");
}

TEST(StatusMappingTest, DetailsTravelAsGoogleRpcStatus) {
  const Status status =
      WithField(WithRetryDelay(MakeError(StatusCode::kResourceExhausted, "full", "SCAN_QUEUE_FULL"),
                               milliseconds(1500)),
                "lists");
  const grpc::Status mapped = ToGrpc(status);
  google::rpc::Status rpc;
  ASSERT_TRUE(rpc.ParseFromString(mapped.error_details()));
  EXPECT_EQ(rpc.code(), 8);
  EXPECT_EQ(rpc.message(), "full");
  ASSERT_EQ(rpc.details_size(), 3);
  google::rpc::ErrorInfo info;
  ASSERT_TRUE(rpc.details(0).UnpackTo(&info));
  EXPECT_EQ(info.reason(), "SCAN_QUEUE_FULL");
  EXPECT_EQ(info.domain(), "tamiz");
  google::rpc::RetryInfo retry;
  ASSERT_TRUE(rpc.details(1).UnpackTo(&retry));
  EXPECT_EQ(retry.retry_delay().seconds(), 1);
  EXPECT_EQ(retry.retry_delay().nanos(), 500'000'000);
  google::rpc::BadRequest bad;
  ASSERT_TRUE(rpc.details(2).UnpackTo(&bad));
  ASSERT_EQ(bad.field_violations_size(), 1);
  EXPECT_EQ(bad.field_violations(0).field(), "lists");
  EXPECT_EQ(bad.field_violations(0).description(), "full");
}

}  // namespace
}  // namespace tamiz::server
