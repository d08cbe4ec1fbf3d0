// What a decoder may not do, in layers. Those that children inherit are put on once in the zygote; the rest
// in each decoder, before it sees a byte of an upload.
#pragma once

#include <linux/filter.h>
#include <sys/types.h>

#include <cstdint>
#include <span>

namespace tamiz::decoder {

// To be called first in main: user namespaces can only be had with one thread. Namespaces of its own, each
// where the system grants it. Returns the bits of sandbox::Layer that were had.
[[nodiscard]] std::uint32_t EnterNamespaces();

// Called in the zygote once it is warm and needs no file any more: an empty root in the mount namespace that
// `namespaces` tells of, resource limits, no capabilities, no new privileges, Landlock. Returns the bits of
// sandbox::Layer that hold, those of `namespaces` among them. Those that a system lacks are left out.
[[nodiscard]] std::uint32_t ConfineZygote(std::uint32_t namespaces);

// Called in each decoder. Dies with `server`, and loads the system call policy. 0 if this process is not
// confined. Otherwise the bits of sandbox::Layer in force.
[[nodiscard]] std::uint32_t ConfineDecoder(pid_t server, std::span<const sock_filter> policy,
                                           std::uint32_t inherited_layers);

}  // namespace tamiz::decoder
