// What the client prints: tables for people, protobuf JSON for programs, errors with their details.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <google/protobuf/duration.pb.h>
#include <google/protobuf/message.h>
#include <google/protobuf/timestamp.pb.h>
#include <grpcpp/grpcpp.h>

#include "core/base/mutex.h"
#include "tamiz/v1/common.pb.h"

namespace tamiz::cli {

// Protobuf JSON on one line: names in lowerCamelCase, enums by name, fields at their default included.
[[nodiscard]] std::string ToJson(const google::protobuf::Message& message);
// The same as an object with `key: value` in front; `value` is quoted here.
[[nodiscard]] std::string ToJson(std::string_view key, std::string_view value,
                                 const google::protobuf::Message& message);
// {"error":{"code":…,"message":…,"details":[…]}}, `path` in front unless empty.
[[nodiscard]] std::string ErrorJson(std::string_view path, const grpc::Status& status);

// "RESOURCE_EXHAUSTED".
[[nodiscard]] std::string CodeName(grpc::StatusCode code);
// "RESOURCE_EXHAUSTED: scan queue full (try again in 0.5 s; reason SCAN_QUEUE_FULL)".
[[nodiscard]] std::string Describe(const grpc::Status& status);
// Milliseconds of the status's RetryInfo, -1 if it has none.
[[nodiscard]] std::int64_t RetryDelayMs(const grpc::Status& status);

// Prints the error (stderr; also stdout with `json`) and returns the exit code 1.
int Fail(const grpc::Status& status, bool json);
int Fail(std::string_view message, bool json);

[[nodiscard]] std::string HexOf(const std::string& bytes);
[[nodiscard]] std::string Text(const google::protobuf::Timestamp& time);    // ISO 8601, seconds; "-" if unset
[[nodiscard]] std::string Seconds(const google::protobuf::Duration& span);  // "12.5 s"
[[nodiscard]] std::string Bytes(std::uint64_t count);                       // "1.5 MB"
// Without its enum's prefix: "ROTATE_90", "MATCH".
[[nodiscard]] std::string Name(v1::Verdict verdict);
[[nodiscard]] std::string Name(v1::Transform transform);
[[nodiscard]] std::string Name(v1::HashType type);
[[nodiscard]] std::string Name(v1::IncompleteCode code);
[[nodiscard]] std::string Join(const std::vector<std::string>& parts, std::string_view separator);

// Text from the server or a file, safe for a terminal: control characters become '?'.
[[nodiscard]] std::string Printable(std::string_view text);

// Columns padded to their widest cell.
class Table {
 public:
  explicit Table(std::vector<std::string> header) { rows_.push_back(std::move(header)); }
  void Add(std::vector<std::string> row) { rows_.push_back(std::move(row)); }
  [[nodiscard]] bool empty() const { return rows_.size() == 1; }
  void Print() const;  // to stdout

 private:
  std::vector<std::vector<std::string>> rows_;
};

// A bar on stderr, only if that is a terminal. Thread-safe.
class Progress {
 public:
  // `total` bytes or things; 0: unknown.
  Progress(std::string what, std::uint64_t total, bool in_bytes);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  void Add(std::uint64_t amount);
  // Takes the bar away, for other output.
  void Hide();

 private:
  void Draw() TAMIZ_REQUIRES(mutex_);

  const std::string what_;
  const std::uint64_t total_;
  const bool in_bytes_;
  const bool enabled_;
  Mutex mutex_;
  std::uint64_t done_ TAMIZ_GUARDED_BY(mutex_) = 0;
  std::int64_t drawn_at_ms_ TAMIZ_GUARDED_BY(mutex_) = 0;
  bool visible_ TAMIZ_GUARDED_BY(mutex_) = false;
};

}  // namespace tamiz::cli
