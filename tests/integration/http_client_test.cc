// The HTTP client against servers that misbehave on purpose.
#include "core/net/http_client.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "core/base/mutex.h"
#include "core/base/unique_fd.h"

namespace tamiz::net {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

// Answers each connection's one request as `answer` says.
class ScriptedServer {
 public:
  // The connection's descriptor, the request's head, and how many came before.
  using Answer = std::function<void(int, const std::string&, int)>;

  explicit ScriptedServer(Answer answer) : answer_(std::move(answer)) {
    listener_.Reset(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    EXPECT_EQ(bind(listener_.get(), reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(listen(listener_.get(), 16), 0);
    getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
    thread_ = std::jthread([this](const std::stop_token& stop) { Serve(stop); });
  }

  [[nodiscard]] int port() const { return port_; }
  [[nodiscard]] int connections() const { return connections_; }
  [[nodiscard]] std::vector<std::string> requests() {
    MutexLock lock(mutex_);
    return requests_;
  }
  [[nodiscard]] HttpUri Uri(const std::string& target = "/", const std::string& host = "127.0.0.1") const {
    return *ParseHttpUri("http://" + host + ":" + std::to_string(port_) + target);
  }

 private:
  void Serve(const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      pollfd waiting{.fd = listener_.get(), .events = POLLIN, .revents = 0};
      if (poll(&waiting, 1, 20) <= 0) continue;
      const UniqueFd connection(accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
      const int number = connections_++;
      std::string head;
      char piece[4096];
      while (head.find("\r\n\r\n") == std::string::npos) {
        const ssize_t n = recv(connection.get(), piece, sizeof piece, 0);
        if (n <= 0) break;
        head.append(piece, static_cast<std::size_t>(n));
      }
      {
        MutexLock lock(mutex_);
        requests_.push_back(head);
      }
      answer_(connection.get(), head, number);
    }
  }

  const Answer answer_;
  UniqueFd listener_;
  int port_ = 0;
  std::atomic<int> connections_{0};
  Mutex mutex_;
  std::vector<std::string> requests_ TAMIZ_GUARDED_BY(mutex_);
  std::jthread thread_;
};

bool Send(int fd, const std::string& text) {
  return send(fd, text.data(), text.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(text.size());
}

std::string Response(const std::string& status, const std::string& headers, const std::string& body) {
  return "HTTP/1.1 " + status + "\r\nConnection: close\r\nContent-Length: " + std::to_string(body.size()) +
         "\r\n" + headers + "\r\n" + body;
}

// Allows loopback, so that the tests' servers can be reached at all.
HttpRequest To(HttpUri uri) {
  HttpRequest request{.uri = std::move(uri)};
  request.route = [](const HttpUri&) -> StatusOr<HttpRoute> { return HttpRoute{.allow_private = true}; };
  request.limits.first_pause = 10ms;
  return request;
}

struct Got {
  StatusOr<HttpResponse> response;
  std::string body;
};

Got Get(const HttpRequest& request, const CallContext& context = {}, std::size_t max_bytes = 1 << 20,
        HttpClient::Resolver resolver = nullptr) {
  HttpClient client(std::move(resolver));
  TextSink sink(max_bytes);
  StatusOr<HttpResponse> response = client.Get(request, sink, context);
  return {std::move(response), sink.text};
}

std::chrono::milliseconds Since(SteadyTime start) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - start);
}

TEST(HttpClient, BringsABody) {
  ScriptedServer server([](int fd, const std::string&, int) { Send(fd, Response("200 OK", "", "hello")); });
  const Got got = Get(To(server.Uri("/a/../b%20c?x=1")));
  ASSERT_TRUE(got.response.ok()) << got.response.status();
  EXPECT_EQ(got.response->status, 200);
  EXPECT_EQ(got.body, "hello");
  EXPECT_THAT(server.requests(), ElementsAre(HasSubstr("GET /a/../b%20c?x=1 HTTP/1.1\r\n")));
}

TEST(HttpClient, TakesNothingFromTheEnvironment) {
  ScriptedServer proxy([](int fd, const std::string&, int) { Send(fd, Response("200 OK", "", "proxy")); });
  const std::string address = "http://127.0.0.1:" + std::to_string(proxy.port());
  for (const char* name : {"http_proxy", "HTTP_PROXY", "ALL_PROXY", "all_proxy"})
    setenv(name, address.c_str(), 1);
  ScriptedServer server([](int fd, const std::string&, int) { Send(fd, Response("200 OK", "", "direct")); });
  EXPECT_EQ(Get(To(server.Uri())).body, "direct");
  EXPECT_EQ(proxy.connections(), 0);
  for (const char* name : {"http_proxy", "HTTP_PROXY", "ALL_PROXY", "all_proxy"}) unsetenv(name);
}

TEST(HttpClient, APrivateAddressIsRefusedBeforeTheConnection) {
  ScriptedServer server([](int fd, const std::string&, int) { Send(fd, Response("200 OK", "", "secret")); });
  HttpRequest request = To(server.Uri());
  request.route = [](const HttpUri&) -> StatusOr<HttpRoute> { return HttpRoute{}; };
  const Got got = Get(request);
  EXPECT_EQ(got.response.status().code(), StatusCode::kPermissionDenied);
  EXPECT_EQ(Reason(got.response.status()), "ADDRESS_REFUSED");
  EXPECT_THAT(Message(got.response.status()), HasSubstr("loopback"));
  EXPECT_EQ(server.connections(), 0);
  request.uri = server.Uri("/", "localhost");
  EXPECT_EQ(Reason(Get(request).response.status()), "ADDRESS_REFUSED") << "by name, too";
}

// What the name said when somebody else looked does not matter, nor what it says next time.
TEST(HttpClient, ANameThatChangesItsAddressGainsNothing) {
  ScriptedServer server([](int fd, const std::string&, int) { Send(fd, Response("200 OK", "", "secret")); });
  int asked = 0;
  HttpClient client([&](const std::string& host) -> std::vector<std::string> {
    EXPECT_EQ(host, "rebind.example");
    return {++asked == 1 ? "192.0.2.1" : "127.0.0.1"};
  });
  HttpRequest request = To(server.Uri("/", "rebind.example"));
  request.route = [](const HttpUri&) -> StatusOr<HttpRoute> { return HttpRoute{}; };
  for (const char* address_class : {"documentation", "loopback"}) {
    TextSink sink(100);
    const auto response = client.Get(request, sink, {});
    EXPECT_EQ(Reason(response.status()), "ADDRESS_REFUSED");
    EXPECT_THAT(Message(response.status()), HasSubstr(address_class));
  }
  EXPECT_EQ(asked, 2);
  EXPECT_EQ(server.connections(), 0);
}

TEST(HttpClient, ConnectionsToPrivateAddressesServeNobodyElse) {
  // One that stays open after the first answer.
  ScriptedServer server([](int fd, const std::string&, int) {
    Send(fd, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi");
    char more[1000];
    if (recv(fd, more, sizeof more, 0) > 0) Send(fd, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi");
  });
  HttpClient client;
  HttpRequest request = To(server.Uri());
  TextSink sink(100);
  ASSERT_TRUE(client.Get(request, sink, {}).ok());
  HttpRequest strict = request;
  strict.route = [](const HttpUri&) -> StatusOr<HttpRoute> { return HttpRoute{}; };
  EXPECT_EQ(Reason(client.Get(strict, sink, {}).status()), "ADDRESS_REFUSED");
  ASSERT_TRUE(client.Get(request, sink, {}).ok()) << "while the one that may uses it again";
  EXPECT_EQ(server.connections(), 1);
}

TEST(HttpClient, EveryRedirectIsJudged) {
  ScriptedServer inside([](int fd, const std::string&, int) { Send(fd, Response("200 OK", "", "secret")); });
  std::string location;
  ScriptedServer server([&](int fd, const std::string& head, int) {
    if (head.starts_with("GET /start")) {
      Send(fd, Response("302 Found", "Location: " + location + "\r\n", "moved"));
    } else {
      Send(fd, Response("200 OK", "", "arrived"));
    }
  });
  HttpRequest request = To(server.Uri("/start"));
  std::vector<std::string> judged;
  request.route = [&](const HttpUri& uri) -> StatusOr<HttpRoute> {
    judged.push_back(uri.Text());
    if (uri.port != server.port()) return MakeError(StatusCode::kPermissionDenied, "no", "HOST_NOT_ALLOWED");
    return HttpRoute{.allow_private = true};
  };
  location = "/end?x";
  EXPECT_EQ(Get(request).body, "arrived");
  EXPECT_THAT(judged, ElementsAre(server.Uri("/start").Text(), server.Uri("/end?x").Text()));

  const std::pair<std::string, std::string> kRefused[] = {
      {inside.Uri("/latest/meta-data").Text(), "HOST_NOT_ALLOWED"},
      {"//127.0.0.1:" + std::to_string(inside.port()) + "/", "HOST_NOT_ALLOWED"},
      {"file:///etc/passwd", "URI_SCHEME"},
      {"gopher://127.0.0.1:6379/_FLUSHALL", "URI_SCHEME"},
      {"http://user@127.0.0.1:" + std::to_string(server.port()) + "/", "URI_USER_INFO"},
      {"http://2130706433:" + std::to_string(server.port()) + "/", "URI_HOST_NUMBER"},
      {"http://127.0.0.1:" + std::to_string(server.port()) + "\\@x/", "URI_BACKSLASH"},
      {"/start", "REDIRECT_LIMIT"},
  };
  for (const auto& [to, reason] : kRefused) {
    location = to;
    const Got got = Get(request);
    EXPECT_EQ(Reason(got.response.status()), reason) << to;
    EXPECT_THAT(got.body, Not(HasSubstr("secret")));
  }
  EXPECT_EQ(inside.connections(), 0);
  request.limits.max_redirects = 0;
  location = "/end";
  EXPECT_EQ(Reason(Get(request).response.status()), "REDIRECT_LIMIT");
}

TEST(HttpClient, ARedirectToAPrivateAddressIsRefusedAtTheConnection) {
  ScriptedServer inside([](int fd, const std::string&, int) { Send(fd, Response("200 OK", "", "secret")); });
  ScriptedServer server([&](int fd, const std::string&, int) {
    Send(fd, Response("301 Moved", "Location: " + inside.Uri("/", "localhost").Text() + "\r\n", ""));
  });
  HttpRequest request = To(server.Uri());
  request.route = [&](const HttpUri& uri) -> StatusOr<HttpRoute> {
    return HttpRoute{.allow_private = uri.port == server.port()};
  };
  EXPECT_EQ(Reason(Get(request).response.status()), "ADDRESS_REFUSED");
  EXPECT_EQ(inside.connections(), 0);
}

TEST(HttpClient, CredentialsGoToTheHopTheyAreFor) {
  ScriptedServer other([](int fd, const std::string&, int) { Send(fd, Response("200 OK", "", "other")); });
  ScriptedServer server([&](int fd, const std::string&, int) {
    Send(fd, Response("307 Temporary", "Location: " + other.Uri().Text() + "\r\n", ""));
  });
  HttpRequest request = To(server.Uri());
  request.route = [&](const HttpUri& uri) -> StatusOr<HttpRoute> {
    HttpRoute route{.allow_private = true};
    if (uri.port == server.port()) route.headers = {"Authorization: Bearer secret"};
    return route;
  };
  EXPECT_EQ(Get(request).body, "other");
  EXPECT_THAT(server.requests(), ElementsAre(HasSubstr("Authorization: Bearer secret\r\n")));
  EXPECT_THAT(other.requests(), ElementsAre(Not(HasSubstr("secret"))));
}

TEST(HttpClient, TriesAgainWhatMayPass) {
  for (const char* status : {"503 Busy", "429 Slow down", "500 Oops", "502 Bad", "504 Late"}) {
    ScriptedServer server([&](int fd, const std::string&, int number) {
      Send(fd, number < 2 ? Response(status, "", "no") : Response("200 OK", "", "yes"));
    });
    EXPECT_EQ(Get(To(server.Uri())).body, "yes") << status;
    EXPECT_EQ(server.connections(), 3);
  }
}

TEST(HttpClient, DoesNotTryAgainWhatWillNotPass) {
  for (const char* status : {"404 Not Found", "403 Forbidden", "400 Bad", "501 Not Implemented"}) {
    ScriptedServer server([&](int fd, const std::string&, int) { Send(fd, Response(status, "", "no")); });
    const Got got = Get(To(server.Uri()));
    ASSERT_TRUE(got.response.ok());
    EXPECT_EQ(got.response->error_body, "no");
    EXPECT_EQ(got.body, "") << "only a 200 reaches the sink";
    EXPECT_EQ(server.connections(), 1) << status;
  }
}

TEST(HttpClient, GivesUpAfterTheAttempts) {
  ScriptedServer server([](int fd, const std::string&, int) {
    Send(fd, Response("503 Busy", "Retry-After: 1\r\n", std::string(100'000, 'x')));
  });
  HttpRequest request = To(server.Uri());
  request.limits.max_attempts = 2;
  const SteadyTime start = std::chrono::steady_clock::now();
  const Got got = Get(request);
  ASSERT_TRUE(got.response.ok());
  EXPECT_EQ(got.response->status, 503);
  EXPECT_EQ(got.response->error_body.size(), 4096u);
  EXPECT_EQ(got.response->retry_after, 1s);
  EXPECT_GE(Since(start), 1000ms) << "the server asked for a pause";
  EXPECT_EQ(server.connections(), 2);
}

TEST(HttpClient, APauseBeyondTheTimeIsNotBegun) {
  ScriptedServer server(
      [](int fd, const std::string&, int) { Send(fd, Response("503 Busy", "Retry-After: 3600\r\n", "")); });
  const SteadyTime start = std::chrono::steady_clock::now();
  const Got got = Get(To(server.Uri()));
  ASSERT_TRUE(got.response.ok());
  EXPECT_EQ(got.response->retry_after, 3600s);
  EXPECT_LT(Since(start), 5s);
  const Status status = StatusOfResponse(*got.response, "source 'x'");
  EXPECT_EQ(status.code(), StatusCode::kUnavailable);
  EXPECT_EQ(RetryDelay(status), 3600s);
}

TEST(HttpClient, AnAttemptThatBreaksOffLeavesNothing) {
  ScriptedServer server([](int fd, const std::string&, int number) {
    Send(fd, number == 0 ? "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf"
                         : Response("200 OK", "", "whole"));
  });
  EXPECT_EQ(Get(To(server.Uri())).body, "whole");
  ScriptedServer always([](int fd, const std::string&, int) {
    Send(fd, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf");
  });
  EXPECT_EQ(Reason(Get(To(always.Uri())).response.status()), "SOURCE_BROKEN");
  EXPECT_EQ(always.connections(), 3);
}

TEST(HttpClient, NothingThere) {
  int port = 0;
  {
    port = ScriptedServer([](int, const std::string&, int) {}).port();
  }
  const Got got = Get(To(*ParseHttpUri("http://127.0.0.1:" + std::to_string(port) + "/")));
  EXPECT_EQ(got.response.status().code(), StatusCode::kUnavailable);
  EXPECT_EQ(Reason(got.response.status()), "SOURCE_UNREACHABLE");
}

TEST(HttpClient, WhatIsNotHttp) {
  for (const std::string& text : {std::string("220 mail.example ESMTP\r\n"), std::string("\x16\x03\x01\x02"),
                                  std::string("HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nx")}) {
    ScriptedServer server([&](int fd, const std::string&, int) { Send(fd, text); });
    EXPECT_EQ(Reason(Get(To(server.Uri())).response.status()), "SOURCE_BROKEN");
  }
  ScriptedServer endless([](int fd, const std::string&, int) {
    Send(fd, "HTTP/1.1 200 OK\r\n");
    while (Send(fd, "X-Padding: " + std::string(8000, 'x') + "\r\n")) {
    }
  });
  EXPECT_EQ(Reason(Get(To(endless.Uri())).response.status()), "SOURCE_BROKEN");
}

TEST(HttpClient, SizeIsLimited) {
  ScriptedServer stated(
      [](int fd, const std::string&, int) { Send(fd, Response("200 OK", "", std::string(101, 'x'))); });
  EXPECT_EQ(Reason(Get(To(stated.Uri()), {}, 100).response.status()), "BODY_LIMIT");
  ScriptedServer endless([](int fd, const std::string&, int) {
    Send(fd, "HTTP/1.1 200 OK\r\n\r\n");
    while (Send(fd, std::string(8000, 'x'))) {
    }
  });
  EXPECT_EQ(Reason(Get(To(endless.Uri()), {}, 1 << 20).response.status()), "BODY_LIMIT");
  EXPECT_EQ(endless.connections(), 1) << "another attempt would bring no less";
}

TEST(HttpClient, TimeIsLimited) {
  std::atomic<bool> done = false;
  ScriptedServer silent([&](int, const std::string&, int) {
    while (!done) std::this_thread::sleep_for(5ms);
  });
  HttpRequest request = To(silent.Uri());
  request.limits.total_time = 300ms;
  SteadyTime start = std::chrono::steady_clock::now();
  EXPECT_EQ(Reason(Get(request).response.status()), "SOURCE_TIMEOUT");
  EXPECT_LT(Since(start), 3s);

  CallContext late;
  late.deadline = std::chrono::steady_clock::now() + 100ms;
  EXPECT_EQ(Get(request, late).response.status().code(), StatusCode::kDeadlineExceeded);

  std::stop_source stop;
  CallContext gone;
  gone.stop = stop.get_token();
  request.limits.total_time = 60s;
  start = std::chrono::steady_clock::now();
  const std::jthread stopper([&] {
    std::this_thread::sleep_for(100ms);
    stop.request_stop();
  });
  EXPECT_EQ(Get(request, gone).response.status().code(), StatusCode::kCancelled);
  EXPECT_LT(Since(start), 3s);
  done = true;
}

TEST(HttpClient, ADripIsGivenUp) {
  std::atomic<bool> done = false;
  ScriptedServer drip([&](int fd, const std::string&, int) {
    Send(fd, "HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n");
    while (!done && Send(fd, "x")) std::this_thread::sleep_for(50ms);
  });
  HttpRequest request = To(drip.Uri());
  request.limits.slow_bytes = 1000;
  request.limits.slow_time = 1s;
  const SteadyTime start = std::chrono::steady_clock::now();
  const Got got = Get(request);
  EXPECT_EQ(Reason(got.response.status()), "SOURCE_TOO_SLOW");
  EXPECT_LT(Since(start), 10s);
  EXPECT_EQ(drip.connections(), 1);
  done = true;
}

TEST(HttpClient, StatusesSayWhatTheyMean) {
  const auto code = [](long status) { return StatusOfResponse({.status = status}, "s").code(); };
  EXPECT_EQ(code(404), StatusCode::kNotFound);
  EXPECT_EQ(code(410), StatusCode::kNotFound);
  EXPECT_EQ(code(401), StatusCode::kPermissionDenied);
  EXPECT_EQ(code(403), StatusCode::kPermissionDenied);
  EXPECT_EQ(code(429), StatusCode::kUnavailable);
  EXPECT_EQ(code(503), StatusCode::kUnavailable);
  EXPECT_EQ(code(418), StatusCode::kFailedPrecondition);
  EXPECT_EQ(code(206), StatusCode::kFailedPrecondition) << "a part that nobody asked for is not the whole";
}

}  // namespace
}  // namespace tamiz::net
