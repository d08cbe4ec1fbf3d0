// Messages that are small on the wire and large in memory.
#include <gmock/gmock.h>
#include <grpcpp/generic/generic_stub.h>

#include <fstream>
#include <future>

#include "tests/integration/harness.h"

namespace tamiz::server {
namespace {

class MessageTest : public ServerTest {
 protected:
  void StartStuck() { Start(std::make_unique<StuckFrameSource>(control_)); }

  // A unary call of any bytes.
  grpc::Status Call(const std::string& path, const std::string& bytes, bool packed = false) {
    grpc::GenericStub stub(channel_);
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + 60s);
    if (packed) context.set_compression_algorithm(GRPC_COMPRESS_GZIP);
    const grpc::Slice slice(bytes);
    const grpc::ByteBuffer request(&slice, 1);
    grpc::ByteBuffer response;
    std::promise<grpc::Status> ended;
    stub.UnaryCall(&context, path, {}, &request, &response,
                   [&](grpc::Status status) { ended.set_value(std::move(status)); });
    return ended.get_future().get();
  }

  // Opens a client stream and writes `messages`, any bytes; what it ends with. `answers` takes what came.
  grpc::Status Stream(const std::string& path, const std::vector<std::string>& messages,
                      std::vector<std::string>* answers = nullptr) {
    grpc::GenericStub stub(channel_);
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + 60s);
    grpc::CompletionQueue queue;
    const auto stream = stub.PrepareCall(&context, path, &queue);
    const auto done = [&] {
      void* tag = nullptr;
      bool ok = false;
      return queue.Next(&tag, &ok) && ok;
    };
    stream->StartCall(nullptr);
    EXPECT_TRUE(done());
    for (const std::string& message : messages) {
      const grpc::Slice slice(message);
      stream->Write(grpc::ByteBuffer(&slice, 1), nullptr);
      if (!done()) break;
    }
    stream->WritesDone(nullptr);
    (void)done();
    for (grpc::ByteBuffer answer;; answer.Clear()) {
      stream->Read(&answer, nullptr);
      if (!done()) break;
      grpc::Slice whole;
      EXPECT_TRUE(answer.DumpToSingleSlice(&whole).ok());
      if (answers != nullptr)
        answers->emplace_back(reinterpret_cast<const char*>(whole.begin()), whole.size());
    }
    grpc::Status status;
    stream->Finish(&status, nullptr);
    EXPECT_TRUE(done());
    return status;
  }

  static std::string Times(std::size_t count, const std::string& bytes) {
    std::string all;
    for (std::size_t i = 0; i < count; ++i) all += bytes;
    return all;
  }
  // An ImportEntriesRequest with `count` entries that say nothing.
  static std::string EmptyEntries(std::size_t count) {
    std::string message = "\x1a";
    for (std::size_t length = 2 * count; length > 0; length >>= 7) {
      message += static_cast<char>((length & 0x7f) | (length > 0x7f ? 0x80 : 0));
    }
    return message + Times(count, std::string("\x0a\x00", 2));
  }
  static std::string ReasonOf(const grpc::Status& status) {
    google::rpc::ErrorInfo info;
    return DetailOf(status, &info) ? info.reason() : "";
  }
  // The most memory that this process ever held.
  static std::uint64_t PeakMiB() {
    std::ifstream file("/proc/self/status");
    std::string word;
    std::uint64_t kib = 0;
    while (file >> word) {
      if (word == "VmHWM:") file >> kib;
    }
    return kib >> 10;
  }
  StuckFrameSource::Control control_;
};

TEST_F(MessageTest, PackedMessagesAreNotUnpacked) {
  StartStuck();
  for (const char* path : {"/tamiz.v1.ScanService/Scan", "/tamiz.v1.HashService/Lookup",
                           "/tamiz.v1.ListService/AddEntries", "/tamiz.v1.ScanService/ScanStream"}) {
    const grpc::Status status = Call(path, std::string(1 << 20, '\0'), /*packed=*/true);
    EXPECT_EQ(status.error_code(), grpc::StatusCode::UNIMPLEMENTED) << path << ": " << status.error_message();
  }
  GetStatus();
}

