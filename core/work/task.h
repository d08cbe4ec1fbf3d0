// A piece of work that runs once.
#pragma once

#include "absl/functional/any_invocable.h"

namespace tamiz::work {

// Any callable, move-only ones too. Must not throw: an exception that escapes ends the process.
using Task = absl::AnyInvocable<void()>;

}  // namespace tamiz::work
