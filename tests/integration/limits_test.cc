// Clients that are slow, silent, in a hurry or too many.
#include <gmock/gmock.h>

#include "server/early_call.h"
#include "tests/integration/harness.h"

namespace tamiz::server {
namespace {

using ::testing::HasSubstr;

class LimitsTest : public ServerTest {
 protected:
  void StartStuck() { Start(std::make_unique<StuckFrameSource>(control_)); }
  static std::string ReasonOf(const grpc::Status& status) {
    google::rpc::ErrorInfo info;
    return DetailOf(status, &info) ? info.reason() : "";
  }
  static void ExpireAfter(grpc::ClientContext& context, std::chrono::milliseconds time = 30s) {
    context.set_deadline(std::chrono::system_clock::now() + time);
  }
  StuckFrameSource::Control control_;
};

TEST_F(LimitsTest, AnUploadThatStopsComingIsEndedAndGivesItsBytesBack) {
  config_.server.stream_idle_time = 200ms;
  StartStuck();
  grpc::ClientContext context;
  ExpireAfter(context);
  v1::ScanUploadResponse response;
  auto upload = scans_->ScanUpload(&context, &response);
  v1::ScanUploadRequest message;
  message.mutable_options();
  ASSERT_TRUE(upload->Write(message));
  message.set_chunk(std::string(1 << 20, 'x'));
  ASSERT_TRUE(upload->Write(message));
  ASSERT_TRUE(Eventually([&] { return GetStatus().bytes_in_flight() >= 1 << 20; }));
  const grpc::Status status = upload->Finish();  // without saying that it is done
  EXPECT_EQ(status.error_code(), grpc::StatusCode::ABORTED) << status.error_message();
  EXPECT_EQ(ReasonOf(status), "STREAM_IDLE");
  EXPECT_TRUE(Eventually([&] { return GetStatus().bytes_in_flight() < 1 << 20; }));
}

TEST_F(LimitsTest, AnUploadThatKeepsComingSlowlyIsEndedInTheEnd) {
  config_.server.stream_idle_time = 10s;
  config_.server.max_call_time = 1s;
  StartStuck();
  grpc::ClientContext context;
  ExpireAfter(context);
  v1::ScanUploadResponse response;
  auto upload = scans_->ScanUpload(&context, &response);
  v1::ScanUploadRequest message;
  message.mutable_options();
  bool goes_on = upload->Write(message);
  message.set_chunk("x");
  for (int i = 0; goes_on && i < 300; ++i) {
    std::this_thread::sleep_for(50ms);
    goes_on = upload->Write(message);
  }
  EXPECT_FALSE(goes_on);
  const grpc::Status status = upload->Finish();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::DEADLINE_EXCEEDED) << status.error_message();
}

TEST_F(LimitsTest, OtherStreamsThatWaitForTheirClientsEndToo) {
  config_.server.stream_idle_time = 200ms;
  StartStuck();
  {
    grpc::ClientContext context;
    ExpireAfter(context);
    v1::ImportEntriesResponse response;
    auto import = lists_->ImportEntries(&context, &response);
    const grpc::Status status = import->Finish();
    EXPECT_EQ(ReasonOf(status), "STREAM_IDLE") << status.error_message();
  }
  grpc::ClientContext context;
  ExpireAfter(context);
  auto many = scans_->ScanMany(&context);
  // While one of its items is in work, it may be silent.
  v1::ScanManyRequest item;
  *item.mutable_request() = Inline(scan::CanaryPicture());
  item.mutable_request()->set_request_id("one");
  ASSERT_TRUE(many->Write(item));
  std::this_thread::sleep_for(600ms);
  control_.Open();
  v1::ScanManyResponse answer;
  ASSERT_TRUE(many->Read(&answer));
  EXPECT_TRUE(answer.has_result()) << answer.ShortDebugString();
  EXPECT_FALSE(many->Read(&answer));
  const grpc::Status status = many->Finish();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::ABORTED);
  EXPECT_EQ(ReasonOf(status), "STREAM_IDLE");
}

TEST_F(LimitsTest, ACallWithoutADeadlineGetsOne) {
  config_.server.max_call_time = 1s;
  StartStuck();
  grpc::ClientContext context;
  v1::ScanResponse response;
  const grpc::Status status = scans_->Scan(&context, Inline(scan::CanaryPicture()), &response);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::DEADLINE_EXCEEDED) << status.error_message();
}

