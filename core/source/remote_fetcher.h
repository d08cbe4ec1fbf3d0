// Fetches uploads over the network.
#pragma once

#include <memory>
#include <string_view>

#include "core/base/call_context.h"
#include "core/net/http_client.h"
#include "core/source/upload.h"

namespace tamiz::source {

// http:// and https:// from configured hosts, s3:// from configured buckets. Thread-safe.
class RemoteFetcher {
 public:
  // All outlive it. INVALID_ARGUMENT for a fault in the configuration, FAILED_PRECONDITION for a file of
  // credentials that cannot be read.
  [[nodiscard]] static StatusOr<std::unique_ptr<RemoteFetcher>> Make(const Config& config, ByteBudget& budget,
                                                                     DigestMode digests,
                                                                     net::HttpClient& client);

  // Errors: those of ParseHttpUri and ParseS3Uri, with the field "uri"; of FindSource; of HttpClient::Get and
  // StatusOfResponse; of UploadBuilder.
  [[nodiscard]] StatusOr<Upload> FetchHttp(std::string_view uri, const CallContext& context);
  [[nodiscard]] StatusOr<Upload> FetchS3(std::string_view uri, const CallContext& context);

 private:
  RemoteFetcher(const Config& config, ByteBudget& budget, DigestMode digests, net::HttpClient& client)
      : config_(config), budget_(budget), digests_(digests), client_(client) {}
  StatusOr<Upload> Fetch(net::HttpRequest request, const CallContext& context, std::string_view source);

  const Config& config_;
  ByteBudget& budget_;
  const DigestMode digests_;
  net::HttpClient& client_;
};

}  // namespace tamiz::source
