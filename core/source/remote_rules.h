// Which remote source serves a URI: the configuration, checked and looked up.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/net/http_uri.h"
#include "core/source/remote.h"
#include "core/source/upload.h"

namespace tamiz::source {

// What is wrong with `config.http` and `config.s3`, one line each, keys named; empty if nothing is. Reads no
// file.
[[nodiscard]] std::vector<std::string> ProblemsOf(const Config& config);

// The source that serves `uri`. PERMISSION_DENIED: HOST_NOT_ALLOWED, SCHEME_NOT_ALLOWED, PORT_NOT_ALLOWED.
// Messages do not repeat the URI. `sources` were found without fault.
[[nodiscard]] StatusOr<const HttpSource*> FindSource(const std::vector<HttpSource>& sources,
                                                     const net::HttpUri& uri);

// The source of a bucket; one that names it goes before "*". PERMISSION_DENIED: BUCKET_NOT_ALLOWED.
[[nodiscard]] StatusOr<const S3Source*> FindSource(const std::vector<S3Source>& sources,
                                                   std::string_view bucket);

}  // namespace tamiz::source
