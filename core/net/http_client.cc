#include "core/net/http_client.h"

#include <curl/curl.h>
#include <fmt/format.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <mutex>
#include <random>
#include <utility>

#include "core/base/mutex.h"
#include "core/net/address.h"

namespace tamiz::net {
namespace {

using std::chrono::milliseconds;

constexpr std::size_t kMostHeaderBytes = 128 << 10;
constexpr std::size_t kErrorBodyBytes = 4096;
constexpr std::size_t kIdleSessions = 8;
constexpr milliseconds kMostPause = std::chrono::seconds(30);
constexpr milliseconds kPollTime{500};  // libcurl counts a server's slowness while it is called
constexpr char kEmptyBodySha256[] = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

struct CloseEasy {
  void operator()(CURL* easy) const { curl_easy_cleanup(easy); }
};
struct CloseMulti {
  void operator()(CURLM* multi) const { curl_multi_cleanup(multi); }
};
using EasyPtr = std::unique_ptr<CURL, CloseEasy>;
using MultiPtr = std::unique_ptr<CURLM, CloseMulti>;

// A list of header lines or addresses as libcurl wants it.
class StringList {
 public:
  StringList() = default;
  StringList(const StringList&) = delete;
  StringList& operator=(const StringList&) = delete;
  ~StringList() { curl_slist_free_all(list_); }
  void Add(const std::string& text) { list_ = curl_slist_append(list_, text.c_str()); }
  [[nodiscard]] curl_slist* get() const { return list_; }

