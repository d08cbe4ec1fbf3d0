// Tokens for callers.
#pragma once

#include <string>

namespace tamiz::server {

struct NewToken {
  std::string
      token;  // for the caller; 256 random bits, with a prefix by which scanners for leaked secrets know it
  std::string sha256;  // for the configuration, in hexadecimal
};

// Ends the process if the system has no random numbers.
[[nodiscard]] NewToken MakeToken();

}  // namespace tamiz::server
