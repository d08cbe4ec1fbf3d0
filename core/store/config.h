// How the store is configured.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace tamiz::store {

struct Config {
  // "sqlite": one file in data_dir, for one tamizd. "postgresql": a database that several tamizd share.
  std::string engine = "sqlite";

  // Where PostgreSQL is, as postgresql://user@host:port/database; several hosts separated by commas are tried
  // in turn. Never holds a password.
  std::string url;
  // File whose first line is the password; empty: none is sent.
  std::string password_file;
  // "auto": verify-full, but prefer on loopback addresses and Unix sockets. Otherwise libpq's sslmode:
  // disable, prefer, require, verify-ca, verify-full.
  std::string tls = "auto";
  // PEM files: who signs the database's certificate (empty: the system's certificate authorities), and the
  // certificate and key that the service shows (both or neither).
  std::string tls_ca_file, tls_certificate_file, tls_key_file;
  // Schema that holds the tables; made if it is not there. 1 … 50 of a-z 0-9 _, not beginning with a digit.
  std::string schema = "tamiz";
  // Connections at most, without the one that follows changes. Range 1 … 100.
  std::uint32_t pool_size = 8;
  // Time for one attempt to connect, per host. Range 1 s … 1 min.
  std::chrono::seconds connect_timeout{5};
  // Time for one statement, waiting for a free connection or another's change included. Reached: UNAVAILABLE.
  // Range 100 ms … 10 min.
  std::chrono::milliseconds statement_timeout = std::chrono::seconds(30);
  // The same for a statement of an import, roll-back or deletion. Range 1 s … 24 h.
  std::chrono::milliseconds change_timeout = std::chrono::minutes(10);
  // How long the start waits for a database that cannot be reached. Range 0 … 1 h.
  std::chrono::milliseconds start_timeout = std::chrono::seconds(30);
  // How often to look for changes of other replicas beside being told of them. Range 50 ms … 1 min.
  std::chrono::milliseconds poll_interval = std::chrono::milliseconds(500);
};

}  // namespace tamiz::store
