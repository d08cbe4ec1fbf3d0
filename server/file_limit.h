// How many descriptors the process may have.
#pragma once

#include <cstdint>

namespace tamiz::server {

// Raises the process's own limit to the most that it may set, for its threads and the processes it starts,
// and says in the log if that is little: each connection takes one descriptor, each upload a few. Returns the
// limit.
std::uint64_t RaiseFileLimit();

}  // namespace tamiz::server
