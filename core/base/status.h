// Outcome of an operation that could not be done. What hostile input causes is a value (a verdict with
// its reasons), never a Status: see docs/adr/0002-status-and-verdict.md.
//
// The only header that names abseil's status types; everything else uses these aliases.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace tamiz {

using Status = absl::Status;
template <typename T>
using StatusOr = absl::StatusOr<T>;
// The codes are gRPC's, number for number.
using StatusCode = absl::StatusCode;

// `message` says what was tried, the limit met and the remedy; never bytes or names of an upload.
[[nodiscard]] Status MakeError(StatusCode code, std::string_view message);

// An error with a constant, upper-snake-case reason for programs (google.rpc.ErrorInfo.reason).
[[nodiscard]] Status MakeError(StatusCode code, std::string_view message, std::string_view reason);

[[nodiscard]] inline Status OkStatus() { return {}; }

[[nodiscard]] std::string Message(const Status& status);

// Reason given to MakeError, empty if none.
[[nodiscard]] std::string Reason(const Status& status);

// Tells the caller when to try again (google.rpc.RetryInfo). Returns `status` with the delay attached.
[[nodiscard]] Status WithRetryDelay(Status status, std::chrono::milliseconds delay);
[[nodiscard]] std::optional<std::chrono::milliseconds> RetryDelay(const Status& status);

// Names the request's field that is at fault (google.rpc.BadRequest), for example "sampling.interval".
[[nodiscard]] Status WithField(Status status, std::string_view field);
[[nodiscard]] std::string Field(const Status& status);

// Shorthands for the codes used most.
[[nodiscard]] inline Status InvalidArgument(std::string_view m) {
  return MakeError(StatusCode::kInvalidArgument, m);
}
[[nodiscard]] inline Status NotFound(std::string_view m) { return MakeError(StatusCode::kNotFound, m); }
[[nodiscard]] inline Status Internal(std::string_view m) { return MakeError(StatusCode::kInternal, m); }

}  // namespace tamiz

#define TAMIZ_CONCAT_INNER(a, b) a##b
#define TAMIZ_CONCAT(a, b) TAMIZ_CONCAT_INNER(a, b)

// Returns the error of a Status expression from the enclosing function, if it has one.
#define TAMIZ_RETURN_IF_ERROR(expr)                                  \
  do {                                                               \
    if (::tamiz::Status tamiz_status = (expr); !tamiz_status.ok()) { \
      return tamiz_status;                                           \
    }                                                                \
  } while (false)

// Declares or assigns `lhs` from a StatusOr expression, or returns its error.
#define TAMIZ_ASSIGN_OR_RETURN(lhs, expr) \
  TAMIZ_ASSIGN_OR_RETURN_INNER(TAMIZ_CONCAT(tamiz_status_or_, __LINE__), lhs, expr)
#define TAMIZ_ASSIGN_OR_RETURN_INNER(tmp, lhs, expr) \
  auto tmp = (expr);                                 \
  if (!tmp.ok()) return std::move(tmp).status();     \
  lhs = *std::move(tmp)
