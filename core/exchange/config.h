// Section [exchange]: what holds for all exchanges.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace tamiz::exchange {

struct Config {
  // Directory of the files with credentials; exchanges name files in it and no others. Empty: "secrets" in
  // the data directory.
  std::string secrets_dir;
  // Whether exchanges may be at addresses of this machine or of private networks.
  bool allow_private = false;
  // PEM file of the authorities that vouch for their certificates; empty: the system's.
  std::string ca_file;
  // For one request with its attempts. Range 1 s … 10 min.
  std::chrono::milliseconds request_time = std::chrono::minutes(1);
  // Attempts at a request. Range 1 … 10.
  std::uint32_t max_attempts = 5;
  // Share of the list's entries that an update may add or remove before it waits for a person, where the
  // exchange itself says nothing. Range 0 … 1.
  double max_change_share = 0.2;
  // Lists below this many entries are not guarded. Range 0 … 1000000000.
  std::uint64_t min_guarded_entries = 1000;
};

}  // namespace tamiz::exchange
