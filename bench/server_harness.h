// A server in this process with a list of random hashes, for benchmarks that measure from the client's side.
#pragma once

#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "core/base/random_id.h"
#include "server/app.h"
#include "tamiz/v1/list_service.grpc.pb.h"

namespace tamiz::bench {

using BenchClock = std::chrono::steady_clock;

inline double MicrosSince(BenchClock::time_point start) {
  return std::chrono::duration<double, std::micro>(BenchClock::now() - start).count();
}

inline double Quantile(std::vector<double> values, double q) {
  std::ranges::sort(values);
  return values[static_cast<std::size_t>(q * static_cast<double>(values.size() - 1))];
}

[[noreturn]] inline void Fail(const std::string& what) {
  std::fprintf(stderr, "%s\n", what.c_str());
  std::exit(1);
}

class BenchServer {
 public:
  // `decoder`: path of the program tamiz-decoder. `entries`: random PDQ hashes to load.
  BenchServer(const std::string& decoder, std::size_t entries)
      : dir_(std::filesystem::temp_directory_path() / ("tamiz-bench-" + NewUuid())) {
    server::App::Options options;
    options.config.data_dir = dir_;
    options.config.server.listen = "127.0.0.1:0";
    options.config.server.metrics_listen = "";
    options.config.decode.program = decoder;
    options.config.self_test.interval = std::chrono::seconds(0);
    options.config.log.level = "error";
    auto app = server::App::Start(std::move(options));
    if (!app.ok()) Fail(Message(app.status()));
    app_ = *std::move(app);
    while (!app_->ready()) std::this_thread::sleep_for(std::chrono::milliseconds(5));
    grpc::ChannelArguments arguments;
    arguments.SetMaxReceiveMessageSize(-1);
    channel_ = grpc::CreateCustomChannel("127.0.0.1:" + std::to_string(app_->grpc_port()),
                                         grpc::InsecureChannelCredentials(), arguments);
    Load(entries);
    while (!app_->ready()) std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  ~BenchServer() {
    app_.reset();
    std::error_code ignored;
    std::filesystem::remove_all(dir_, ignored);
  }
  const std::shared_ptr<grpc::Channel>& channel() const { return channel_; }

 private:
  void Load(std::size_t entries) {
    const auto lists = v1::ListService::NewStub(channel_);
    {
      grpc::ClientContext context;
      v1::CreateListRequest request;
      request.set_name("random");
      v1::CreateListResponse response;
      if (const auto status = lists->CreateList(&context, request, &response); !status.ok()) {
        Fail(status.error_message());
      }
    }
    grpc::ClientContext context;
    v1::ImportEntriesResponse response;
    auto writer = lists->ImportEntries(&context, &response);
    v1::ImportEntriesRequest message;
    message.mutable_options()->set_list("random");
    message.mutable_options()->set_format("csv");
    writer->Write(message);
    std::mt19937_64 random(1);
    std::string rows = "entry_id,hash_type,value,labels,metadata\n";
    for (std::size_t i = 0; i < entries; ++i) {
      char row[128];
      std::snprintf(row, sizeof row, "e%zu,pdq,%016lx%016lx%016lx%016lx,,\n", i, random(), random(), random(),
                    random());
      rows += row;
      if (rows.size() > 1 << 20 || i + 1 == entries) {
        message.set_chunk(rows);
        writer->Write(message);
        rows.clear();
      }
    }
    writer->WritesDone();
    if (const auto status = writer->Finish(); !status.ok()) Fail(status.error_message());
    if (response.entries_added() != entries) Fail("not all entries were taken");
  }

  const std::filesystem::path dir_;
  std::unique_ptr<server::App> app_;
  std::shared_ptr<grpc::Channel> channel_;
};

}  // namespace tamiz::bench
