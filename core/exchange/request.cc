#include "core/exchange/request.h"

#include <fmt/format.h>

#include <charconv>
#include <ctime>

#include "core/net/secret_file.h"

namespace tamiz::exchange {
namespace {

// Reads `digits` digits at `at`; -1 if they are none.
int Number(std::string_view text, std::size_t at, std::size_t digits) {
  int value = 0;
  const char* const begin = text.data() + at;
  const auto [end, error] = std::from_chars(begin, begin + digits, value);
  return error == std::errc() && end == begin + digits && value >= 0 ? value : -1;
}

constexpr std::size_t kAnswerBytes = 1 << 20;  // to what is sent; nobody reads it

StatusOr<net::HttpRequest> RequestTo(const Parts& parts, const std::string& url, net::HttpRoute route) {
  const StatusOr<net::HttpUri> uri = net::ParseHttpUri(url);
  if (!uri.ok()) return BadAnswer(fmt::format("it leads to no usable address: {}", Message(uri.status())));
  route.allow_private = parts.config.allow_private;
  route.ca_file = parts.config.ca_file;
  net::HttpRequest request{.uri = *uri};
  request.route = [route = std::move(route)](const net::HttpUri&) -> StatusOr<net::HttpRoute> {
    return route;
  };
  request.limits.total_time = parts.config.request_time;
  request.limits.max_attempts = parts.config.max_attempts;
  request.limits.max_redirects = 0;
  return request;
}

}  // namespace

StatusOr<std::string> Secret(const Config& config, const std::string& file, std::string_view field) {
  return net::ReadSecret(config.secrets_dir + "/" + file, field);
}

StatusOr<std::string> GetText(const Parts& parts, const std::string& url, net::HttpRoute route,
                              std::size_t max_bytes, const CallContext& context) {
  TAMIZ_ASSIGN_OR_RETURN(const net::HttpRequest request, RequestTo(parts, url, std::move(route)));
  net::TextSink sink(max_bytes);
  TAMIZ_ASSIGN_OR_RETURN(const net::HttpResponse response, parts.client.Get(request, sink, context));
  if (response.status != 200) return net::StatusOfResponse(response, "the exchange");
  return std::move(sink.text);
}

Status SendText(const Parts& parts, const std::string& url, net::HttpRoute route, const net::HttpBody& body,
                const CallContext& context) {
  TAMIZ_ASSIGN_OR_RETURN(const net::HttpRequest request, RequestTo(parts, url, std::move(route)));
  net::TextSink sink(kAnswerBytes);
  TAMIZ_ASSIGN_OR_RETURN(const net::HttpResponse response, parts.client.Send(request, body, sink, context));
  if (response.status / 100 != 2) return net::StatusOfResponse(response, "the exchange");
  return OkStatus();
}

std::string Escaped(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    const bool is_plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                          c == '-' || c == '.' || c == '_' || c == '~';
    escaped += is_plain ? std::string(1, c) : fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return escaped;
}

Status BadAnswer(std::string_view what) {
  return MakeError(StatusCode::kDataLoss, fmt::format("the exchange's answer cannot be used: {}", what),
                   "EXCHANGE_ANSWER");
}

std::optional<std::int64_t> ParseTime(std::string_view text) {
  // 2026-01-01T00:00:00
  if (text.size() < 20 || text[4] != '-' || text[7] != '-' || text[10] != 'T' || text[13] != ':' ||
      text[16] != ':' || text.back() != 'Z') {
    return std::nullopt;
  }
  std::tm time{};
  time.tm_year = Number(text, 0, 4) - 1900;
  time.tm_mon = Number(text, 5, 2) - 1;
  time.tm_mday = Number(text, 8, 2);
  time.tm_hour = Number(text, 11, 2);
  time.tm_min = Number(text, 14, 2);
  time.tm_sec = Number(text, 17, 2);
  if (time.tm_year < 0 || time.tm_mon < 0 || time.tm_mon > 11 || time.tm_mday < 1 || time.tm_mday > 31 ||
      time.tm_hour < 0 || time.tm_hour > 23 || time.tm_min < 0 || time.tm_min > 59 || time.tm_sec < 0 ||
      time.tm_sec > 60) {
    return std::nullopt;
  }
  return timegm(&time);
}

std::string FormatTime(std::int64_t seconds) {
  const std::time_t time = seconds;
  std::tm utc{};
  gmtime_r(&time, &utc);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z", utc.tm_year + 1900, utc.tm_mon + 1, utc.tm_mday,
                     utc.tm_hour, utc.tm_min, utc.tm_sec);
}

}  // namespace tamiz::exchange
