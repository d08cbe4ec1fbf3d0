#include "server/connection_watch.h"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <unistd.h>

#include <optional>

#include "core/base/unique_fd.h"
#include "tests/unit/scan/fakes.h"

namespace tamiz::server {
namespace {

using namespace std::chrono_literals;

// Real connections over loopback, whose server's side reads whatever comes.
class ConnectionWatchTest : public testing::Test {
 protected:
  ConnectionWatchTest() : listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address = Loopback(0);
    EXPECT_EQ(::bind(listener_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    EXPECT_EQ(::listen(listener_.get(), 8), 0);
    port_ = NameOf(listener_.get());
  }

  struct Pair {
    UniqueFd client, server;
    std::string peer;  // as gRPC calls the client
  };
  Pair Connect() {
    Pair pair{UniqueFd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)), UniqueFd(), ""};
    const sockaddr_in address = Loopback(port_);
    EXPECT_EQ(::connect(pair.client.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    pair.server = UniqueFd(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    pair.peer = "ipv4:127.0.0.1:" + std::to_string(NameOf(pair.client.get()));
    return pair;
  }
  // All of it arrives before this returns.
  static void Send(const Pair& pair, std::size_t bytes) {
    const std::string block(64 << 10, 'x');
    std::string taken(64 << 10, '\0');
    for (std::size_t sent = 0; sent < bytes;) {
      const std::size_t part = std::min(block.size(), bytes - sent);
      ASSERT_EQ(::send(pair.client.get(), block.data(), part, MSG_NOSIGNAL), static_cast<ssize_t>(part));
      sent += part;
      ASSERT_EQ(::recv(pair.server.get(), taken.data(), part, MSG_WAITALL), static_cast<ssize_t>(part));
    }
  }
  void After(std::chrono::microseconds time) {
    clock_.Advance(time);
    watch_.Look(port_);
  }
  // The client's side was told.
  static bool IsShut(const Pair& pair) {
    pollfd poll{.fd = pair.client.get(), .events = POLLIN};
    char byte = 0;
    return ::poll(&poll, 1, 0) == 1 && ::recv(pair.client.get(), &byte, 1, 0) == 0;
  }

  scan::FakeClock clock_;
  metrics::Metrics metrics_;
  ConnectionWatch watch_{{.most_unasked = 1'000'000,
                          .forgiven_per_second = 10'000,
                          .most_untaken = 3'000'000,
                          .most_cancelled = 100,
                          .cancelled_per_second = 10},
                         metrics_,
                         clock_};
  int port_ = 0;

 private:
  static sockaddr_in Loopback(int port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
  }
  static int NameOf(int fd) {
    sockaddr_in address{};
    socklen_t size = sizeof address;
    EXPECT_EQ(::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size), 0);
    return ntohs(address.sin_port);
  }

  UniqueFd listener_;
};

TEST_F(ConnectionWatchTest, OneThatSendsMuchAndAsksForNothingIsShut) {
  const Pair flood = Connect(), quiet = Connect();
  Send(flood, 900'000);
  Send(quiet, 900'000);
  After(100ms);
  EXPECT_FALSE(IsShut(flood));
  Send(flood, 200'000);
  After(100ms);
  EXPECT_TRUE(IsShut(flood));
  EXPECT_FALSE(IsShut(quiet));
}

TEST_F(ConnectionWatchTest, LittleByLittleIsForgiven) {
  const Pair slow = Connect();
  for (int i = 0; i < 30; ++i) {
    Send(slow, 90'000);
    After(10s);
  }
  EXPECT_FALSE(IsShut(slow));
}

TEST_F(ConnectionWatchTest, CallsThatComeAndGoAreNoFlood) {
  const Pair busy = Connect();
  for (int i = 0; i < 20; ++i) {
    Send(busy, 900'000);
    const ConnectionWatch::Call call(watch_, busy.peer);
    After(100ms);
  }
  EXPECT_FALSE(IsShut(busy));
}

TEST_F(ConnectionWatchTest, BesideAnOpenCallMessagesMustComeWhole) {
  const Pair client = Connect();
  ConnectionWatch::Call call(watch_, client.peer);
  After(100ms);
  for (int i = 0; i < 10; ++i) {
    Send(client, 2'000'000);
    After(100ms);
    call.Heard();
    After(100ms);
  }
  EXPECT_FALSE(IsShut(client));
  Send(client, 2'000'000);
  After(100ms);
  EXPECT_FALSE(IsShut(client));
  Send(client, 2'000'000);
  After(100ms);
  EXPECT_TRUE(IsShut(client));
}

TEST_F(ConnectionWatchTest, CallsTakenBackBeforeTheySaidAnythingAreCounted) {
  const Pair patient = Connect(), hasty = Connect();
  for (int i = 0; i < 150; ++i) {
    ConnectionWatch::Call heard(watch_, patient.peer), unheard(watch_, hasty.peer);
    heard.Heard();
    heard.Cancelled();
    if (i < 90) unheard.Cancelled();
  }
  After(0s);
  EXPECT_FALSE(IsShut(hasty));
  After(5s);  // fifty are forgiven
  for (int i = 0; i < 70; ++i) ConnectionWatch::Call(watch_, hasty.peer).Cancelled();
  After(0s);
  EXPECT_TRUE(IsShut(hasty));
  EXPECT_FALSE(IsShut(patient));
}

TEST_F(ConnectionWatchTest, OtherPortsAreNotItsBusiness) {
  const Pair client = Connect();
  Send(client, 2'000'000);
  watch_.Look(port_ == 1 ? 2 : 1);
  EXPECT_FALSE(IsShut(client));
}

}  // namespace
}  // namespace tamiz::server
