#include "core/base/random_id.h"

#include <sys/random.h>

#include <array>
#include <chrono>
#include <cstdint>

#include "core/base/check.h"
#include "core/base/hex.h"

namespace tamiz {

std::string NewUuid() {
  std::array<std::uint8_t, 16> bytes;
  TAMIZ_CHECK(getrandom(bytes.data(), bytes.size(), 0) == static_cast<ssize_t>(bytes.size()),
              "the kernel gives no random bytes");
  const auto ms = static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(
                                                 std::chrono::system_clock::now().time_since_epoch())
                                                 .count());
  for (int i = 0; i < 6; ++i) bytes[i] = static_cast<std::uint8_t>(ms >> (40 - 8 * i));
  bytes[6] = static_cast<std::uint8_t>(0x70 | (bytes[6] & 0x0f));
  bytes[8] = static_cast<std::uint8_t>(0x80 | (bytes[8] & 0x3f));
  std::string text = ToHex(bytes);
  for (const int at : {8, 13, 18, 23}) text.insert(at, 1, '-');
  return text;
}

}  // namespace tamiz
