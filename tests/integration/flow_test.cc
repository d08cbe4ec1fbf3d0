// What surrounds scans: overload, cancellation, deadlines, shutdown, restart, health, metrics.
#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <grpcpp/generic/generic_stub.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/integration/harness.h"

namespace tamiz::server {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class FlowTest : public ServerTest {
 protected:
  void StartStuck() { Start(std::make_unique<StuckFrameSource>(control_)); }

  // A scan on a thread of its own.
  struct Running {
    grpc::ClientContext context;
    v1::ScanResponse response;
    grpc::Status status;
    std::jthread thread;
  };
  std::unique_ptr<Running> Begin(std::chrono::milliseconds deadline = 60s) {
    auto running = std::make_unique<Running>();
    running->context.set_deadline(std::chrono::system_clock::now() + deadline);
    running->thread = std::jthread([this, &r = *running] {
      r.status = scans_->Scan(&r.context, Inline(scan::CanaryPicture()), &r.response);
    });
    return running;
  }

  void ServeMetrics() { config_.server.metrics_listen = reloaded_.server.metrics_listen = "127.0.0.1:0"; }

  std::string Get(const std::string& path) {
    const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(app_->metrics_port()));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    const std::string request = "GET " + path + " HTTP/1.0\r\nHost: x\r\n\r\n";
    EXPECT_EQ(::send(fd, request.data(), request.size(), 0), static_cast<ssize_t>(request.size()));
    std::string answer;
    char buffer[4096];
    for (ssize_t got; (got = ::recv(fd, buffer, sizeof buffer, 0)) > 0;) {
      answer.append(buffer, static_cast<std::size_t>(got));
    }
    ::close(fd);
    return answer;
  }

  // Asks grpc.health.v1.Health/Check, whose messages are one string and one number; 0 if the call failed.
  int Health(const std::string& service) {
    std::string request;
    if (!service.empty()) request = std::string("\x0a") + static_cast<char>(service.size()) + service;
    grpc::GenericStub stub(channel_);
    grpc::ClientContext context;
    grpc::CompletionQueue queue;
    const grpc::Slice slice(request);
    const grpc::ByteBuffer message(&slice, 1);
    auto call = stub.PrepareUnaryCall(&context, "/grpc.health.v1.Health/Check", message, &queue);
    call->StartCall();
    grpc::ByteBuffer answer;
    grpc::Status status;
    call->Finish(&answer, &status, this);
    void* tag = nullptr;
    bool ok = false;
    queue.Next(&tag, &ok);
    if (!status.ok()) return 0;
    std::vector<grpc::Slice> slices;
    EXPECT_TRUE(answer.Dump(&slices).ok());
    std::string bytes;
    for (const grpc::Slice& part : slices)
      bytes.append(reinterpret_cast<const char*>(part.begin()), part.size());
    return bytes.size() == 2 ? bytes[1] : 0;
  }

  StuckFrameSource::Control control_;
};

