// How GoogleTest shows what these tests compare.
#pragma once

#include <ostream>

#include "core/match/evidence.h"

namespace tamiz::match {

inline void PrintTo(const TimeRange& range, std::ostream* out) {
  *out << "[" << range.start.count() << ", " << range.end.count() << ") us";
}
inline void PrintTo(Verdict verdict, std::ostream* out) { *out << ToString(verdict); }

}  // namespace tamiz::match
