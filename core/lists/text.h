// Checks of text that came from outside.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace tamiz::lists {

// Well-formed UTF-8: no overlong forms, surrogates or code points past U+10FFFF.
[[nodiscard]] bool IsUtf8(std::string_view text);

// True if `text` holds a byte below 0x20 or 0x7f.
[[nodiscard]] bool HasControlCharacter(std::string_view text);

// Without spaces, tabs and line ends around it.
[[nodiscard]] std::string_view Trim(std::string_view text);

[[nodiscard]] std::string LowerAscii(std::string_view text);

// Parts between separators, trimmed; empty ones are left out.
[[nodiscard]] std::vector<std::string> SplitTrimmed(std::string_view text, char separator);

}  // namespace tamiz::lists
