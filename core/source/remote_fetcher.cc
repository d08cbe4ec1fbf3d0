#include "core/source/remote_fetcher.h"

#include <fmt/format.h>

#include <optional>
#include <string>

#include "core/net/secret_file.h"
#include "core/source/remote_rules.h"
#include "core/source/s3_uri.h"

namespace tamiz::source {
namespace {

// Builds the upload while it comes; begins anew with each attempt.
class UploadSink final : public net::BodySink {
 public:
  UploadSink(const Config& config, ByteBudget& budget, DigestMode digests)
      : config_(config), budget_(budget), digests_(digests) {}

  Status Begin(std::optional<std::uint64_t> length) override {
    builder_.reset();  // gives its bytes back first
    TAMIZ_ASSIGN_OR_RETURN(UploadBuilder builder, UploadBuilder::Start(config_, budget_, digests_));
    builder_ = std::move(builder);
    return length ? builder_->Expect(*length) : OkStatus();
  }
  Status Append(std::span<const std::uint8_t> bytes) override { return builder_->Append(bytes); }
  // After a response of 200, which begins a body even if it is empty.
  StatusOr<Upload> Seal() { return builder_->Seal(); }

 private:
  const Config& config_;
  ByteBudget& budget_;
  const DigestMode digests_;
  std::optional<UploadBuilder> builder_;
};

net::HttpLimits LimitsOf(const Config& config) {
  net::HttpLimits limits;
  limits.total_time = config.fetch_time;
  limits.connect_time = config.connect_time;
  limits.slow_bytes = config.slow_bytes;
  limits.slow_time = config.slow_time;
  limits.max_redirects = config.max_redirects;
  limits.max_attempts = config.max_attempts;
  return limits;
}

StatusOr<net::HttpRoute> RouteOf(const HttpSource& source, const net::HttpUri& first,
                                 const net::HttpUri& hop) {
  net::HttpRoute route{.allow_private = source.allow_private, .ca_file = source.ca_file};
  if (!source.authorization_file.empty() && hop.scheme == net::Scheme::kHttps && hop.SameOrigin(first)) {
    TAMIZ_ASSIGN_OR_RETURN(const std::string value,
                           net::ReadSecret(source.authorization_file, "source.http.authorization_file"));
    route.headers.push_back("Authorization: " + value);
  }
  return route;
}

StatusOr<net::HttpRoute> RouteOf(const S3Source& source) {
  net::HttpRoute route{.allow_private = source.allow_private, .ca_file = source.ca_file};
  if (source.access_key_id_file.empty()) return route;
  net::AwsSignature signature{.region = source.region};
  TAMIZ_ASSIGN_OR_RETURN(signature.access_key_id,
                         net::ReadSecret(source.access_key_id_file, "source.s3.access_key_id_file"));
  TAMIZ_ASSIGN_OR_RETURN(signature.secret_access_key,
                         net::ReadSecret(source.secret_access_key_file, "source.s3.secret_access_key_file"));
  if (!source.session_token_file.empty()) {
    TAMIZ_ASSIGN_OR_RETURN(signature.session_token,
                           net::ReadSecret(source.session_token_file, "source.s3.session_token_file"));
  }
  route.signature = std::move(signature);
  return route;
}

// Where an object's bytes are.
StatusOr<net::HttpUri> PlaceOf(const S3Source& source, const S3Object& object) {
  TAMIZ_ASSIGN_OR_RETURN(net::HttpUri uri, net::ParseHttpUri(source.endpoint));
  uri.target = TargetOf(object, source.path_style);
  if (!source.path_style) uri.host = object.bucket + "." + uri.host;
  return uri;
}

// The code in S3's answer, such as NoSuchKey; empty if there is none. Letters only: it goes into messages.
std::string_view CodeIn(std::string_view xml) {
  constexpr std::string_view kBegin = "<Code>";
  const std::size_t begin = xml.find(kBegin);
  if (begin == std::string_view::npos) return {};
  xml.remove_prefix(begin + kBegin.size());
  const std::string_view code = xml.substr(0, xml.find('<'));
  const auto is_letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
  return code.size() <= 64 && std::all_of(code.begin(), code.end(), is_letter) ? code : std::string_view();
}

}  // namespace

StatusOr<std::unique_ptr<RemoteFetcher>> RemoteFetcher::Make(const Config& config, ByteBudget& budget,
                                                             DigestMode digests, net::HttpClient& client) {
  if (const std::vector<std::string> problems = ProblemsOf(config); !problems.empty()) {
    return InvalidArgument(problems.front());
  }
  for (const HttpSource& source : config.http) {
    if (source.authorization_file.empty()) continue;
    TAMIZ_RETURN_IF_ERROR(
        net::ReadSecret(source.authorization_file, "source.http.authorization_file").status());
  }
  for (const S3Source& source : config.s3) TAMIZ_RETURN_IF_ERROR(RouteOf(source).status());
  return std::unique_ptr<RemoteFetcher>(new RemoteFetcher(config, budget, digests, client));
}

StatusOr<Upload> RemoteFetcher::FetchHttp(std::string_view text, const CallContext& context) {
  StatusOr<net::HttpUri> uri = net::ParseHttpUri(text);
  if (!uri.ok()) return WithField(uri.status(), "uri");
  StatusOr<const HttpSource*> source = FindSource(config_.http, *uri);
  if (!source.ok()) return WithField(source.status(), "uri");
  net::HttpRequest request{.uri = *uri, .limits = LimitsOf(config_)};
  request.route = [this, first = *uri](const net::HttpUri& hop) -> StatusOr<net::HttpRoute> {
    TAMIZ_ASSIGN_OR_RETURN(const HttpSource* const its_source, FindSource(config_.http, hop));
    return RouteOf(*its_source, first, hop);
  };
  return Fetch(std::move(request), context, fmt::format("source '{}'", (*source)->name));
}

StatusOr<Upload> RemoteFetcher::FetchS3(std::string_view text, const CallContext& context) {
  StatusOr<S3Object> object = ParseS3Uri(text);
  if (!object.ok()) return WithField(object.status(), "uri");
  StatusOr<const S3Source*> source = FindSource(config_.s3, object->bucket);
  if (!source.ok()) return WithField(source.status(), "uri");
  TAMIZ_ASSIGN_OR_RETURN(net::HttpUri uri, PlaceOf(**source, *object));
  net::HttpRequest request{.uri = std::move(uri), .limits = LimitsOf(config_)};
  request.limits.max_redirects = 0;  // a signature is for one host and one path
  request.route = [source = *source](const net::HttpUri&) { return RouteOf(*source); };
  StatusOr<Upload> upload = Fetch(std::move(request), context, fmt::format("source '{}'", (*source)->name));
  if (!upload.ok() && Reason(upload.status()) == "REDIRECT_LIMIT") {
    return MakeError(StatusCode::kFailedPrecondition,
                     fmt::format("source '{}' answered with a redirect: its endpoint or region is not the "
                                 "bucket's",
                                 (*source)->name),
                     "SOURCE_STATUS");
  }
  return upload;
}

StatusOr<Upload> RemoteFetcher::Fetch(net::HttpRequest request, const CallContext& context,
                                      std::string_view source) {
  UploadSink sink(config_, budget_, digests_);
  TAMIZ_ASSIGN_OR_RETURN(const net::HttpResponse response, client_.Get(request, sink, context));
  if (response.status == 200) return sink.Seal();
  const std::string_view code = CodeIn(response.error_body);
  return net::StatusOfResponse(response,
                               code.empty() ? std::string(source) : fmt::format("{} ({})", source, code));
}

}  // namespace tamiz::source
