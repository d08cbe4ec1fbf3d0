// Hexadecimal text.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tamiz {

// Lower case.
[[nodiscard]] std::string ToHex(std::span<const std::uint8_t> bytes);

// Any case, no prefix or white space; nothing if the text is not pairs of hexadecimal digits.
[[nodiscard]] std::optional<std::vector<std::uint8_t>> FromHex(std::string_view text);

}  // namespace tamiz
