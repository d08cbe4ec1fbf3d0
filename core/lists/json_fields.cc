#include "core/lists/json_fields.h"

namespace tamiz::lists {
namespace {

constexpr int kMaxNesting = 16;

bool IsNestedTooDeep(std::string_view text) {
  int depth = 0;
  bool in_string = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      if (c == '\\') ++i;
      if (c == '"') in_string = false;
    } else if (c == '"') {
      in_string = true;
    } else if (c == '{' || c == '[') {
      if (++depth > kMaxNesting) return true;
    } else if (c == '}' || c == ']') {
      --depth;
    }
  }
  return false;
}

}  // namespace

nlohmann::json ParseJson(std::string_view text) {
  if (IsNestedTooDeep(text)) return nlohmann::json(nlohmann::json::value_t::discarded);
  return nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false);
}

std::string TextOf(const nlohmann::json& value) {
  if (value.is_string()) return value.get<std::string>();
  if (value.is_null()) return {};
  // `replace` cannot throw; strings that were parsed are valid UTF-8 anyway.
  return value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::string ReadMetadata(const nlohmann::json& object, std::map<std::string, std::string>& metadata) {
  if (object.is_null()) return {};
  if (!object.is_object()) return "the metadata is not a JSON object, for example {\"case\":\"12\"}";
  for (const auto& [key, value] : object.items()) metadata[key] = TextOf(value);
  return {};
}

}  // namespace tamiz::lists