 private:
  curl_slist* list_ = nullptr;
};

Status Unavailable(std::string_view message, std::string_view reason) {
  return MakeError(StatusCode::kUnavailable, message, reason);
}

bool IsRedirect(long status) {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

bool MayPass(long status) {
  return status == 429 || status == 500 || status == 502 || status == 503 || status == 504;
}

// What one attempt at one hop needs while libcurl calls back.
struct Exchange {
  CURL* easy = nullptr;
  BodySink* sink = nullptr;
  bool allow_private = false;
  AddressClass refused = AddressClass::kPublic;  // the first address that was not connected to
  std::size_t header_bytes = 0;
  bool has_begun = false;
  Status sink_error;
  HttpResponse response;
  bool error_body_is_full = false;
};

std::size_t OnHeader(char*, std::size_t size, std::size_t count, void* user) {
  auto& exchange = *static_cast<Exchange*>(user);
  exchange.header_bytes += size * count;
  return exchange.header_bytes > kMostHeaderBytes ? 0 : size * count;
}

Status Begin(Exchange& exchange) {
  if (exchange.has_begun) return OkStatus();
  exchange.has_begun = true;
  curl_off_t length = -1;
  curl_easy_getinfo(exchange.easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
  return exchange.sink->Begin(length < 0 ? std::nullopt : std::optional(static_cast<std::uint64_t>(length)));
}

std::size_t OnBody(char* data, std::size_t size, std::size_t count, void* user) {
  auto& exchange = *static_cast<Exchange*>(user);
  const std::size_t bytes = size * count;
  long status = 0;
  curl_easy_getinfo(exchange.easy, CURLINFO_RESPONSE_CODE, &status);
  if (status != 200) {
    std::string& text = exchange.response.error_body;
    text.append(data, std::min(bytes, kErrorBodyBytes - text.size()));
    exchange.error_body_is_full = text.size() == kErrorBodyBytes;
    return exchange.error_body_is_full ? 0 : bytes;
  }
  exchange.sink_error = Begin(exchange);
  if (exchange.sink_error.ok()) {
    exchange.sink_error = exchange.sink->Append({reinterpret_cast<const std::uint8_t*>(data), bytes});
  }
  return exchange.sink_error.ok() ? bytes : 0;
}

// Judges the very address that is about to be connected to: whatever a name resolved to before or resolves to
// after does not matter.
curl_socket_t OnOpenSocket(void* user, curlsocktype, curl_sockaddr* address) {
  auto& exchange = *static_cast<Exchange*>(user);
  if (!MayConnect(&address->addr, address->addrlen, exchange.allow_private)) {
    exchange.refused = ClassOf(&address->addr, address->addrlen);
    return CURL_SOCKET_BAD;
  }
  return ::socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

// Sleeps unless the context ends.
void Pause(milliseconds time, const CallContext& context) {
  Mutex mutex;
  CondVar wake;
  bool is_stopped = false;
  const std::stop_callback on_stop(context.stop, [&] {
    MutexLock lock(mutex);
    is_stopped = true;
    wake.NotifyAll();
  });
  const SteadyTime until = std::min(std::chrono::steady_clock::now() + time, context.deadline);
  MutexLock lock(mutex);
  while (!is_stopped && wake.WaitUntil(mutex, until)) {
  }
}

milliseconds PauseBefore(std::uint32_t attempt, const HttpLimits& limits) {
  milliseconds pause = limits.first_pause;
  for (std::uint32_t i = 2; i < attempt && pause < kMostPause; ++i) pause *= 2;
  thread_local std::minstd_rand random{std::random_device{}()};
  return milliseconds(static_cast<std::int64_t>(static_cast<double>(std::min(pause, kMostPause).count()) *
                                                std::uniform_real_distribution<double>(0.5, 1.5)(random)));
}

}  // namespace

Status TextSink::Begin(std::optional<std::uint64_t> length) {
  text.clear();
  if (length && *length > max_bytes_) {
    return MakeError(StatusCode::kOutOfRange,
                     fmt::format("the answer has {} bytes; at most {} are accepted", *length, max_bytes_),
                     "BODY_LIMIT");
  }
  return OkStatus();
}

Status TextSink::Append(std::span<const std::uint8_t> bytes) {
  if (bytes.size() > max_bytes_ - text.size()) {
    return MakeError(StatusCode::kOutOfRange, fmt::format("the answer has more than {} bytes", max_bytes_),
                     "BODY_LIMIT");
  }
  text.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  return OkStatus();
}

// One transfer at a time, with the connections that it left open.
struct HttpClient::Session {
  EasyPtr easy{curl_easy_init()};
  MultiPtr multi{curl_multi_init()};
};

struct HttpClient::Idle {
  Mutex mutex;
  // By whether they may have connections to private addresses.
  std::array<std::vector<std::unique_ptr<Session>>, 2> sessions TAMIZ_GUARDED_BY(mutex);
};

class HttpClient::Lease {
 public:
  Lease(Idle& idle, bool allow_private) : idle_(idle), which_(allow_private ? 1 : 0) {
    {
      MutexLock lock(idle_.mutex);
      auto& sessions = idle_.sessions[which_];
      if (!sessions.empty()) {
        session_ = std::move(sessions.back());
        sessions.pop_back();
      }
    }
    if (session_ == nullptr) session_ = std::make_unique<Session>();
  }
  ~Lease() {
    curl_easy_reset(session_->easy.get());  // lets go of what the attempt owned
    MutexLock lock(idle_.mutex);
    auto& sessions = idle_.sessions[which_];
    if (sessions.size() < kIdleSessions) sessions.push_back(std::move(session_));
  }
  Lease(const Lease&) = delete;
  Lease& operator=(const Lease&) = delete;
  [[nodiscard]] Session& session() { return *session_; }

 private:
  Idle& idle_;
  const std::size_t which_;
  std::unique_ptr<Session> session_;
};

HttpClient::HttpClient(Resolver resolver) : resolver_(std::move(resolver)), idle_(std::make_unique<Idle>()) {
  static std::once_flag once;
  std::call_once(once, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });
}

HttpClient::~HttpClient() = default;

namespace {

// Everything that outlives the call of libcurl for one attempt.
struct Attempt {
  const HttpUri& uri;
  const HttpRoute& route;
  const HttpLimits& limits;
  const HttpBody* body;                // null: GET
  std::vector<std::string> addresses;  // from a test's resolver
  std::string text, signing, resolve_text;
  StringList headers, resolve;
  std::array<char, CURL_ERROR_SIZE> error{};
};

void SetUp(CURL* easy, Attempt& attempt, Exchange& exchange) {
  attempt.text = attempt.uri.Text();
  curl_easy_setopt(easy, CURLOPT_URL, attempt.text.c_str());
  curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
  curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, ToString(attempt.uri.scheme).data());
  curl_easy_setopt(easy, CURLOPT_DISALLOW_USERNAME_IN_URL, 1L);
  curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
  curl_easy_setopt(easy, CURLOPT_PROXY, "");
  curl_easy_setopt(easy, CURLOPT_NOPROXY, "*");
  curl_easy_setopt(easy, CURLOPT_NETRC, static_cast<long>(CURL_NETRC_IGNORED));
  curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy, CURLOPT_QUICK_EXIT,
                   1L);  // a name server that hangs must not hold up a cancelled call
  curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L);
  curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L);
  curl_easy_setopt(easy, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  if (!attempt.route.ca_file.empty()) {
    curl_easy_setopt(easy, CURLOPT_CAINFO, attempt.route.ca_file.c_str());
    curl_easy_setopt(easy, CURLOPT_CAPATH, nullptr);
  }
  curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(attempt.limits.connect_time.count()));
  curl_easy_setopt(easy, CURLOPT_LOW_SPEED_LIMIT, static_cast<long>(attempt.limits.slow_bytes));
  curl_easy_setopt(easy, CURLOPT_LOW_SPEED_TIME, static_cast<long>(attempt.limits.slow_time.count()));
  curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, 128L << 10);
  curl_easy_setopt(easy, CURLOPT_USERAGENT, "tamiz");
  curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, attempt.error.data());

  for (const std::string& header : attempt.route.headers) attempt.headers.Add(header);
  if (attempt.body != nullptr) {
    curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, attempt.body->method.c_str());
    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(attempt.body->text.size()));
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, attempt.body->text.c_str());
    attempt.headers.Add("Content-Type: " + attempt.body->content_type);
    attempt.headers.Add("Expect:");  // bodies are small: no asking first
  }
  if (!attempt.route.user.empty()) {
    curl_easy_setopt(easy, CURLOPT_HTTPAUTH, CURLAUTH_BASIC);
    curl_easy_setopt(easy, CURLOPT_USERNAME, attempt.route.user.c_str());
    curl_easy_setopt(easy, CURLOPT_PASSWORD, attempt.route.password.c_str());
  }
  if (const auto& signature = attempt.route.signature) {
    attempt.signing = fmt::format("aws:amz:{}:s3", signature->region);
    curl_easy_setopt(easy, CURLOPT_AWS_SIGV4, attempt.signing.c_str());
    curl_easy_setopt(easy, CURLOPT_USERNAME, signature->access_key_id.c_str());
    curl_easy_setopt(easy, CURLOPT_PASSWORD, signature->secret_access_key.c_str());
    attempt.headers.Add(fmt::format("x-amz-content-sha256: {}", kEmptyBodySha256));
    if (!signature->session_token.empty()) {
      attempt.headers.Add("x-amz-security-token: " + signature->session_token);
    }
  }
  curl_easy_setopt(easy, CURLOPT_HTTPHEADER, attempt.headers.get());

  if (!attempt.addresses.empty()) {
    attempt.resolve_text = fmt::format("{}:{}:", attempt.uri.host, attempt.uri.port);
    for (const std::string& address : attempt.addresses) {
      if (attempt.resolve_text.back() != ':') attempt.resolve_text += ',';
      attempt.resolve_text += address.find(':') == std::string::npos ? address : "[" + address + "]";
    }
    attempt.resolve.Add(attempt.resolve_text);
    curl_easy_setopt(easy, CURLOPT_RESOLVE, attempt.resolve.get());
    curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L);
  }

  exchange.easy = easy;
  curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, OnHeader);
  curl_easy_setopt(easy, CURLOPT_HEADERDATA, &exchange);
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, OnBody);
  curl_easy_setopt(easy, CURLOPT_WRITEDATA, &exchange);
  curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, OnOpenSocket);
  curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, &exchange);
}

