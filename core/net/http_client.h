// Requests over http and https, for servers that are not trusted.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/call_context.h"
#include "core/net/http_uri.h"

namespace tamiz::net {

struct HttpLimits {
  // For a whole Get, with its redirects, pauses and attempts.
  std::chrono::milliseconds total_time = std::chrono::minutes(1);
  std::chrono::milliseconds connect_time = std::chrono::seconds(10);  // with TLS
  // Less than `slow_bytes` a second for `slow_time` is given up.
  std::uint64_t slow_bytes = 1024;
  std::chrono::seconds slow_time{20};
  std::uint32_t max_redirects = 3;
  std::uint32_t max_attempts = 3;
  // Before the second attempt; doubled for each further one, at most 30 s, each varied at random by half. A
  // server's Retry-After goes before it.
  std::chrono::milliseconds first_pause{200};
};

// For AWS Signature Version 4.
struct AwsSignature {
  std::string access_key_id, secret_access_key;
  std::string session_token;  // empty: none
  std::string region;
};

// How one hop of a request is made.
struct HttpRoute {
  bool allow_private = false;        // MayConnect
  std::string ca_file;               // empty: the system's authorities
  std::vector<std::string> headers;  // "Name: value", to this hop only
  // For HTTP Basic, if the user is not empty; to this hop only.
  std::string user, password;
  std::optional<AwsSignature> signature;  // for the service s3, with an empty body
};

struct HttpRequest {
  HttpUri uri;
  // Judges every hop, the first and each redirect, before anything is sent. An error ends the request.
  std::function<StatusOr<HttpRoute>(const HttpUri&)> route;
  HttpLimits limits;
};

// What is sent to a server.
struct HttpBody {
  std::string method;  // "PUT", "POST"
  std::string content_type;
  std::string text;
};

// Takes a body. An error ends the request and is its result.
class BodySink {
 public:
  virtual ~BodySink() = default;
  // A body begins; what came before is void (an attempt that broke off). `length` if the server stated one.
  [[nodiscard]] virtual Status Begin(std::optional<std::uint64_t> length) = 0;
  [[nodiscard]] virtual Status Append(std::span<const std::uint8_t> bytes) = 0;
};

// A body kept in memory; OUT_OF_RANGE (reason BODY_LIMIT) past `max_bytes`.
class TextSink final : public BodySink {
 public:
  explicit TextSink(std::size_t max_bytes) : max_bytes_(max_bytes) {}
  [[nodiscard]] Status Begin(std::optional<std::uint64_t> length) override;
  [[nodiscard]] Status Append(std::span<const std::uint8_t> bytes) override;
  std::string text;

 private:
  const std::size_t max_bytes_;
};

struct HttpResponse {
  long status = 0;
  // The sink got the body of a 200 only; of others the first 4 KiB stand here.
  std::string error_body;
  std::optional<std::chrono::seconds> retry_after;
};

// Thread-safe. Keeps a few connections open for requests that follow; a connection that a private address was
// allowed for serves no request that may not have one.
//
// What it does not do: read proxies, credentials or anything else from the environment or from dot files,
// keep cookies, follow a redirect by itself, speak anything but HTTP/1.1 over TCP, take compressed bodies.
class HttpClient {
 public:
  // Gives the addresses that a host has now ("192.0.2.1", "2001:db8::1"); for tests. Asked before each
  // attempt.
  using Resolver = std::function<std::vector<std::string>(const std::string& host)>;

  explicit HttpClient(Resolver resolver = nullptr);
  ~HttpClient();
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  // Blocks until the answer is there, the context ends or a limit is met. Attempts that failed before an
  // answer, broke off in it or were answered with 429, 500, 502, 503 or 504 are repeated within the limits.
  // Errors:
  //   those of `request.route`, of the sink and of ResolveReference
  //   CANCELLED, DEADLINE_EXCEEDED   by the context
  //   PERMISSION_DENIED              ADDRESS_REFUSED: MayConnect says no; REDIRECT_DOWNGRADE: from https to
  //   http FAILED_PRECONDITION            REDIRECT_LIMIT UNAVAILABLE                    SOURCE_UNREACHABLE:
  //   no address or no connection; SOURCE_TLS: the certificate
  //                                  or the handshake; SOURCE_TIMEOUT; SOURCE_TOO_SLOW; SOURCE_BROKEN: not
  //                                  HTTP, or the body broke off
  [[nodiscard]] StatusOr<HttpResponse> Get(const HttpRequest& request, BodySink& sink,
                                           const CallContext& context);
  // Sends `body`, once: whether the server took what was not answered is unknown, so no attempt is repeated,
  // and no redirect is followed. Errors as above.
  [[nodiscard]] StatusOr<HttpResponse> Send(const HttpRequest& request, const HttpBody& body, BodySink& sink,
                                            const CallContext& context);

 private:
  StatusOr<HttpResponse> Run(const HttpRequest& request, const HttpBody* body, BodySink& sink,
                             const CallContext& context);
  struct Session;
  class Lease;
  const Resolver resolver_;
  struct Idle;
  const std::unique_ptr<Idle> idle_;
};

// What a response other than 200 means to whoever wanted the body; `source` names the server in messages.
// NOT_FOUND (404, 410), PERMISSION_DENIED (401, 403), UNAVAILABLE (408, 425, 429, 5xx; with the server's
// delay), else FAILED_PRECONDITION; reason SOURCE_STATUS.
[[nodiscard]] Status StatusOfResponse(const HttpResponse& response, std::string_view source);

}  // namespace tamiz::net
