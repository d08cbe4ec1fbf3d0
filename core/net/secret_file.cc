#include "core/net/secret_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "core/base/unique_fd.h"

namespace tamiz::net {
namespace {

constexpr std::size_t kMostBytes = 64 << 10;
constexpr std::string_view kWhiteSpace = " \t\r\n";

}  // namespace

StatusOr<std::string> ReadSecret(const std::string& path, std::string_view key) {
  const auto bad = [&](std::string_view why) {
    return MakeError(StatusCode::kFailedPrecondition,
                     fmt::format("{}: cannot use the file '{}': {}", key, path, why), "SECRET_UNREADABLE");
  };
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!fd.valid()) return bad(std::strerror(errno));
  std::string text(kMostBytes + 1, '\0');
  std::size_t size = 0;
  while (size < text.size()) {
    const ssize_t n = ::read(fd.get(), text.data() + size, text.size() - size);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return bad(std::strerror(errno));
    if (n == 0) break;
    size += static_cast<std::size_t>(n);
  }
  if (size > kMostBytes) return bad("it is larger than 64 KiB");
  text.resize(size);
  const std::size_t begin = text.find_first_not_of(kWhiteSpace);
  if (begin == std::string::npos) return bad("it is empty");
  text = text.substr(begin, text.find_last_not_of(kWhiteSpace) + 1 - begin);
  if (std::ranges::any_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; })) {
    return bad("it holds more than one line, or a control character");
  }
  return text;
}

}  // namespace tamiz::net
