// Ends the process with a message when one of our own invariants is broken. Never for a condition that a
// client, a file, a decoder or a disk can produce.
#pragma once

#include <cstdio>
#include <cstdlib>

#define TAMIZ_CHECK(condition, message)                                                                   \
  do {                                                                                                    \
    if (!(condition)) [[unlikely]] {                                                                      \
      std::fprintf(stderr, "%s:%d: broken invariant: %s: %s\n", __FILE__, __LINE__, #condition, message); \
      std::abort();                                                                                       \
    }                                                                                                     \
  } while (false)
