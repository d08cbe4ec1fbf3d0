#include "core/source/fetcher.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "core/source/file_uri.h"
#include "core/source/open_beneath.h"

namespace tamiz::source {
namespace {

namespace fs = std::filesystem;

TEST(FileUri, NamesAPath) {
  EXPECT_EQ(*PathOfFileUri("file:///a/b.jpg"), "/a/b.jpg");
  EXPECT_EQ(*PathOfFileUri("file://localhost/a"), "/a");
  EXPECT_EQ(*PathOfFileUri("FILE://LocalHost/a"), "/a");
  EXPECT_EQ(*PathOfFileUri("file:/a"), "/a");
  EXPECT_EQ(*PathOfFileUri("file:///a%20b/%C3%A9%3F%23%25"), "/a b/\xc3\xa9?#%");
  EXPECT_EQ(*PathOfFileUri("file:///a/./b//c/../d/"), "/a/b/d");
  EXPECT_EQ(*PathOfFileUri("file:///a/%2e%2E/b"), "/b");
  EXPECT_EQ(*PathOfFileUri("file:///../../a"), "/a");
  EXPECT_EQ(*PathOfFileUri("file:///"), "/");
}

TEST(FileUri, RefusesWhatItCannotMean) {
  using std::string_literals::operator""s;
  for (const std::string& uri : {""s,
                                 "a"s,
                                 "/a/b"s,
                                 ":x"s,
                                 "http://host/a"s,
                                 "https://host/a"s,
                                 "s3://bucket/key"s,
                                 "file:"s,
                                 "file:a"s,
                                 "file://"s,
                                 "file://host"s,
                                 "file://host/a"s,
                                 "file://127.0.0.1/a"s,
                                 "file:///a?x"s,
                                 "file:///a#x"s,
                                 "file:///a%"s,
                                 "file:///a%2"s,
                                 "file:///a%zz"s,
                                 "file:///a%00b"s,
                                 "file:///a%2fb"s,
                                 "file:///a\0b"s}) {
    const auto path = PathOfFileUri(uri);
    EXPECT_EQ(path.status().code(), StatusCode::kInvalidArgument) << uri;
    EXPECT_EQ(Field(path.status()), "uri") << uri;
  }
  EXPECT_THAT(
      Message(PathOfFileUri("s3://bucket/secret").status()),
      testing::AllOf(testing::HasSubstr("supported: file"), testing::Not(testing::HasSubstr("secret"))));
}

// A tree with everything that a root may hold.
class FetcherTest : public testing::Test {
 protected:
  FetcherTest() {
    std::string name = testing::TempDir() + "/tamiz-fetcher-XXXXXX";
    base_ = mkdtemp(name.data());
    fs::create_directories(base_ + "/root/sub");
    fs::create_directories(base_ + "/other");
    fs::create_directories(base_ + "/root-not");
    Write("/root/a b.jpg", "inside");
    Write("/root/sub/c", "deeper");
    Write("/other/secret", "outside");
    Write("/root-not/d", "neighbour");
    fs::create_symlink("sub/c", base_ + "/root/link_in");
    fs::create_symlink("sub", base_ + "/root/dir_in");
    fs::create_symlink("../other/secret", base_ + "/root/link_out");
    fs::create_symlink(base_ + "/other", base_ + "/root/dir_out");
    fs::create_symlink(base_ + "/root/sub/c", base_ + "/root/link_absolute");
    fs::create_symlink("loop", base_ + "/root/loop");
    fs::create_symlink(base_ + "/root", base_ + "/root_by_link");
    EXPECT_EQ(mkfifo((base_ + "/root/fifo").c_str(), 0600), 0);
    config_.file_roots = {base_ + "/root"};
    config_.max_bytes = 1000;
  }
  ~FetcherTest() override { fs::remove_all(base_); }

  void Write(const std::string& path, const std::string& text) const { std::ofstream(base_ + path) << text; }

  StatusOr<Upload> Fetch(const std::string& path, const CallContext& context = {}) {
    auto fetcher = MakeFetcher(config_, budget_);
    if (!fetcher.ok()) return fetcher.status();
    return (*fetcher)->Fetch("file://" + base_ + path, context);
  }
  std::string Text(const std::string& path) {
    const auto upload = Fetch(path);
    if (!upload.ok()) return upload.status().ToString();
    std::string text(upload->size_bytes, '\0');
    EXPECT_EQ(pread(upload->fd.get(), text.data(), text.size(), 0), static_cast<ssize_t>(text.size()));
    return text;
  }
  StatusCode Code(const std::string& path) { return Fetch(path).status().code(); }