TEST_F(LimitsTest, AllPlacesTakenIsSaidAtOnceAndOperatorsCanStillLook) {
  config_.server.max_calls_in_flight = 3;
  StartStuck();
  std::vector<std::unique_ptr<grpc::ClientContext>> contexts;
  std::vector<v1::ScanUploadResponse> responses(3);
  std::vector<std::unique_ptr<grpc::ClientWriter<v1::ScanUploadRequest>>> uploads;
  v1::ScanUploadRequest message;
  message.mutable_options();
  for (auto& response : responses) {
    contexts.push_back(std::make_unique<grpc::ClientContext>());
    uploads.push_back(scans_->ScanUpload(contexts.back().get(), &response));
    ASSERT_TRUE(uploads.back()->Write(message));
  }
  const auto formats = [&] {
    grpc::ClientContext context;
    v1::ListFormatsResponse response;
    return scans_->ListFormats(&context, {}, &response);
  };
  grpc::Status refused;
  ASSERT_TRUE(Eventually([&] {
    refused = formats();
    return !refused.ok();
  }));
  EXPECT_EQ(refused.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_EQ(ReasonOf(refused), "CALLS_IN_FLIGHT");
  google::rpc::RetryInfo retry;
  EXPECT_TRUE(DetailOf(refused, &retry));
  GetStatus();
  for (auto& context : contexts) context->TryCancel();
  for (auto& upload : uploads) upload->Finish();
  EXPECT_TRUE(Eventually([&] { return formats().ok(); }));
}

TEST_F(LimitsTest, WhileThereIsNoPlaceAPictureIsNotEvenRead) {
  config_.admission.max_running = 1;
  config_.admission.max_queued = 0;
  config_.server.max_message_bytes = 1 << 20;
  StartStuck();
  grpc::ClientContext held_context;
  ExpireAfter(held_context);
  grpc::Status held;
  v1::ScanResponse response;
  std::jthread holder([&] { held = scans_->Scan(&held_context, Inline(scan::CanaryPicture()), &response); });
  ASSERT_TRUE(Eventually([&] { return GetStatus().scans_running() == 1; }));

  // Its message is larger than what the server may receive: had it been read, the answer would be another.
  v1::ScanRequest large;
  large.set_content(std::string(config_.server.max_message_bytes + 1, 'x'));
  grpc::ClientContext context;
  ExpireAfter(context);
  const grpc::Status refused = scans_->Scan(&context, large, &response);
  EXPECT_EQ(ReasonOf(refused), "SCAN_QUEUE_FULL") << refused.error_message();
  // The bulk lane has room; its callers say which they mean.
  grpc::ClientContext bulk_context;
  ExpireAfter(bulk_context);
  bulk_context.AddMetadata("tamiz-lane", "bulk");
  const grpc::Status too_large = scans_->Scan(&bulk_context, large, &response);
  EXPECT_EQ(too_large.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_THAT(too_large.error_message(), HasSubstr("larger than max"));
  control_.Open();
  holder.join();
  EXPECT_TRUE(held.ok()) << held.error_message();
}

TEST_F(LimitsTest, SlowMessagesKeepNobodyOut) {
  config_.admission.max_running = 2;
  config_.admission.max_queued = 1;
  config_.server.stream_idle_time = 2s;
  control_.Open();
  StartStuck();
  // A hundred unary calls whose message never comes: by hand, as streams.
  const grpc::internal::RpcMethod method("/tamiz.v1.ScanService/Scan",
                                         grpc::internal::RpcMethod::CLIENT_STREAMING, channel_);
  std::vector<std::unique_ptr<grpc::ClientContext>> contexts;
  std::vector<std::unique_ptr<grpc::ClientWriter<v1::ScanRequest>>> silent;
  std::vector<v1::ScanResponse> responses(100);
  for (auto& response : responses) {
    contexts.push_back(std::make_unique<grpc::ClientContext>());
    silent.emplace_back(grpc::internal::ClientWriterFactory<v1::ScanRequest>::Create(
        channel_.get(), method, contexts.back().get(), &response));
  }
  std::this_thread::sleep_for(OnTheirWay::kCounts + 50ms);
  grpc::ClientContext context;
  ExpireAfter(context);
  v1::ScanResponse response;
  const grpc::Status status = scans_->Scan(&context, Inline(scan::CanaryPicture()), &response);
  EXPECT_TRUE(status.ok()) << status.error_message();
  int idle = 0;
  for (auto& call : silent) idle += ReasonOf(call->Finish()) == "STREAM_IDLE" ? 1 : 0;
  EXPECT_GE(idle, 1) << "those that were let in are ended";
}

TEST_F(LimitsTest, ACancelStormLeavesNothingBehind) {
  StartStuck();
  ASSERT_TRUE(Eventually([&] { return control_.running == 1; }));  // the self-test, which has its bytes
  const std::uint64_t bytes_before = GetStatus().bytes_in_flight();
  for (int round = 0; round < 5; ++round) {
    std::vector<std::unique_ptr<grpc::ClientContext>> contexts;
    std::vector<v1::ScanResponse> responses(60);
    std::atomic<int> open = 0;
    const v1::ScanRequest request = Inline(scan::CanaryPicture());
    for (auto& response : responses) {
      contexts.push_back(std::make_unique<grpc::ClientContext>());
      ++open;
      scans_->async()->Scan(contexts.back().get(), &request, &response, [&](const grpc::Status&) { --open; });
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(round * 5));
    for (auto& context : contexts) context->TryCancel();
    ASSERT_TRUE(Eventually([&] { return open == 0; }));
  }
  EXPECT_TRUE(Eventually([&] {
    const v1::GetStatusResponse status = GetStatus();
    return status.scans_running() == 0 && status.scans_queued() == 0 &&
           status.bytes_in_flight() == bytes_before;
  }));
  control_.Open();
  grpc::ClientContext context;
  v1::ScanResponse response;
  EXPECT_TRUE(scans_->Scan(&context, Inline(scan::CanaryPicture()), &response).ok());
}

TEST_F(LimitsTest, TooMuchMetadataIsRefused) {
  config_.server.max_metadata_bytes = 4096;
  StartStuck();
  const auto with = [&](std::size_t bytes) {
    grpc::ClientContext context;
    ExpireAfter(context);
    context.AddMetadata("x-much", std::string(bytes, 'x'));
    v1::GetStatusResponse response;
    return admin_->GetStatus(&context, {}, &response).error_code();
  };
  EXPECT_EQ(with(2000), grpc::StatusCode::OK);
  EXPECT_EQ(with(8000), grpc::StatusCode::RESOURCE_EXHAUSTED);
  // gRPC may close the connection after such a refusal: a call on its way then sees UNAVAILABLE, the next one
  // works.
  EXPECT_TRUE(Eventually([&] { return with(2000) == grpc::StatusCode::OK; }));
}

}  // namespace
}  // namespace tamiz::server
