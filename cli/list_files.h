// tamiz list import, tamiz list export.
#pragma once

#include "cli/command.h"

namespace tamiz::cli {

void AddListFileVerbs(CLI::App& lists, Session& session);

}  // namespace tamiz::cli
