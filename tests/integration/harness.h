// A server in this process and a client for it.
#pragma once

#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "core/base/mutex.h"
#include "core/scan/canary.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "server/app.h"
#include "tamiz/v1/admin_service.grpc.pb.h"
#include "tamiz/v1/hash_service.grpc.pb.h"
#include "tamiz/v1/list_service.grpc.pb.h"
#include "tamiz/v1/scan_service.grpc.pb.h"
#include "tests/unit/scan/fakes.h"

namespace tamiz::server {

using scan::TempDir;
using namespace std::chrono_literals;

// True as soon as `condition` holds; false after ten seconds.
inline bool Eventually(const std::function<bool()>& condition) {
  const auto until = std::chrono::steady_clock::now() + 10s;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > until) return false;
    std::this_thread::sleep_for(5ms);
  }
  return true;
}

// A decoder that gets nowhere until it is let go, and notices when nobody wants it any more.
class StuckFrameSource final : public media::FrameSource {
 public:
  struct Control {
    Mutex mutex;
    CondVar changed;
    bool open TAMIZ_GUARDED_BY(mutex) = false;
    std::atomic<int> running{0}, cancelled{0}, finished{0};

    void Open() {
      MutexLock lock(mutex);
      open = true;
      changed.NotifyAll();
    }
  };
  explicit StuckFrameSource(Control& control) : control_(control) {}

  StatusOr<media::SampleOutcome> Sample(const media::SampleRequest&, const CallContext& context,
                                        const FrameSink& sink) override {
    ++control_.running;
    const std::stop_callback wake(context.stop, [this] {
      MutexLock lock(control_.mutex);
      control_.changed.NotifyAll();
    });
    Status wanted;
    {
      MutexLock lock(control_.mutex);
      while (!control_.open && wanted.ok()) {
        control_.changed.WaitUntil(control_.mutex,
                                   std::min(context.deadline, std::chrono::steady_clock::now() + 1s));
        wanted = context.StillWanted(std::chrono::steady_clock::now());
      }
    }
    --control_.running;
    if (!wanted.ok()) {
      ++control_.cancelled;
      return wanted;
    }
    sink(std::make_unique<scan::FakeFrame>(scan::Picture(7), 0, 0us));
    ++control_.finished;
    media::SampleOutcome outcome;
    outcome.frames_delivered = 1;
    return outcome;
  }

 private:
  Control& control_;
};

class ServerTest : public ::testing::Test {
 protected:
  static config::Config MakeConfig(const TempDir& dir) {
    config::Config config;
    config.data_dir = dir.path() / "data";
    config.server.listen = "127.0.0.1:0";
    config.server.metrics_listen = "";  // those that ask it set it: stopping it takes two seconds
    config.server.drain_time = 5s;
    config.decode.program = std::string(std::getenv("TAMIZ_BIN_DIR")) + "/tamiz-decoder";
    config.decode.spare_decoders = 1;
    config.log.level = std::getenv("TAMIZ_TEST_LOG") ? "info" : "error";
    return config;
  }

  // Before what derived classes hold goes: decoders may still be stuck in it.
  void TearDown() override { app_.reset(); }

  // With `frames` null, real decoders.
  void Start(std::unique_ptr<media::FrameSource> frames = nullptr) {
    const bool real = frames == nullptr;
    App::Options options;
    options.config = config_;
    options.load_config = [this]() -> StatusOr<config::Config> { return reloaded_; };
    options.frames = std::move(frames);
    auto app = App::Start(std::move(options));
    ASSERT_TRUE(app.ok()) << Message(app.status());
    app_ = *std::move(app);
    if (real) {
      ASSERT_TRUE(Eventually([&] { return app_->ready(); }));
    }
    grpc::ChannelArguments arguments;
    arguments.SetMaxReceiveMessageSize(-1);
    channel_ = grpc::CreateCustomChannel("127.0.0.1:" + std::to_string(app_->grpc_port()),
                                         grpc::InsecureChannelCredentials(), arguments);
    scans_ = v1::ScanService::NewStub(channel_);
    hashes_ = v1::HashService::NewStub(channel_);
    lists_ = v1::ListService::NewStub(channel_);
    admin_ = v1::AdminService::NewStub(channel_);
  }

  static std::string Text(std::span<const std::uint8_t> bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  }
  static v1::ScanRequest Inline(std::span<const std::uint8_t> bytes) {
    v1::ScanRequest request;
    request.set_content(Text(bytes));
    return request;
  }

  v1::GetStatusResponse GetStatus() {
    grpc::ClientContext context;
    v1::GetStatusResponse response;
    const grpc::Status status = admin_->GetStatus(&context, {}, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response;
  }

  template <typename Detail>
  static bool DetailOf(const grpc::Status& status, Detail* detail) {
    google::rpc::Status rpc;
    if (!rpc.ParseFromString(status.error_details())) return false;
    for (const auto& any : rpc.details()) {
      if (any.UnpackTo(detail)) return true;
    }
    return false;
  }

  // Field named by a BadRequest detail.
  static std::string BadField(const grpc::Status& status) {
    google::rpc::BadRequest bad;
    return DetailOf(status, &bad) ? bad.field_violations(0).field() : "";
  }

  TempDir dir_;
  config::Config config_ = MakeConfig(dir_);
  config::Config reloaded_ = config_;
  std::unique_ptr<App> app_;
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<v1::ScanService::Stub> scans_;
  std::unique_ptr<v1::HashService::Stub> hashes_;
  std::unique_ptr<v1::ListService::Stub> lists_;
  std::unique_ptr<v1::AdminService::Stub> admin_;
};

}  // namespace tamiz::server
