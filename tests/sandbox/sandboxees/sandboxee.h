// A decoder program that misbehaves on order: the real process side around media code that does what the
// upload's text says.
#pragma once

#include <sys/types.h>

#include <span>
#include <string_view>

#include "decoder/channel_sink.h"

namespace tamiz::decoder::sandboxee {

struct Behaviour {
  std::string_view name;  // the upload's first word
  void (*run)(const DecodeJob& job, ChannelSink& sink);
};

// The server's process, every decoder's parent. A confined decoder cannot ask: getppid() would end it before
// what it is to be ended for.
pid_t ServerPid();

// Honest work, to show that what came before did no harm: three frames of PatternByte.
std::span<const Behaviour> Honest();
// Reaches for what a decoder must not have.
std::span<const Behaviour> Escapes();
// Takes more than its share.
std::span<const Behaviour> Hogs();
// Says what is not so.
std::span<const Behaviour> Liars();

}  // namespace tamiz::decoder::sandboxee