  std::string base_;
  Config config_;
  ByteBudget budget_{1 << 20};
};

TEST_F(FetcherTest, BringsInFilesBelowARoot) {
  EXPECT_EQ(Text("/root/a%20b.jpg"), "inside");
  EXPECT_EQ(Text("/root/sub/c"), "deeper");
  EXPECT_EQ(Text("/root/sub/../sub/./c"), "deeper");
  const auto upload = Fetch("/root/sub/c");
  ASSERT_TRUE(upload.ok());
  EXPECT_EQ(upload->digests, hash::DigestsOf({reinterpret_cast<const std::uint8_t*>("deeper"), 6}));
  EXPECT_EQ(budget_.in_use(), 6u);
}

TEST_F(FetcherTest, FollowsLinksThatStayInside) {
  EXPECT_EQ(Text("/root/link_in"), "deeper");
  EXPECT_EQ(Text("/root/dir_in/c"), "deeper");
}

TEST_F(FetcherTest, RefusesWhatLeadsOut) {
  for (const char* path :
       {"/root/link_out", "/root/dir_out/secret", "/root/loop", "/other/secret", "/root-not/d",
        "/root/../other/secret", "/root/%2e%2e/other/secret", "/root/sub/../../other/secret"}) {
    const Status status = Fetch(path).status();
    EXPECT_EQ(status.code(), StatusCode::kPermissionDenied) << path << status;
    EXPECT_EQ(Field(status), "uri");
    EXPECT_THAT(Message(status), testing::Not(testing::HasSubstr("secret")));
  }
  // An absolute link is judged from the machine's root, not from ours.
  EXPECT_EQ(Code("/root/link_absolute"), StatusCode::kPermissionDenied);
}

TEST_F(FetcherTest, TellsNothingOfWhatIsOutside) {
  const Status exists = Fetch("/other/secret").status();
  const Status does_not = Fetch("/other/no_such_file").status();
  EXPECT_EQ(exists, does_not);
}

TEST_F(FetcherTest, ReportsWhatIsMissingOrNoFile) {
  EXPECT_EQ(Code("/root/nothing"), StatusCode::kNotFound);
  EXPECT_EQ(Code("/root/sub/c/d"), StatusCode::kNotFound);
  EXPECT_EQ(Code("/root/sub"), StatusCode::kInvalidArgument);
  EXPECT_EQ(Code("/root"), StatusCode::kInvalidArgument);
  EXPECT_EQ(Code("/root/fifo"), StatusCode::kInvalidArgument);  // and does not wait for a writer
  EXPECT_EQ(Code("/root/" + std::string(300, 'x')), StatusCode::kInvalidArgument);
}

TEST_F(FetcherTest, RefusesDevices) {
  config_.file_roots = {"/dev"};
  auto fetcher = MakeFetcher(config_, budget_);
  ASSERT_TRUE(fetcher.ok());
  EXPECT_EQ((*fetcher)->Fetch("file:///dev/zero", {}).status().code(), StatusCode::kInvalidArgument);
}

TEST_F(FetcherTest, AcceptsARootByEitherName) {
  config_.file_roots = {base_ + "/root_by_link/"};
  EXPECT_EQ(Text("/root_by_link/sub/c"), "deeper");
  EXPECT_EQ(Text("/root/sub/c"), "deeper");
  EXPECT_EQ(Code("/other/secret"), StatusCode::kPermissionDenied);
}

TEST_F(FetcherTest, TriesEveryRootThatCoversThePath) {
  config_.file_roots = {base_ + "/root/sub", base_};
  EXPECT_EQ(Text("/root/sub/c"), "deeper");
  fs::create_symlink("../../other/secret", base_ + "/root/sub/up");
  EXPECT_EQ(Text("/root/sub/up"), "outside");  // inside the wider root
}

TEST_F(FetcherTest, IsOffWithoutRoots) {
  config_.file_roots = {};
  const Status status = Fetch("/root/sub/c").status();
  EXPECT_EQ(status.code(), StatusCode::kPermissionDenied);
  EXPECT_THAT(Message(status), testing::HasSubstr("file_roots is empty"));
}

TEST_F(FetcherTest, StopsTheStartOnARootThatIsNone) {
  for (const std::string& root : {base_ + "/nothing", base_ + "/root/sub/c", std::string()}) {
    config_.file_roots = {root};
    const auto fetcher = MakeFetcher(config_, budget_);
    EXPECT_EQ(fetcher.status().code(), StatusCode::kInvalidArgument) << root;
  }
}

TEST_F(FetcherTest, KeepsTheLimits) {
  Write("/root/fits", std::string(1000, 'x'));
  Write("/root/too_large", std::string(1001, 'x'));
  EXPECT_EQ(Text("/root/fits"), std::string(1000, 'x'));
  const Status status = Fetch("/root/too_large").status();
  EXPECT_EQ(status.code(), StatusCode::kOutOfRange);
  EXPECT_EQ(Reason(status), "BYTE_LIMIT");
  ByteBudget::Share other;
  ASSERT_TRUE(budget_.Take(other, (1 << 20) - 500).ok());
  EXPECT_EQ(Reason(Fetch("/root/fits").status()), "BYTE_BUDGET");
}

TEST_F(FetcherTest, StopsWhenNobodyWaits) {
  CallContext late;
  late.deadline = SteadyTime::min();
  EXPECT_EQ(Fetch("/root/sub/c", late).status().code(), StatusCode::kDeadlineExceeded);
  std::stop_source stop;
  stop.request_stop();
  CallContext gone;
  gone.stop = stop.get_token();
  EXPECT_EQ(Fetch("/root/sub/c", gone).status().code(), StatusCode::kCancelled);
  EXPECT_EQ(budget_.in_use(), 0u);
}

TEST_F(FetcherTest, OtherSchemesAreRefusedByName) {
  auto fetcher = MakeFetcher(config_, budget_);
  ASSERT_TRUE(fetcher.ok());
  for (const char* uri : {"ftp://x", "httpx://x", "s3:/bucket/x"}) {
    const Status status = (*fetcher)->Fetch(uri, {}).status();
    EXPECT_EQ(status.code(), StatusCode::kInvalidArgument) << uri;
    EXPECT_EQ(Field(status), "uri");
    EXPECT_THAT(Message(status), testing::HasSubstr("supported: file"));
  }
}

TEST_F(FetcherTest, TheNetworkIsOffUnlessASourceIsConfigured) {
  auto fetcher = MakeFetcher(config_, budget_);
  ASSERT_TRUE(fetcher.ok());
  const std::pair<const char*, const char*> kRefused[] = {{"http://x/y", "HOST_NOT_ALLOWED"},
                                                          {"HTTPS://x/y", "HOST_NOT_ALLOWED"},
                                                          {"s3://bucket/y", "BUCKET_NOT_ALLOWED"}};
  for (const auto& [uri, reason] : kRefused) {
    const Status status = (*fetcher)->Fetch(uri, {}).status();
    EXPECT_EQ(status.code(), StatusCode::kPermissionDenied) << uri;
    EXPECT_EQ(Field(status), "uri");
    EXPECT_EQ(Reason(status), reason);
  }
}

TEST_F(FetcherTest, SourcesThatAreSetUpWronglyStopTheStart) {
  config_.http = {{.name = "a", .hosts = {"h."}}};
  EXPECT_EQ(MakeFetcher(config_, budget_).status().code(), StatusCode::kInvalidArgument);
  config_.http = {{.name = "a", .hosts = {"h.example"}, .authorization_file = base_ + "/nowhere"}};
  EXPECT_EQ(Reason(MakeFetcher(config_, budget_).status()), "SECRET_UNREADABLE");
  config_.http = {};
  config_.s3 = {{.name = "a",
                 .endpoint = "https://s3.example",
                 .buckets = {"*"},
                 .access_key_id_file = base_ + "/nowhere",
                 .secret_access_key_file = base_ + "/nowhere"}};
  EXPECT_EQ(Reason(MakeFetcher(config_, budget_).status()), "SECRET_UNREADABLE");
}

TEST_F(FetcherTest, TheWalkIsAsStrictAsOpenat2) {
  const UniqueFd root(open((base_ + "/root").c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  const auto code = [&](const char* path) {
    return OpenBeneath(root.get(), path, Resolver::kByWalking).status().code();
  };
  EXPECT_EQ(code("a b.jpg"), StatusCode::kOk);
  EXPECT_EQ(code("sub/c"), StatusCode::kOk);
  // It follows no link at all.
  for (const char* path : {"link_in", "dir_in/c", "link_out", "dir_out/secret", "loop", "link_absolute",
                           "../other", "sub/../../other/secret", ".."}) {
    EXPECT_EQ(code(path), StatusCode::kPermissionDenied) << path;
  }
  EXPECT_EQ(code("nothing"), StatusCode::kNotFound);
  EXPECT_EQ(code("sub/c/d"), StatusCode::kNotFound);
  EXPECT_EQ(code("sub"), StatusCode::kInvalidArgument);
  EXPECT_EQ(code("fifo"), StatusCode::kInvalidArgument);
  EXPECT_EQ(code("."), StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace tamiz::source
