// How long connections live: bytes on a socket, as a client of one's own writes them.
#include <gmock/gmock.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/base/unique_fd.h"
#include "tests/integration/harness.h"

namespace tamiz::server {
namespace {

using ::testing::Contains;

constexpr char kHeaders = 1, kReset = 3, kSettings = 4, kPing = 6, kGoAway = 7, kContinuation = 9;
constexpr char kEndHeaders = 4;

// Speaks as much HTTP/2 as it is told to.
class RawClient {
 public:
  explicit RawClient(int port) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::connect(fd_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  }

  void Greet() {
    Send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    Send(Frame(kSettings, ""));  // none
  }
  void Ping() { Send(Frame(kPing, "12345678")); }
  // False once the connection is closed.
  bool BeginHeaders() { return Send(Frame(kHeaders, Call(), 1)); }
  bool MoreHeaders() { return Send(Frame(kContinuation, Field("x", std::string(16'000, 'y')), 1)); }
  bool OpenAndReset(std::uint32_t stream) {
    return Send(Frame(kHeaders, Call(), stream, kEndHeaders) +
                Frame(kReset, std::string("\0\0\0\x08", 4), stream));
  }

  // The kinds of the frames that came until the server closed the connection.
  std::vector<char> UntilClosed() {
    std::string heard;
    const auto until = std::chrono::steady_clock::now() + 20s;
    while (std::chrono::steady_clock::now() < until) {
      pollfd poll{.fd = fd_.get(), .events = POLLIN};
      if (::poll(&poll, 1, 100) <= 0) continue;
      char part[4096];
      const ssize_t got = ::recv(fd_.get(), part, sizeof part, 0);
      if (got > 0) {
        heard.append(part, static_cast<std::size_t>(got));
        continue;
      }
      is_closed_ = true;
      break;
    }
    std::vector<char> kinds;
    for (std::size_t at = 0; at + 9 <= heard.size();) {
      const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(heard[at + i]); };
      kinds.push_back(heard[at + 3]);
      at += 9 + (std::size_t{byte(0)} << 16 | std::size_t{byte(1)} << 8 | byte(2));
    }
    return kinds;
  }
  [[nodiscard]] bool is_closed() const { return is_closed_; }

 private:
  static std::string Frame(char kind, const std::string& payload, std::uint32_t stream = 0, char flags = 0) {
    const auto byte = [](std::size_t number, int shift) { return static_cast<char>(number >> shift & 0xff); };
    std::string frame = {
        byte(payload.size(), 16), byte(payload.size(), 8), byte(payload.size(), 0), kind,           flags,
        byte(stream, 24),         byte(stream, 16),        byte(stream, 8),         byte(stream, 0)};
    return frame + payload;
  }
  // HPACK: a literal that is not to be indexed, and the fields of a call.
  static std::string Field(const std::string& name, const std::string& value) {
    std::string field = {'\0', static_cast<char>(name.size())};
    field += name;
    if (value.size() < 127) return field + static_cast<char>(value.size()) + value;
    field += '\x7f';
    for (std::size_t left = value.size() - 127;; left >>= 7) {
      field += static_cast<char>((left & 0x7f) | (left > 0x7f ? 0x80 : 0));
      if (left <= 0x7f) return field + value;
    }
  }
  static std::string Call() {
    return "\x83\x86" + Field(":path", "/tamiz.v1.ScanService/Scan") + Field(":authority", "here") +
           Field("content-type", "application/grpc") + Field("te", "trailers");
  }
  bool Send(const std::string& bytes) {
    return ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(bytes.size());
  }

  UniqueFd fd_;
  bool is_closed_ = false;
};

class ConnectionTest : public ServerTest {
 protected:
  ConnectionTest() {
    config_.server.handshake_time = 60s;
    config_.server.keepalive_time = 600s;
    config_.server.max_connection_idle = 0s;
    config_.server.max_connection_age = 0s;
  }
  // The self-test is stuck too: of what runs, one is not ours.
  void StartStuck() { Start(std::make_unique<StuckFrameSource>(control_)); }
  // A server, and a client that may have greeted it.
  RawClient Connected(bool greets = true) {
    StartStuck();
    RawClient client(app_->grpc_port());
    if (greets) client.Greet();
    return client;
  }
  StuckFrameSource::Control control_;
};

TEST_F(ConnectionTest, OneThatSaysNothingIsClosed) {
  config_.server.handshake_time = 300ms;
  RawClient silent = Connected(/*greets=*/false);
  silent.UntilClosed();
  EXPECT_TRUE(silent.is_closed());
}

TEST_F(ConnectionTest, AnIdleOneIsAskedToGoAndClosed) {
  config_.server.max_connection_idle = 300ms;
  RawClient idle = Connected();
  EXPECT_THAT(idle.UntilClosed(), Contains(kGoAway));
  EXPECT_TRUE(idle.is_closed());
}

TEST_F(ConnectionTest, AnOldOneIsAskedToGoAndClosedWhateverItDoes) {
  config_.server.max_connection_age = 300ms;
  config_.server.max_connection_age_grace = 300ms;
  RawClient old = Connected();
  EXPECT_THAT(old.UntilClosed(), Contains(kGoAway));
  EXPECT_TRUE(old.is_closed());
}

TEST_F(ConnectionTest, OneThatDoesNotAnswerPingsIsClosed) {
  config_.server.keepalive_time = 200ms;
  config_.server.keepalive_timeout = 200ms;
  RawClient dead = Connected();
  const std::vector<char> kinds = dead.UntilClosed();
  EXPECT_THAT(kinds, Contains(kPing));
  EXPECT_TRUE(dead.is_closed());
}

TEST_F(ConnectionTest, OneThatPingsTooOftenIsSentAway) {
  RawClient impatient = Connected();
  for (int i = 0; i < 20; ++i) impatient.Ping();
  EXPECT_THAT(impatient.UntilClosed(), Contains(kGoAway));
  EXPECT_TRUE(impatient.is_closed());
}

// gRPC keeps such headers without end, from anybody.
TEST_F(ConnectionTest, OneWhoseHeadersNeverEndIsCutOff) {
  RawClient endless = Connected();
  EXPECT_TRUE(endless.BeginHeaders());
  int sent = 0;
  for (; sent < 64'000 && endless.MoreHeaders(); ++sent) {
    if (sent % 64 == 0) std::this_thread::sleep_for(5ms);
  }
  EXPECT_LT(sent, 64'000) << "a gigabyte went through";
  GetStatus();
}

TEST_F(ConnectionTest, OneThatOpensCallsToResetThemIsCutOff) {
  RawClient hasty = Connected();
  std::uint32_t stream = 1;
  for (; stream < 400'000 && hasty.OpenAndReset(stream); stream += 2) {
    if (stream % 200 == 1) std::this_thread::sleep_for(5ms);
  }
  EXPECT_LT(stream, 400'000u);
  GetStatus();
}

// A client that answers pings is waited for, however long its call takes.
TEST_F(ConnectionTest, ALivingClientIsKept) {
  config_.server.keepalive_time = 100ms;
  config_.server.keepalive_timeout = 5s;
  StartStuck();
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + 60s);
  v1::ScanResponse response;
  std::jthread opener([this] {
    EXPECT_TRUE(Eventually([this] { return control_.running == 2; }));
    std::this_thread::sleep_for(700ms);  // several pings
    control_.Open();
  });
  const grpc::Status status = scans_->Scan(&context, Inline(scan::CanaryPicture()), &response);
  EXPECT_TRUE(status.ok()) << status.error_message();
}

// Its calls have the grace to end in; the decoders of those that do not are stopped.
TEST_F(ConnectionTest, CallsOfAnOldConnectionHaveTheirGrace) {
  config_.server.max_connection_age = 200ms;
  config_.server.max_connection_age_grace = 60s;
  StartStuck();
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + 60s);
  v1::ScanResponse response;
  std::jthread opener([this] {
    EXPECT_TRUE(Eventually([this] { return control_.running == 2; }));
    std::this_thread::sleep_for(700ms);  // past its age
    control_.Open();
  });
  const grpc::Status status = scans_->Scan(&context, Inline(scan::CanaryPicture()), &response);
  EXPECT_TRUE(status.ok()) << status.error_message();
}

TEST_F(ConnectionTest, CallsBeyondTheGraceAreCutOffAndTheirDecodersStopped) {
  config_.server.max_connection_age = 200ms;
  config_.server.max_connection_age_grace = 200ms;
  StartStuck();
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + 60s);
  v1::ScanResponse response;
  const grpc::Status status = scans_->Scan(&context, Inline(scan::CanaryPicture()), &response);
  EXPECT_FALSE(status.ok());
  EXPECT_NE(status.error_code(), grpc::StatusCode::DEADLINE_EXCEEDED) << status.error_message();
  EXPECT_TRUE(Eventually([this] { return control_.cancelled >= 1; }));
  EXPECT_EQ(control_.finished, 0);
}

}  // namespace
}  // namespace tamiz::server
