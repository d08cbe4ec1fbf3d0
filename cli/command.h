// What every verb of the client shares.
#pragma once

#include <functional>
#include <string>

#include <CLI/CLI.hpp>

#include "cli/connection.h"

namespace tamiz::cli {

// Options before the verb, and the verb that was chosen.
struct Session {
  ConnectionOptions connection_options;
  Connection connection{connection_options};
  bool json = false;
  bool is_local = false;  // set by a verb that asks no server
  // Set by the verb's parser; run once the connection is open. Returns the exit code.
  std::function<int()> run;
};

// One function a family of verbs: adds them to `app`. `session` must outlive the run.
void AddScanCommand(CLI::App& app, Session& session);       // scan
void AddHashCommands(CLI::App& app, Session& session);      // hash, lookup
void AddListCommands(CLI::App& app, Session& session);      // list …
void AddExchangeCommands(CLI::App& app, Session& session);  // exchange …
void AddAdminCommands(CLI::App& app, Session& session);     // status, selftest, formats, reload
void AddCalibrateCommand(CLI::App& app, Session& session);  // calibrate

// Exit codes. Those of `scan` in order of gravity: an error beats a match, a match beats a possible match,
// that beats incomplete, that beats no known match.
enum ExitCode : int { kNoKnownMatch = 0, kError = 1, kMatch = 10, kPossibleMatch = 11, kIncomplete = 12 };

}  // namespace tamiz::cli
