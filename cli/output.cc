#include "cli/output.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <ctime>

#include <fmt/format.h>
#include <google/protobuf/util/json_util.h>
#include <nlohmann/json.hpp>

#include "core/base/hex.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"

namespace tamiz::cli {
namespace {

std::string Quoted(std::string_view text) {
  return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

google::rpc::Status RichStatus(const grpc::Status& status) {
  google::rpc::Status rich;
  if (!rich.ParseFromString(status.error_details())) rich.Clear();
  return rich;
}

std::string WithoutPrefix(const std::string& name, std::string_view prefix) {
  return name.starts_with(prefix) ? name.substr(prefix.size()) : name;
}

double AsSeconds(const google::protobuf::Duration& span) {
  return static_cast<double>(span.seconds()) + span.nanos() / 1e9;
}

}  // namespace

std::string ToJson(const google::protobuf::Message& message) {
  google::protobuf::util::JsonPrintOptions options;
  options.always_print_primitive_fields = true;
  std::string json;
  const auto status = google::protobuf::util::MessageToJsonString(message, &json, options);
  return status.ok() ? json : "{}";
}

std::string ToJson(std::string_view key, std::string_view value, const google::protobuf::Message& message) {
  const std::string json = ToJson(message);
  return fmt::format("{{{}:{}{}{}", Quoted(key), Quoted(value), json == "{}" ? "" : ",", json.substr(1));
}

std::string CodeName(grpc::StatusCode code) {
  static constexpr const char* kNames[] = {
      "OK",        "CANCELLED",      "UNKNOWN",           "INVALID_ARGUMENT",   "DEADLINE_EXCEEDED",
      "NOT_FOUND", "ALREADY_EXISTS", "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION",
      "ABORTED",   "OUT_OF_RANGE",   "UNIMPLEMENTED",     "INTERNAL",           "UNAVAILABLE",
      "DATA_LOSS", "UNAUTHENTICATED"};
  const auto index = static_cast<std::size_t>(code);
  return index < std::size(kNames) ? kNames[index] : fmt::format("CODE_{}", index);
}

std::string ErrorJson(std::string_view path, const grpc::Status& status) {
  std::string details;
  const google::rpc::Status rich = RichStatus(status);
  for (const google::protobuf::Any& any : rich.details()) {
    // Unpacked by hand: an Any of a type unknown here must not lose the others.
    google::rpc::RetryInfo retry;
    google::rpc::BadRequest bad_request;
    google::rpc::ErrorInfo info;
    const google::protobuf::Message* known =
        any.UnpackTo(&retry)         ? static_cast<google::protobuf::Message*>(&retry)
        : any.UnpackTo(&bad_request) ? static_cast<google::protobuf::Message*>(&bad_request)
        : any.UnpackTo(&info)        ? static_cast<google::protobuf::Message*>(&info)
                                     : nullptr;
    if (known == nullptr) continue;
    details += (details.empty() ? "" : ",") + ToJson("@type", any.type_url(), *known);
  }
  return fmt::format("{{{}\"error\":{{\"code\":\"{}\",\"message\":{},\"details\":[{}]}}}}",
                     path.empty() ? "" : fmt::format("\"path\":{},", Quoted(path)),
                     CodeName(status.error_code()), Quoted(status.error_message()), details);
}

std::int64_t RetryDelayMs(const grpc::Status& status) {
  google::rpc::RetryInfo retry;
  const google::rpc::Status rich = RichStatus(status);
  for (const google::protobuf::Any& any : rich.details()) {
    if (any.UnpackTo(&retry)) return static_cast<std::int64_t>(AsSeconds(retry.retry_delay()) * 1000);
  }
  return -1;
}

std::string Describe(const grpc::Status& status) {
  std::vector<std::string> notes;
  const google::rpc::Status rich = RichStatus(status);
  for (const google::protobuf::Any& any : rich.details()) {
    google::rpc::RetryInfo retry;
    google::rpc::BadRequest bad_request;
    google::rpc::ErrorInfo info;
    if (any.UnpackTo(&retry)) {
      notes.push_back(fmt::format("try again in {}", Seconds(retry.retry_delay())));
    } else if (any.UnpackTo(&bad_request)) {
      for (const auto& violation : bad_request.field_violations()) {
        notes.push_back(violation.description() == status.error_message()
                            ? fmt::format("field {}", violation.field())
                            : fmt::format("field {}: {}", violation.field(), violation.description()));
      }
    } else if (any.UnpackTo(&info) && !info.reason().empty()) {
      notes.push_back(fmt::format("reason {}", info.reason()));
      if (info.reason() == "CREDENTIALS_MISSING")
        notes.push_back("give --token-file FILE or --tls-cert FILE");
    }
  }
  return Printable(fmt::format("{}: {}{}", CodeName(status.error_code()), status.error_message(),
                               notes.empty() ? "" : fmt::format(" ({})", Join(notes, "; "))));
}

int Fail(const grpc::Status& status, bool json) {
  if (json) fmt::print("{}\n", ErrorJson("", status));
  fmt::print(stderr, "tamiz: {}\n", Describe(status));
  return 1;
}

int Fail(std::string_view message, bool json) {
  if (json)
    fmt::print("{{\"error\":{{\"code\":\"CLIENT\",\"message\":{},\"details\":[]}}}}\n", Quoted(message));
  fmt::print(stderr, "tamiz: {}\n", Printable(message));
  return 1;
}

std::string HexOf(const std::string& bytes) {
  return ToHex({reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()});
}

std::string Text(const google::protobuf::Timestamp& time) {
  if (time.seconds() == 0) return "-";
  const std::time_t seconds = time.seconds();
  std::tm parts{};
  char text[32];
  if (gmtime_r(&seconds, &parts) == nullptr ||
      std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts) == 0) {
    return "-";
  }
  return text;
}

std::string Seconds(const google::protobuf::Duration& span) {
  std::string number = fmt::format("{:.3f}", AsSeconds(span));
  number.erase(number.find_last_not_of('0') + 1);
  if (number.back() == '.') number.pop_back();
  return number + " s";
}

std::string Bytes(std::uint64_t count) {
  if (count < 1000) return fmt::format("{} B", count);
  double value = static_cast<double>(count);
  for (const char* unit : {"kB", "MB", "GB"}) {
    value /= 1000;
    if (value < 1000) return fmt::format("{:.1f} {}", value, unit);
  }
  return fmt::format("{:.1f} TB", value / 1000);
}

std::string Name(v1::Verdict verdict) { return WithoutPrefix(v1::Verdict_Name(verdict), "VERDICT_"); }
std::string Name(v1::Transform transform) {
  return WithoutPrefix(v1::Transform_Name(transform), "TRANSFORM_");
}
std::string Name(v1::HashType type) { return WithoutPrefix(v1::HashType_Name(type), "HASH_TYPE_"); }
std::string Name(v1::IncompleteCode code) {
  return WithoutPrefix(v1::IncompleteCode_Name(code), "INCOMPLETE_CODE_");
}

std::string Join(const std::vector<std::string>& parts, std::string_view separator) {
  return fmt::format("{}", fmt::join(parts, separator));
}

std::string Printable(std::string_view text) {
  std::string safe(text);
  std::replace_if(
      safe.begin(), safe.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; }, '?');
  return safe;
}