TEST_F(MessageTest, MuchOfLittleIsRefusedBeforeItIsParsed) {
  StartStuck();
  const std::uint64_t before = PeakMiB();
  // A megabyte each; parsed, these would be forty times as much.
  const grpc::Status lookup =
      Call("/tamiz.v1.HashService/Lookup", Times(600'000, std::string("\x0a\x00", 2)));
  EXPECT_EQ(lookup.error_code(), grpc::StatusCode::INVALID_ARGUMENT) << lookup.error_message();
  EXPECT_EQ(ReasonOf(lookup), "MESSAGE_TOO_MANY_FIELDS");
  // Four megabytes, which would be half a gigabyte.
  const grpc::Status add =
      Call("/tamiz.v1.ListService/AddEntries", Times(2'000'000, std::string("\x12\x00", 2)));
  EXPECT_EQ(ReasonOf(add), "MESSAGE_TOO_MANY_FIELDS") << add.error_message();
  const grpc::Status scan =
      Call("/tamiz.v1.ScanService/ScanStream", Times(20'000, std::string("\x0a\x02\x2a\x00", 4)));
  EXPECT_EQ(ReasonOf(scan), "MESSAGE_TOO_MANY_FIELDS") << scan.error_message();
  const grpc::Status large = Call("/tamiz.v1.ListService/GetList", std::string(5 << 20, 'x'));
  EXPECT_EQ(large.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_EQ(ReasonOf(large), "MESSAGE_TOO_LARGE");
  EXPECT_LT(PeakMiB(), before + 400) << "client and server share this process";
  const grpc::Status broken = Call("/tamiz.v1.ListService/GetList", "\xff\xff");
  EXPECT_EQ(broken.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
}

TEST_F(MessageTest, MuchOfLittleInAStreamIsRefusedBeforeItIsParsed) {
  StartStuck();
  const std::uint64_t before = PeakMiB();
  // Sixteen megabytes each; of entries that would be two gigabytes.
  const grpc::Status upload =
      Stream("/tamiz.v1.ScanService/ScanUpload", {Times(8'000'000, std::string("\x0a\x00", 2))});
  EXPECT_EQ(upload.error_code(), grpc::StatusCode::INVALID_ARGUMENT) << upload.error_message();
  EXPECT_EQ(ReasonOf(upload), "MESSAGE_TOO_MANY_FIELDS");
  const grpc::Status import = Stream("/tamiz.v1.ListService/ImportEntries", {EmptyEntries(8'000'000)});
  EXPECT_EQ(ReasonOf(import), "MESSAGE_TOO_MANY_FIELDS") << import.error_message();
  v1::ScanManyRequest honest;  // it is answered with its error, the stream goes on
  honest.mutable_request()->set_request_id("first");
  std::vector<std::string> answers;
  const grpc::Status many =
      Stream("/tamiz.v1.ScanService/ScanMany",
             {honest.SerializeAsString(), Times(8'000'000, std::string("\x0a\x00", 2))}, &answers);
  EXPECT_EQ(ReasonOf(many), "MESSAGE_TOO_MANY_FIELDS") << many.error_message();
  ASSERT_EQ(answers.size(), 1u);
  v1::ScanManyResponse first;
  ASSERT_TRUE(first.ParseFromString(answers[0]));
  EXPECT_EQ(first.request_id(), "first");
  EXPECT_TRUE(first.has_error());
  EXPECT_LT(PeakMiB(), before + 400) << "client and server share this process";
  const grpc::Status broken = Stream("/tamiz.v1.ScanService/ScanMany", {"\xff\xff"});
  EXPECT_EQ(broken.error_code(), grpc::StatusCode::INVALID_ARGUMENT) << broken.error_message();
}

TEST_F(MessageTest, WhoMayNotCallIsNotReadAtAll) {
  config_.auth.principals = {
      {.name = "nobody-we-know", .token_sha256 = {std::string(64, '0')}, .roles = {"scan"}}};
  StartStuck();
  const std::string much = Times(2'000'000, std::string("\x12\x00", 2));
  for (const char* path : {"/tamiz.v1.HashService/Lookup", "/tamiz.v1.ListService/AddEntries",
                           "/tamiz.v1.ListService/ExportEntries", "/tamiz.v1.ScanService/ScanStream"}) {
    const grpc::Status status = Call(path, much);
    EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAUTHENTICATED)
        << path << ": " << status.error_message();
  }
}

}  // namespace
}  // namespace tamiz::server
