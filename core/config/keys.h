// The one table of configuration keys: type, range and place of each.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "core/config/config.h"

namespace tamiz::config {

// A whole number, kept in a field of any integer or duration type.
struct NumberField {
  std::uint64_t (*get)(const Config&);
  void (*set)(Config&, std::uint64_t);
};
using TextField = std::string& (*)(Config&);
using TextsField = std::vector<std::string>& (*)(Config&);
using FlagField = bool& (*)(Config&);
using ShareField = double& (*)(Config&);

enum class Kind {
  kText,
  kTexts,
  kFlag,
  kCount,
  kBytes,  // a number, or "64MiB"
  kTime,   // milliseconds; in the file a number of seconds, or "250ms"
  kShare,  // 0…1
};

struct Key {
  std::string_view name;  // "server.listen"; the section is the part before the point
  Kind kind;
  std::variant<TextField, TextsField, FlagField, NumberField, ShareField> field;
  std::uint64_t min = 0, max = 0;                  // of kCount, kBytes and kTime
  std::uint64_t step = 1;                          // of kTime: milliseconds that the field can tell apart
  std::span<const std::string_view> choices = {};  // of kText and the elements of kTexts; empty: any
  bool is_required = false;                        // in an array's tables: must be given and not empty
};

// An array of tables, such as [[source.s3]]: one table of the file for each element. Set in the file only.
struct Array {
  std::string_view name;  // "source.s3"
  std::vector<Key> keys;  // "source.s3.endpoint" …; they reach the first element of a Config
  std::size_t (*size)(const Config&);
  // A Config with only that element of the array; past the end: a fresh one.
  Config (*only)(const Config&, std::size_t);
  // Appends the first element of `of`.
  void (*append)(Config&, const Config& of);
};

// In the order of deploy/tamiz.toml.
[[nodiscard]] std::span<const Key> AllKeys();
[[nodiscard]] const Key* FindKey(std::string_view name);
// The key that a misspelt one was probably meant to be; nullptr if none is near.
[[nodiscard]] const Key* NearestKey(std::string_view name);

[[nodiscard]] std::span<const Array> AllArrays();
[[nodiscard]] const Array* FindArray(std::string_view name);

// The value as TOML: "\"info\"", "\"64MiB\"", "3", "[]".
[[nodiscard]] std::string ValueText(const Key& key, const Config& config);
// What may be given, for people: "1 … 64", "\"1KiB\" … \"64GiB\"", "true, false", "text".
[[nodiscard]] std::string RangeText(const Key& key);

// `text` as a TOML basic string.
[[nodiscard]] std::string Quoted(std::string_view text);

}  // namespace tamiz::config
