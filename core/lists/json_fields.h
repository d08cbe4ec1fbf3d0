// What both file formats read as JSON.
#pragma once

#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace tamiz::lists {

// Parses JSON from outside. Discarded (is_discarded()) if it is not valid or is nested deeper than 16 levels:
// the library's output recurses.
[[nodiscard]] nlohmann::json ParseJson(std::string_view text);

// Text of a scalar; compact JSON of an object or array.
[[nodiscard]] std::string TextOf(const nlohmann::json& value);

// Fills `metadata` from an object. What is wrong, empty if nothing.
[[nodiscard]] std::string ReadMetadata(const nlohmann::json& object,
                                       std::map<std::string, std::string>& metadata);

}  // namespace tamiz::lists