// Drives the transfer to its end; nothing if the context ended first.
std::optional<CURLcode> Drive(CURLM* multi, CURL* easy, const CallContext& context) {
  const std::stop_callback on_stop(context.stop, [multi] { curl_multi_wakeup(multi); });
  curl_multi_add_handle(multi, easy);
  std::optional<CURLcode> code;
  while (!code) {
    int running = 0;
    if (curl_multi_perform(multi, &running) != CURLM_OK) code = CURLE_FAILED_INIT;
    int left = 0;
    while (const CURLMsg* message = curl_multi_info_read(multi, &left)) {
      if (message->msg == CURLMSG_DONE) code = message->data.result;
    }
    const SteadyTime now = std::chrono::steady_clock::now();
    if (code || !context.StillWanted(now).ok()) break;
    const auto left_time = std::chrono::ceil<milliseconds>(std::min(context.deadline, now + kPollTime) - now);
    curl_multi_poll(multi, nullptr, 0, static_cast<int>(left_time.count()), nullptr);
  }
  curl_multi_remove_handle(multi, easy);
  return code;
}

struct Failure {
  Status status;
  bool may_pass = false;
};

// libcurl's words name hosts and certificates, which are configuration or the caller's own; they are not
// passed on. What went wrong is told by the code.
Failure FailureOf(CURLcode code, const Exchange& exchange, const Attempt& attempt) {
  const auto failed = [](std::string_view message, std::string_view reason, bool may_pass) {
    return Failure{Unavailable(message, reason), may_pass};
  };
  if (exchange.refused != AddressClass::kPublic && code == CURLE_COULDNT_CONNECT) {
    return {MakeError(StatusCode::kPermissionDenied,
                      fmt::format("the host's address is not to be connected to ({}); allow_private of its "
                                  "source allows loopback and private networks",
                                  ToString(exchange.refused)),
                      "ADDRESS_REFUSED")};
  }
  switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST:
      return failed("the host's name has no address", "SOURCE_UNREACHABLE", true);
    case CURLE_COULDNT_CONNECT:
      return failed("no connection to the host", "SOURCE_UNREACHABLE", true);
    case CURLE_PEER_FAILED_VERIFICATION:
      return failed("the host's certificate is not trusted, or is another host's; see ca_file of its source",
                    "SOURCE_TLS", false);
    case CURLE_SSL_CACERT_BADFILE:
      return failed("ca_file of the source cannot be used", "SOURCE_TLS", false);
    case CURLE_SSL_CONNECT_ERROR:
      return failed("the TLS handshake with the host failed", "SOURCE_TLS", true);
    case CURLE_OPERATION_TIMEDOUT: {
      curl_off_t sent_at = 0;
      curl_easy_getinfo(exchange.easy, CURLINFO_PRETRANSFER_TIME_T, &sent_at);
      if (sent_at == 0) {
        return failed(fmt::format("no connection within {} ms", attempt.limits.connect_time.count()),
                      "SOURCE_UNREACHABLE", true);
      }
      return failed(fmt::format("less than {} bytes a second for {} s", attempt.limits.slow_bytes,
                                attempt.limits.slow_time.count()),
                    "SOURCE_TOO_SLOW", false);
    }
    case CURLE_GOT_NOTHING:
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
    case CURLE_PARTIAL_FILE:
      return failed("the connection broke before the answer was whole", "SOURCE_BROKEN", true);
    default:
      return failed(fmt::format("the answer cannot be used ({})", curl_easy_strerror(code)), "SOURCE_BROKEN",
                    false);
  }
}

