// One request to an exchange.
#pragma once

#include <string>
#include <string_view>

#include "core/exchange/settings.h"

namespace tamiz::exchange {

// The text of a file of Config::secrets_dir. FAILED_PRECONDITION (SECRET_UNREADABLE).
[[nodiscard]] StatusOr<std::string> Secret(const Config& config, const std::string& file,
                                           std::string_view field);

// The body of a 200, at most `max_bytes`; `url` is whole. `route` brings the credentials; where it may go is
// put in here. No redirect is followed: credentials stay where they were meant to go.
[[nodiscard]] StatusOr<std::string> GetText(const Parts& parts, const std::string& url, net::HttpRoute route,
                                            std::size_t max_bytes, const CallContext& context);

// Sends `body`, once. OK for an answer of 2xx.
[[nodiscard]] Status SendText(const Parts& parts, const std::string& url, net::HttpRoute route,
                              const net::HttpBody& body, const CallContext& context);

// What stands in a path or a query: everything but unreserved characters escaped.
[[nodiscard]] std::string Escaped(std::string_view text);

// DATA_LOSS (EXCHANGE_ANSWER).
[[nodiscard]] Status BadAnswer(std::string_view what);

// "2026-01-01T00:00:00Z", also with a fraction; seconds since 1970, or nothing.
[[nodiscard]] std::optional<std::int64_t> ParseTime(std::string_view text);
[[nodiscard]] std::string FormatTime(std::int64_t seconds);

}  // namespace tamiz::exchange
