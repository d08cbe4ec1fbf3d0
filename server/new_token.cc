#include "server/new_token.h"

#include <sys/random.h>

#include <array>
#include <span>

#include "core/base/check.h"
#include "core/base/hex.h"
#include "core/hash/digests.h"

namespace tamiz::server {

NewToken MakeToken() {
  std::array<std::uint8_t, 32> random{};
  TAMIZ_CHECK(::getrandom(random.data(), random.size(), 0) == static_cast<ssize_t>(random.size()),
              "no random numbers");
  NewToken made;
  made.token = "tamiz_" + ToHex(random);
  made.sha256 = ToHex(
      hash::Sha256(std::span(reinterpret_cast<const std::uint8_t*>(made.token.data()), made.token.size())));
  return made;
}

}  // namespace tamiz::server
