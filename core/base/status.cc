#include "core/base/status.h"

#include <charconv>

#include "absl/strings/cord.h"

namespace tamiz {
namespace {

constexpr char kReasonUrl[] = "tamiz/reason";
constexpr char kRetryUrl[] = "tamiz/retry-ms";
constexpr char kFieldUrl[] = "tamiz/field";

std::string Payload(const Status& status, const char* url) {
  const auto payload = status.GetPayload(url);
  return payload.has_value() ? std::string(*payload) : std::string();
}

}  // namespace

Status MakeError(StatusCode code, std::string_view message) {
  return Status(code, absl::string_view(message.data(), message.size()));
}

Status MakeError(StatusCode code, std::string_view message, std::string_view reason) {
  Status status = MakeError(code, message);
  status.SetPayload(kReasonUrl, absl::Cord(absl::string_view(reason.data(), reason.size())));
  return status;
}

std::string Message(const Status& status) { return std::string(status.message()); }

std::string Reason(const Status& status) { return Payload(status, kReasonUrl); }

Status WithRetryDelay(Status status, std::chrono::milliseconds delay) {
  status.SetPayload(kRetryUrl, absl::Cord(std::to_string(delay.count())));
  return status;
}

std::optional<std::chrono::milliseconds> RetryDelay(const Status& status) {
  const std::string text = Payload(status, kRetryUrl);
  long long ms = 0;
  if (text.empty() || std::from_chars(text.data(), text.data() + text.size(), ms).ec != std::errc()) {
    return std::nullopt;
  }
  return std::chrono::milliseconds(ms);
}

Status WithField(Status status, std::string_view field) {
  status.SetPayload(kFieldUrl, absl::Cord(absl::string_view(field.data(), field.size())));
  return status;
}

std::string Field(const Status& status) { return Payload(status, kFieldUrl); }

}  // namespace tamiz
