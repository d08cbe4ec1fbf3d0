// Verdicts and matches for people and for exit codes.
#pragma once

#include <google/protobuf/repeated_field.h>

#include "tamiz/v1/common.pb.h"

namespace tamiz::cli {

// A table on stdout, nothing if there are none.
void PrintMatches(const google::protobuf::RepeatedPtrField<v1::Match>& matches);
// What allow lists took away, and which of their entries did.
void PrintSuppressed(const google::protobuf::RepeatedPtrField<v1::SuppressedMatch>& suppressed,
                     std::uint32_t count);
void PrintReasons(const google::protobuf::RepeatedPtrField<v1::IncompleteReason>& reasons);

// See ExitCode. A verdict that this client does not know counts as an error: it is never clean.
[[nodiscard]] int ExitCodeOf(v1::Verdict verdict);
// The graver of two exit codes.
[[nodiscard]] int Worse(int a, int b);

}  // namespace tamiz::cli
