// The process side of tamiz-decoder.
#pragma once

namespace tamiz::decoder {

// Serves the socket at sandbox::kSocketFd: warms up, confines itself, then forks a decoder for each request
// until the server closes. The exit code of main.
//
// Never returns in a forked decoder: it prepares its memory, confines itself, waits for one job, decodes,
// exits.
[[nodiscard]] int RunZygote();

}  // namespace tamiz::decoder