TEST_F(FlowTest, OverloadIsAnsweredAtOnceWithWhenToTryAgain) {
  ServeMetrics();
  config_.admission.max_running = 1;
  config_.admission.max_queued = 1;
  StartStuck();
  auto first = Begin();
  ASSERT_TRUE(Eventually([&] { return GetStatus().scans_running() == 1; }));
  auto second = Begin();
  ASSERT_TRUE(Eventually([&] { return GetStatus().scans_queued() == 1; }));

  auto third = Begin();
  third->thread.join();
  EXPECT_EQ(third->status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  google::rpc::RetryInfo retry;
  ASSERT_TRUE(DetailOf(third->status, &retry));
  EXPECT_GT(retry.retry_delay().seconds() * 1000 + retry.retry_delay().nanos() / 1'000'000, 0);
  google::rpc::ErrorInfo info;
  ASSERT_TRUE(DetailOf(third->status, &info));
  EXPECT_EQ(info.reason(), "SCAN_QUEUE_FULL");
  EXPECT_THAT(Get("/metrics"), HasSubstr("tamiz_refusals_total{reason=\"SCAN_QUEUE_FULL\"} 1"));

  // In a stream it is an error of the item, and the stream goes on.
  {
    grpc::ClientContext context;
    auto stream = scans_->ScanMany(&context);
    v1::ScanManyRequest item;
    *item.mutable_request() = Inline(scan::CanaryPicture());
    for (const char* id : {"x", "y"}) {
      item.mutable_request()->set_request_id(id);
      ASSERT_TRUE(stream->Write(item));
      v1::ScanManyResponse answer;
      ASSERT_TRUE(stream->Read(&answer));
      EXPECT_EQ(answer.request_id(), id);
      EXPECT_EQ(answer.error().code(), static_cast<int>(grpc::StatusCode::RESOURCE_EXHAUSTED));
      EXPECT_EQ(answer.error().details_size(), 2);
    }
    stream->WritesDone();
    EXPECT_TRUE(stream->Finish().ok());
  }
  control_.Open();
  first->thread.join();
  second->thread.join();
  EXPECT_TRUE(first->status.ok());
  EXPECT_TRUE(second->status.ok());
}

TEST_F(FlowTest, SameIdInAStreamIsRefusedWhileItIsUnanswered) {
  StartStuck();
  grpc::ClientContext context;
  auto stream = scans_->ScanMany(&context);
  v1::ScanManyRequest item;
  *item.mutable_request() = Inline(scan::CanaryPicture());
  item.mutable_request()->set_request_id("twice");
  ASSERT_TRUE(stream->Write(item));
  ASSERT_TRUE(stream->Write(item));
  v1::ScanManyResponse answer;
  ASSERT_TRUE(stream->Read(&answer));
  EXPECT_EQ(answer.error().code(), static_cast<int>(grpc::StatusCode::INVALID_ARGUMENT));
  control_.Open();
  ASSERT_TRUE(stream->Read(&answer));
  EXPECT_TRUE(answer.has_result());
  stream->WritesDone();
  EXPECT_FALSE(stream->Read(&answer));
  EXPECT_TRUE(stream->Finish().ok());
}

TEST_F(FlowTest, CancelledCallStopsItsDecoder) {
  StartStuck();
  // The self-test is stuck in a decoder, too.
  ASSERT_TRUE(Eventually([&] { return control_.running == 1; }));
  auto call = Begin();
  ASSERT_TRUE(Eventually([&] { return control_.running == 2; }));
  const std::uint64_t bytes = scan::CanaryPicture().size();
  EXPECT_EQ(GetStatus().bytes_in_flight(), 3 * bytes);  // the self-test's; the message and its sealed copy
  call->context.TryCancel();
  call->thread.join();
  EXPECT_EQ(call->status.error_code(), grpc::StatusCode::CANCELLED);
  EXPECT_TRUE(Eventually([&] { return control_.cancelled == 1; }));
  EXPECT_TRUE(
      Eventually([&] { return GetStatus().scans_running() == 0 && GetStatus().bytes_in_flight() == bytes; }));
}

TEST_F(FlowTest, CancelledStreamStopsAllItsDecoders) {
  config_.admission.max_running = 4;
  StartStuck();
  grpc::ClientContext context;
  auto stream = scans_->ScanMany(&context);
  for (int i = 0; i < 8; ++i) {
    v1::ScanManyRequest item;
    *item.mutable_request() = Inline(scan::CanaryPicture());
    item.mutable_request()->set_request_id(std::to_string(i));
    ASSERT_TRUE(stream->Write(item));
  }
  ASSERT_TRUE(
      Eventually([&] { return GetStatus().scans_running() == 4 && GetStatus().scans_queued() == 4; }));
  context.TryCancel();
  EXPECT_EQ(stream->Finish().error_code(), grpc::StatusCode::CANCELLED);
  EXPECT_TRUE(Eventually([&] {
    const v1::GetStatusResponse status = GetStatus();
    return status.scans_running() == 0 && status.scans_queued() == 0 &&
           status.bytes_in_flight() == scan::CanaryPicture().size();
  }));
}

TEST_F(FlowTest, StreamedScanThatIsCancelledStopsItsDecoder) {
  StartStuck();
  ASSERT_TRUE(Eventually([&] { return control_.running == 1; }));
  v1::ScanStreamRequest request;
  *request.mutable_request() = Inline(scan::CanaryPicture());
  grpc::ClientContext context;
  const auto reader = scans_->ScanStream(&context, request);
  ASSERT_TRUE(Eventually([&] { return control_.running == 2; }));
  v1::ScanStreamResponse event;
  ASSERT_TRUE(reader->Read(&event));  // it tells that it has begun
  EXPECT_TRUE(event.has_progress());
  context.TryCancel();
  EXPECT_EQ(reader->Finish().error_code(), grpc::StatusCode::CANCELLED);
  EXPECT_TRUE(Eventually([&] { return control_.cancelled == 1; }));
  EXPECT_TRUE(Eventually([&] { return GetStatus().scans_running() == 0; }));  // the self-test has no place
}

TEST_F(FlowTest, DeadlineEndsTheScan) {
  StartStuck();
  auto call = Begin(300ms);
  call->thread.join();
  EXPECT_EQ(call->status.error_code(), grpc::StatusCode::DEADLINE_EXCEEDED);
  EXPECT_TRUE(Eventually([&] { return GetStatus().scans_running() == 0; }));
}

TEST_F(FlowTest, ShutdownDrainsWhatWasAccepted) {
  config_.admission.max_running = 1;
  StartStuck();
  auto running = Begin();
  ASSERT_TRUE(Eventually([&] { return GetStatus().scans_running() == 1; }));
  auto queued = Begin();
  ASSERT_TRUE(Eventually([&] { return GetStatus().scans_queued() == 1; }));
  bool drained = false;
  std::jthread shutdown([&] { drained = app_->Shutdown(); });
  ASSERT_TRUE(Eventually([&] { return Health("tamiz.v1.AdminService") != 1; }));
  control_.Open();
  running->thread.join();
  queued->thread.join();
  shutdown.join();
  EXPECT_TRUE(running->status.ok()) << running->status.error_message();
  EXPECT_TRUE(queued->status.ok()) << queued->status.error_message();
  EXPECT_TRUE(drained);
  auto late = Begin(2s);
  late->thread.join();
  EXPECT_FALSE(late->status.ok());
}

TEST_F(FlowTest, ShutdownDoesNotWaitForever) {
  config_.server.drain_time = 200ms;
  StartStuck();
  auto running = Begin();
  ASSERT_TRUE(Eventually([&] { return GetStatus().scans_running() == 1; }));
  const auto before = std::chrono::steady_clock::now();
  app_->Shutdown();
  EXPECT_LT(std::chrono::steady_clock::now() - before, 8s);
  running->thread.join();
  EXPECT_FALSE(running->status.ok());
}

TEST_F(FlowTest, RestartComesBackWithTheSameVersions) {
  Start();
  v1::CreateListRequest create;
  create.set_name("mine");
  v1::CreateListResponse created;
  {
    grpc::ClientContext context;
    ASSERT_TRUE(lists_->CreateList(&context, create, &created).ok());
  }
  v1::AddEntriesRequest add;
  add.set_list("mine");
  v1::EntryMedia& media = *add.add_media();
  media.mutable_entry()->set_entry_id("e");
  media.set_content(Text(scan::CanaryPicture()));
  v1::AddEntriesResponse added;
  {
    grpc::ClientContext context;
    ASSERT_TRUE(lists_->AddEntries(&context, add, &added).ok());
  }
  const auto loaded = [&] {
    std::map<std::string, std::string> versions;
    const v1::GetStatusResponse status = GetStatus();
    for (const v1::LoadedList& list : status.lists()) {
      versions[list.list().list_name()] = std::to_string(list.list().version()) + " " + list.list().digest();
    }
    return versions;
  };
  const auto before = loaded();
  EXPECT_EQ(before.size(), 2u);
  for (int i = 0; i < 2; ++i) {
    app_.reset();
    Start();
    EXPECT_EQ(loaded(), before);
  }
}

TEST_F(FlowTest, SecondServerOnTheSameDataIsRefused) {
  StartStuck();
  App::Options options;
  options.config = config_;
  options.frames = std::make_unique<StuckFrameSource>(control_);
  const auto second = App::Start(std::move(options));
  EXPECT_EQ(second.status().code(), StatusCode::kFailedPrecondition);
}

TEST_F(FlowTest, AddressThatOthersReachNeedsTlsOrAWord) {
  config_.server.listen = "0.0.0.0:0";
  App::Options options;
  options.config = config_;
  options.frames = std::make_unique<StuckFrameSource>(control_);
  const auto refused = App::Start(std::move(options));
  EXPECT_EQ(refused.status().code(), StatusCode::kInvalidArgument);
  EXPECT_THAT(Message(refused.status()), HasSubstr("allow_insecure_non_loopback"));
  config_.server.allow_insecure_non_loopback = true;
  StartStuck();
  EXPECT_GT(app_->grpc_port(), 0);
}

TEST_F(FlowTest, PortThatIsTakenIsRefused) {
  StartStuck();
  const TempDir other;
  App::Options options;
  options.config = MakeConfig(other);
  options.config.server.listen = "127.0.0.1:" + std::to_string(app_->grpc_port());
  options.frames = std::make_unique<StuckFrameSource>(control_);
  const auto second = App::Start(std::move(options));
  EXPECT_EQ(second.status().code(), StatusCode::kUnavailable);
}

TEST_F(FlowTest, HealthFollowsReadiness) {
  ServeMetrics();
  Start();
  for (const char* service : {"", "tamiz.v1.ScanService", "tamiz.v1.HashService", "tamiz.v1.ListService",
                              "tamiz.v1.AdminService"}) {
    EXPECT_EQ(Health(service), 1) << service;
  }
  EXPECT_EQ(Health("no.such.Service"), 0);
  EXPECT_THAT(Get("/healthz"), HasSubstr("200 OK"));
}

TEST_F(FlowTest, WithoutAPassedSelfTestItIsNotReady) {
  ServeMetrics();
  StartStuck();
  EXPECT_EQ(Health("tamiz.v1.ScanService"), 2);
  EXPECT_EQ(Health(""), 2);
  EXPECT_EQ(Health("tamiz.v1.AdminService"), 1);
  const std::string healthz = Get("/healthz");
  EXPECT_THAT(healthz, HasSubstr("503"));
  EXPECT_THAT(healthz, HasSubstr("self-test"));
  EXPECT_FALSE(GetStatus().ready());
  EXPECT_GT(GetStatus().problems_size(), 0);
  control_.Open();
}

TEST_F(FlowTest, StatusSelfTestAndReload) {
  Start();
  const v1::GetStatusResponse status = GetStatus();
  EXPECT_TRUE(status.ready());
  EXPECT_TRUE(status.last_self_test().passed());
  EXPECT_GT(status.sandbox_layers_size(), 2);
  EXPECT_GT(status.resident_bytes(), 1u << 20);
  v1::SelfTestResponse tested;
  {
    grpc::ClientContext context;
    ASSERT_TRUE(admin_->SelfTest(&context, {}, &tested).ok());
  }
  EXPECT_TRUE(tested.report().passed());
  EXPECT_EQ(tested.report().cases_size(), 3);

  reloaded_ = config_;
  reloaded_.scan.disabled_formats = {"jpeg"};
  reloaded_.lists.allow_export = false;
  reloaded_.server.max_message_bytes += 1;
  v1::ReloadConfigResponse reloaded;
  {
    grpc::ClientContext context;
    ASSERT_TRUE(admin_->ReloadConfig(&context, {}, &reloaded).ok());
  }
  EXPECT_THAT(reloaded.applied(),
              ::testing::UnorderedElementsAre("scan.disabled_formats", "lists.allow_export"));
  EXPECT_THAT(reloaded.needs_restart(), ::testing::ElementsAre("server.max_message_bytes"));
  v1::ScanResponse scanned;
  {
    grpc::ClientContext context;
    ASSERT_TRUE(scans_->Scan(&context, Inline(scan::CanaryFlippedPicture()), &scanned).ok());
  }
  EXPECT_EQ(scanned.result().verdict(), v1::VERDICT_INCOMPLETE);
  v1::ExportEntriesRequest request;
  request.set_list("tamiz-test");
  grpc::ClientContext context;
  auto reader = lists_->ExportEntries(&context, request);
  v1::ExportEntriesResponse batch;
  EXPECT_FALSE(reader->Read(&batch));
  EXPECT_EQ(reader->Finish().error_code(), grpc::StatusCode::PERMISSION_DENIED);
}

TEST_F(FlowTest, MetricsTellOfScansAndLists) {
  ServeMetrics();
  Start();
  grpc::ClientContext context;
  v1::ScanResponse response;
  ASSERT_TRUE(scans_->Scan(&context, Inline(scan::CanaryPicture()), &response).ok());
  const std::string metrics = Get("/metrics");
  EXPECT_THAT(metrics, HasSubstr("tamiz_scans_total{verdict=\"MATCH\"} 1"));
  EXPECT_THAT(metrics, HasSubstr("tamiz_matches_total{list=\"tamiz-test\",mode=\"enforce\"} 1"));
  EXPECT_THAT(metrics, HasSubstr("tamiz_list_version{list=\"tamiz-test\"} 1"));
  EXPECT_THAT(metrics, HasSubstr("tamiz_selftest_last_success_timestamp_seconds"));
  EXPECT_THAT(metrics, HasSubstr("tamiz_decoder_exits_total{reason=\"finished\"}"));
  EXPECT_THAT(metrics, Not(HasSubstr("canary-picture")));
}

TEST_F(FlowTest, UnixSocket) {
  config_.server.listen = "unix:" + (dir_.path() / "s").string();
  config_.server.metrics_listen = "";
  App::Options options;
  options.config = config_;
  options.frames = std::make_unique<StuckFrameSource>(control_);
  auto app = App::Start(std::move(options));
  ASSERT_TRUE(app.ok()) << Message(app.status());
  auto stub = v1::AdminService::NewStub(
      grpc::CreateChannel(config_.server.listen, grpc::InsecureChannelCredentials()));
  grpc::ClientContext context;
  v1::GetStatusResponse response;
  EXPECT_TRUE(stub->GetStatus(&context, {}, &response).ok());
  EXPECT_EQ((*app)->metrics_port(), 0);
}

}  // namespace
}  // namespace tamiz::server
