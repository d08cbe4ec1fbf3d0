#include "core/source/fetcher.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <optional>

#include "core/source/file_uri.h"
#include "core/source/open_beneath.h"
#include "core/source/remote_fetcher.h"

namespace tamiz::source {
namespace {

constexpr std::size_t kPieceBytes = 128 << 10;

// A directory below which may be read, by the name given and by its real one.
struct Root {
  UniqueFd directory;
  std::string as_configured;
  std::string canonical;
};

// `path` relative to `root`; nothing if it is not below it.
std::optional<std::string> Below(const std::string& root, const std::string& path) {
  if (path == root) return ".";
  const std::string prefix = root == "/" ? root : root + "/";
  if (!path.starts_with(prefix)) return std::nullopt;
  return path.substr(prefix.size());
}

StatusOr<Root> OpenRoot(const std::string& configured) {
  const auto bad = [&](int error) {
    return InvalidArgument(
        fmt::format("source.file_roots: cannot open directory '{}': {}", configured, std::strerror(error)));
  };
  if (configured.empty()) return bad(ENOENT);
  std::error_code code;
  const std::filesystem::path absolute = std::filesystem::absolute(configured, code);
  if (code) return bad(code.value());
  const std::unique_ptr<char, decltype(&std::free)> canonical(::realpath(configured.c_str(), nullptr),
                                                              &std::free);
  if (canonical == nullptr) return bad(errno);
  Root root{.directory = UniqueFd(::open(canonical.get(), O_PATH | O_DIRECTORY | O_CLOEXEC)),
            .as_configured = NormalPath(absolute.native()),
            .canonical = canonical.get()};
  if (!root.directory.valid()) return bad(errno);
  return root;
}

class FileFetcher {
 public:
  FileFetcher(const Config& config, ByteBudget& budget, DigestMode digests, std::vector<Root> roots)
      : config_(config), budget_(budget), digests_(digests), roots_(std::move(roots)) {}

  StatusOr<Upload> Fetch(std::string_view uri, const CallContext& context) const {
    TAMIZ_ASSIGN_OR_RETURN(const std::string path, PathOfFileUri(uri));
    StatusOr<UniqueFd> file = Open(path);
    if (!file.ok()) return WithField(file.status(), "uri");
    return Copy(file->get(), context);
  }

 private:
  // Every root that covers the path is tried, for what one root's links may not reach another may hold.
  StatusOr<UniqueFd> Open(const std::string& path) const {
    Status outside =
        MakeError(StatusCode::kPermissionDenied, roots_.empty() ? "file:// is off: source.file_roots is empty"
                                                                : "the path is not below source.file_roots");
    for (const Root& root : roots_) {
      auto relative = Below(root.as_configured, path);
      if (!relative) relative = Below(root.canonical, path);
      if (!relative) continue;
      StatusOr<UniqueFd> file = OpenBeneath(root.directory.get(), *relative);
      if (file.ok() || file.status().code() != StatusCode::kPermissionDenied) return file;
      outside = file.status();
    }
    return outside;
  }

  StatusOr<Upload> Copy(int fd, const CallContext& context) const {
    const Clock& clock = Clock::System();
    TAMIZ_RETURN_IF_ERROR(context.StillWanted(clock.Now()));
    TAMIZ_ASSIGN_OR_RETURN(UploadBuilder builder, UploadBuilder::Start(config_, budget_, digests_));
    struct stat info {};
    std::size_t piece_bytes = kPieceBytes;
    if (::fstat(fd, &info) == 0 && info.st_size > 0) {
      const auto size = static_cast<std::uint64_t>(info.st_size);
      TAMIZ_RETURN_IF_ERROR(builder.Expect(size));
      piece_bytes = std::min<std::uint64_t>(kPieceBytes, size + 1);
    }
    const auto piece = std::make_unique_for_overwrite<std::uint8_t[]>(piece_bytes);
    // To the end and not to the size seen above: the file may be growing, and some file systems state no
    // size.
    while (true) {
      const ssize_t n = ::read(fd, piece.get(), piece_bytes);
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) {
        return MakeError(StatusCode::kUnavailable,
                         fmt::format("cannot read the file: {}", std::strerror(errno)));
      }
      if (n == 0) break;
      TAMIZ_RETURN_IF_ERROR(builder.Append({piece.get(), static_cast<std::size_t>(n)}));
      TAMIZ_RETURN_IF_ERROR(context.StillWanted(clock.Now()));
    }
    return builder.Seal();
  }

  const Config& config_;
  ByteBudget& budget_;
  const DigestMode digests_;
  const std::vector<Root> roots_;
};

// Each scheme by its own way.
class SchemeFetcher final : public Fetcher {
 public:
  SchemeFetcher(const Config& config, ByteBudget& budget, DigestMode digests, std::vector<Root> roots)
      : files_(config, budget, digests, std::move(roots)) {}

  Status UseRemote(const Config& config, ByteBudget& budget, DigestMode digests) {
    TAMIZ_ASSIGN_OR_RETURN(remote_, RemoteFetcher::Make(config, budget, digests, client_));
    return OkStatus();
  }

  StatusOr<Upload> Fetch(std::string_view uri, const CallContext& context) override {
    const auto has_scheme = [&](std::string_view scheme) {
      return uri.size() >= scheme.size() && strncasecmp(uri.data(), scheme.data(), scheme.size()) == 0;
    };
    if (has_scheme("http:") || has_scheme("https:")) return remote_->FetchHttp(uri, context);
    if (has_scheme("s3://")) return remote_->FetchS3(uri, context);
    return files_.Fetch(uri, context);
  }

 private:
  const FileFetcher files_;
  net::HttpClient client_;
  std::unique_ptr<RemoteFetcher> remote_;
};

}  // namespace

StatusOr<std::unique_ptr<Fetcher>> MakeFetcher(const Config& config, ByteBudget& budget, DigestMode digests) {
  std::vector<Root> roots;
  for (const std::string& configured : config.file_roots) {
    TAMIZ_ASSIGN_OR_RETURN(Root root, OpenRoot(configured));
    roots.push_back(std::move(root));
  }
  std::sort(roots.begin(), roots.end(),
            [](const Root& a, const Root& b) { return a.canonical.size() > b.canonical.size(); });
  auto fetcher = std::make_unique<SchemeFetcher>(config, budget, digests, std::move(roots));
  TAMIZ_RETURN_IF_ERROR(fetcher->UseRemote(config, budget, digests));
  return std::unique_ptr<Fetcher>(std::move(fetcher));
}

}  // namespace tamiz::source
