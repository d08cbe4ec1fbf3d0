#include "core/base/status.h"

#include <gtest/gtest.h>

namespace tamiz {
namespace {

TEST(Status, CarriesReasonFieldAndRetryDelay) {
  Status status = MakeError(StatusCode::kResourceExhausted, "queue full (64 waiting)", "SCAN_QUEUE_FULL");
  status = WithRetryDelay(status, std::chrono::milliseconds(250));
  status = WithField(status, "sampling.interval");
  EXPECT_EQ(Message(status), "queue full (64 waiting)");
  EXPECT_EQ(Reason(status), "SCAN_QUEUE_FULL");
  EXPECT_EQ(RetryDelay(status), std::chrono::milliseconds(250));
  EXPECT_EQ(Field(status), "sampling.interval");
}

TEST(Status, PlainErrorHasNone) {
  const Status status = NotFound("no list 'x'");
  EXPECT_EQ(Reason(status), "");
  EXPECT_FALSE(RetryDelay(status).has_value());
  EXPECT_EQ(Field(status), "");
}

StatusOr<int> Half(int n) {
  if (n % 2 != 0) return InvalidArgument("odd");
  return n / 2;
}

Status Quarter(int n, int& out) {
  TAMIZ_ASSIGN_OR_RETURN(const int half, Half(n));
  TAMIZ_ASSIGN_OR_RETURN(out, Half(half));
  return OkStatus();
}

TEST(Status, MacrosPassOnTheFirstError) {
  int out = 0;
  EXPECT_TRUE(Quarter(8, out).ok());
  EXPECT_EQ(out, 2);
  EXPECT_EQ(Quarter(6, out).code(), StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace tamiz
