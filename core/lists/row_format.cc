#include "core/lists/row_format.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "core/base/hex.h"
#include "core/lists/text.h"

namespace tamiz::lists {

std::string ShownName(std::string_view name) {
  const bool is_name = name.size() <= 40 && !name.empty() && IsUtf8(name) && !HasControlCharacter(name);
  const bool is_hash = name.size() >= 16 && FromHex(name).has_value();
  return is_name && !is_hash ? fmt::format("'{}'", name) : "(not a name)";
}

std::string ShownColumns(std::span<const std::string> names) {
  std::vector<std::string> shown;
  for (std::size_t i = 0; i < std::min<std::size_t>(names.size(), 20); ++i) {
    shown.push_back(ShownName(LowerAscii(Trim(names[i]))));
  }
  return fmt::format("it has {} columns: {}", names.size(), fmt::join(shown, ", "));
}

StatusOr<std::size_t> FindColumn(std::span<const std::string> names, std::string_view name) {
  const std::string wanted = LowerAscii(Trim(name));
  std::size_t found = kNoColumn;
  if (wanted.empty()) return found;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (LowerAscii(Trim(names[i])) != wanted) continue;
    if (found != kNoColumn)
      return InvalidArgument(fmt::format("the header names the column '{}' twice", name));
    found = i;
  }
  return found;
}

}  // namespace tamiz::lists