void Table::Print() const {
  std::vector<std::size_t> widths;
  for (const auto& row : rows_) {
    if (widths.size() < row.size()) widths.resize(row.size());
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  for (const auto& row : rows_) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) {
      line += Printable(row[i]);
      if (i + 1 < row.size()) line.append(widths[i] - row[i].size() + 2, ' ');
    }
    line.erase(line.find_last_not_of(' ') + 1);
    fmt::print("{}\n", line);
  }
}

Progress::Progress(std::string what, std::uint64_t total, bool in_bytes)
    : what_(std::move(what)), total_(total), in_bytes_(in_bytes), enabled_(isatty(STDERR_FILENO) == 1) {}

Progress::~Progress() { Hide(); }

void Progress::Add(std::uint64_t amount) {
  if (!enabled_) return;
  MutexLock lock(mutex_);
  done_ += amount;
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  const std::int64_t now_ms = std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
  if (now_ms - drawn_at_ms_ < 100) return;
  drawn_at_ms_ = now_ms;
  Draw();
}

void Progress::Hide() {
  if (!enabled_) return;
  MutexLock lock(mutex_);
  if (visible_) fmt::print(stderr, "\r\033[K");
  visible_ = false;
}

void Progress::Draw() {
  constexpr int kWidth = 24;
  const auto show = [this](std::uint64_t n) { return in_bytes_ ? Bytes(n) : fmt::format("{}", n); };
  if (total_ == 0) {
    fmt::print(stderr, "\r\033[K{} {}", what_, show(done_));
  } else {
    const int filled = static_cast<int>(std::min(done_, total_) * kWidth / total_);
    fmt::print(stderr, "\r\033[K{} [{:#<{}}{:-<{}}] {} / {}", what_, "", filled, "", kWidth - filled,
               show(done_), show(total_));
  }
  std::fflush(stderr);
  visible_ = true;
}

}  // namespace tamiz::cli
