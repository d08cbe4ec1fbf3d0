#include <unistd.h>

#include <string_view>

#include "tests/sandbox/sandboxees/sandboxee.h"

namespace tamiz::decoder {

namespace {
pid_t server = 0;
}

pid_t sandboxee::ServerPid() { return server; }

// In the zygote, which may ask.
void WarmUp() { server = ::getppid(); }

void Decode(const DecodeJob& job, FrameSink& sink) {
  const std::string_view text(reinterpret_cast<const char*>(job.content.data()), job.content.size());
  for (const auto behaviours :
       {sandboxee::Honest(), sandboxee::Escapes(), sandboxee::Hogs(), sandboxee::Liars()}) {
    for (const sandboxee::Behaviour& behaviour : behaviours) {
      if (behaviour.name == text) return behaviour.run(job, static_cast<ChannelSink&>(sink));
    }
  }
  sink.Incomplete(media::IncompleteCode::kFormatUnknown, "no such behaviour");
}

}  // namespace tamiz::decoder
