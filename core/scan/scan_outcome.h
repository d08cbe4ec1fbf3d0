// What is kept and told of a scan beside its answer.
#pragma once

#include "core/base/call_context.h"
#include "core/scan/scanner.h"

namespace tamiz::scan {

// Written before the answer leaves: whoever was told of a match finds it in the records. A store that cannot
// write must not turn a match into an error, so a failure is logged and counted, and the answer goes out.
void Record(const Scanner::Parts& parts, const ScanInput& input, const Config& config,
            const ScanOutput& output);

// Metrics and one line of the log.
void Report(const Scanner::Parts& parts, const ScanInput& input, const CallContext& caller,
            const ScanOutput& output);

}  // namespace tamiz::scan
