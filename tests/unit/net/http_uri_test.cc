#include "core/net/http_uri.h"

#include <gtest/gtest.h>

#include <string>

#include "tests/unit/net/table.h"

namespace tamiz::net {
namespace {

TEST(HttpUri, EachHostileOneIsRefusedForItsReason) {
  std::size_t refused = 0;
  for (const auto& row : Table("hostile.tsv")) {
    const std::string& uri = row.at(1);
    if (uri.starts_with("s3:")) continue;  // tests/unit/source
    const auto parsed = ParseHttpUri(uri);
    EXPECT_EQ(parsed.ok() ? "OK" : Reason(parsed.status()), row.at(0)) << uri;
    if (parsed.ok()) continue;
    ++refused;
    EXPECT_EQ(parsed.status().code(), StatusCode::kInvalidArgument);
    if (uri.size() > 10) {
      EXPECT_EQ(Message(parsed.status()).find(uri), std::string::npos) << "messages do not repeat the URI";
    }
  }
  EXPECT_GT(refused, 80u);
  EXPECT_EQ(Reason(ParseHttpUri("https://media.example.com/" + std::string(8192, 'a')).status()),
            "URI_TOO_LONG");
  EXPECT_EQ(Reason(ParseHttpUri("https://" + std::string(100, 'a') + ".example/").status()), "URI_HOST");
}

TEST(HttpUri, Parts) {
  const auto uri = ParseHttpUri("HTTPS://Media.Example.COM:8443/A%20b?x=/y");
  ASSERT_TRUE(uri.ok());
  EXPECT_EQ(uri->scheme, Scheme::kHttps);
  EXPECT_EQ(uri->host, "media.example.com");
  EXPECT_FALSE(uri->host_is_address);
  EXPECT_EQ(uri->port, 8443);
  EXPECT_EQ(uri->target, "/A%20b?x=/y");
  EXPECT_EQ(uri->Text(), "https://media.example.com:8443/A%20b?x=/y");
  EXPECT_EQ(ParseHttpUri("http://h?x")->Text(), "http://h/?x");
  EXPECT_EQ(ParseHttpUri("http://h:80")->Text(), "http://h/");
  EXPECT_EQ(ParseHttpUri("https://h:80")->Text(), "https://h:80/");
  EXPECT_EQ(ParseHttpUri("https://[2001:DB8:0::7]/")->Text(), "https://[2001:db8::7]/");
  EXPECT_TRUE(ParseHttpUri("https://[2001:DB8:0::7]/")->host_is_address);
  EXPECT_TRUE(ParseHttpUri("https://192.0.2.7/")->host_is_address);
}

TEST(HttpUri, References) {
  const HttpUri base = *ParseHttpUri("https://h.example/a/b?q=1");
  const auto resolved = [&](std::string_view reference) {
    const auto uri = ResolveReference(base, reference);
    return uri.ok() ? uri->Text() : Reason(uri.status());
  };
  EXPECT_EQ(resolved("/c"), "https://h.example/c");
  EXPECT_EQ(resolved("c?d=e"), "https://h.example/a/c?d=e");
  EXPECT_EQ(resolved("../c"), "https://h.example/c");
  EXPECT_EQ(resolved("../../../c/./d/.."), "https://h.example/c/");
  EXPECT_EQ(resolved("?r"), "https://h.example/a/b?r");
  EXPECT_EQ(resolved(""), "https://h.example/a/b?q=1");
  EXPECT_EQ(resolved("#f"), "https://h.example/a/b?q=1");
  EXPECT_EQ(resolved("//other.example:8443/x#f"), "https://other.example:8443/x");
  EXPECT_EQ(resolved("http://other.example/x"), "http://other.example/x");
  EXPECT_EQ(resolved("x/y:z"), "https://h.example/a/x/y:z");
  EXPECT_EQ(resolved("file:///etc/passwd"), "URI_SCHEME");
  EXPECT_EQ(resolved("javascript:alert(1)"), "URI_SCHEME");
  EXPECT_EQ(resolved("//user@other.example/"), "URI_USER_INFO");
  EXPECT_EQ(resolved("//2130706433/"), "URI_HOST_NUMBER");
  EXPECT_EQ(resolved("/\\other.example"), "URI_BACKSLASH");
  EXPECT_EQ(resolved("/a b"), "URI_CONTROL_CHARACTER");
  EXPECT_EQ(resolved("///x"), "URI_AUTHORITY");
}

}  // namespace
}  // namespace tamiz::net