std::optional<std::string> Location(CURL* easy) {
  curl_header* header = nullptr;
  if (curl_easy_header(easy, "Location", 0, CURLH_HEADER, -1, &header) != CURLHE_OK) return std::nullopt;
  return header->value;
}

// One attempt at one hop, ended.
struct Ended {
  std::optional<Failure> failure;
  HttpResponse response;
  std::optional<std::string> location;
};

Ended Finish(CURLcode code, Exchange& exchange, const Attempt& attempt) {
  Ended ended;
  curl_easy_getinfo(exchange.easy, CURLINFO_RESPONSE_CODE, &exchange.response.status);
  if (code == CURLE_WRITE_ERROR && !exchange.sink_error.ok()) {
    ended.failure = Failure{exchange.sink_error};
    return ended;
  }
  if (code == CURLE_WRITE_ERROR && exchange.header_bytes > kMostHeaderBytes) {
    ended.failure = Failure{Unavailable("the answer's headers are too large", "SOURCE_BROKEN")};
    return ended;
  }
  if (code != CURLE_OK && !exchange.error_body_is_full) {
    ended.failure = FailureOf(code, exchange, attempt);
    return ended;
  }
  if (exchange.response.status == 200) {
    if (Status begun = Begin(exchange); !begun.ok()) ended.failure = Failure{std::move(begun)};  // no body
  }
  curl_off_t retry_after = 0;
  curl_easy_getinfo(exchange.easy, CURLINFO_RETRY_AFTER, &retry_after);
  if (retry_after > 0) {
    exchange.response.retry_after = std::chrono::seconds(std::min<curl_off_t>(retry_after, 86'400));
  }
  if (IsRedirect(exchange.response.status)) ended.location = Location(exchange.easy);
  ended.response = std::move(exchange.response);
  return ended;
}

}  // namespace

StatusOr<HttpResponse> HttpClient::Get(const HttpRequest& request, BodySink& sink,
                                       const CallContext& context) {
  return Run(request, nullptr, sink, context);
}

StatusOr<HttpResponse> HttpClient::Send(const HttpRequest& request, const HttpBody& body, BodySink& sink,
                                        const CallContext& context) {
  HttpRequest once = request;
  once.limits.max_attempts = 1;
  once.limits.max_redirects = 0;
  return Run(once, &body, sink, context);
}

StatusOr<HttpResponse> HttpClient::Run(const HttpRequest& request, const HttpBody* body, BodySink& sink,
                                       const CallContext& context) {
  const SteadyTime started = std::chrono::steady_clock::now();
  CallContext limited = context;
  limited.deadline = std::min(context.deadline, started + request.limits.total_time);
  const auto out_of_time = [&] {
    const Status ended = context.StillWanted(std::chrono::steady_clock::now());
    if (!ended.ok()) return ended;
    return Unavailable(
        fmt::format("the source did not answer within {} ms", request.limits.total_time.count()),
        "SOURCE_TIMEOUT");
  };

  HttpUri uri = request.uri;
  std::uint32_t redirects = 0;
  std::uint32_t attempt_number = 1;
  while (true) {
    TAMIZ_RETURN_IF_ERROR(context.StillWanted(std::chrono::steady_clock::now()));
    TAMIZ_ASSIGN_OR_RETURN(const HttpRoute route, request.route(uri));
    Attempt attempt{.uri = uri, .route = route, .limits = request.limits, .body = body};
    if (resolver_) attempt.addresses = resolver_(uri.host);
    Exchange exchange{.sink = &sink, .allow_private = route.allow_private};
    Ended ended;
    {
      Lease lease(*idle_, route.allow_private);
      Session& session = lease.session();
      SetUp(session.easy.get(), attempt, exchange);
      const std::optional<CURLcode> code = Drive(session.multi.get(), session.easy.get(), limited);
      if (!code) return out_of_time();
      ended = Finish(*code, exchange, attempt);
    }

    const bool may_pass = ended.failure ? ended.failure->may_pass : MayPass(ended.response.status);
    if (may_pass && attempt_number < request.limits.max_attempts) {
      ++attempt_number;
      milliseconds pause = PauseBefore(attempt_number, request.limits);
      if (const auto asked = ended.response.retry_after) pause = std::max<milliseconds>(pause, *asked);
      if (std::chrono::steady_clock::now() + pause < limited.deadline) {
        Pause(pause, limited);
        continue;
      }
    }
    if (ended.failure) return ended.failure->status;
    if (!ended.location) return std::move(ended.response);

    if (++redirects > request.limits.max_redirects) {
      return MakeError(StatusCode::kFailedPrecondition,
                       fmt::format("more than {} redirects", request.limits.max_redirects), "REDIRECT_LIMIT");
    }
    TAMIZ_ASSIGN_OR_RETURN(HttpUri next, ResolveReference(uri, *ended.location));
    if (uri.scheme == Scheme::kHttps && next.scheme == Scheme::kHttp) {
      return MakeError(StatusCode::kPermissionDenied, "a redirect leads from https to http",
                       "REDIRECT_DOWNGRADE");
    }
    uri = std::move(next);
  }
}

Status StatusOfResponse(const HttpResponse& response, std::string_view source) {
  StatusCode code = StatusCode::kFailedPrecondition;
  switch (response.status) {
    case 404:
    case 410:
      code = StatusCode::kNotFound;
      break;
    case 401:
    case 403:
      code = StatusCode::kPermissionDenied;
      break;
    case 408:
    case 425:
    case 429:
      code = StatusCode::kUnavailable;
      break;
    default:
      if (response.status >= 500) code = StatusCode::kUnavailable;
  }
  Status status = MakeError(code, fmt::format("{} answered with HTTP status {}", source, response.status),
                            "SOURCE_STATUS");
  if (code == StatusCode::kUnavailable && response.retry_after) {
    status = WithRetryDelay(std::move(status), *response.retry_after);
  }
  return status;
}

}  // namespace tamiz::net
