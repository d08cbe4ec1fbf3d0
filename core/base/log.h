// Structured logs: one JSON object a line on standard error. They carry decisions, never content: no
// hash, no file name, no bytes of an upload, no token.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <variant>

namespace tamiz {

enum class LogLevel { kDebug, kInfo, kWarn, kError };

// One key and its value. Keys are constants in snake_case.
struct LogField {
  std::string_view key;
  std::variant<std::string, std::int64_t, double, bool> value;
};

// Writes {"time":…,"level":…,"message":…,fields…}. Thread-safe; never throws.
void Log(LogLevel level, std::string_view message, std::initializer_list<LogField> fields = {});

// Lines below `level` are dropped. Default kInfo.
void SetLogLevel(LogLevel level);

inline void LogInfo(std::string_view m, std::initializer_list<LogField> f = {}) {
  Log(LogLevel::kInfo, m, f);
}
inline void LogWarn(std::string_view m, std::initializer_list<LogField> f = {}) {
  Log(LogLevel::kWarn, m, f);
}
inline void LogError(std::string_view m, std::initializer_list<LogField> f = {}) {
  Log(LogLevel::kError, m, f);
}
inline void LogDebug(std::string_view m, std::initializer_list<LogField> f = {}) {
  Log(LogLevel::kDebug, m, f);
}

}  // namespace tamiz
