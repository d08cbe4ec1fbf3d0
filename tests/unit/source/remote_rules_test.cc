#include "core/source/remote_rules.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tamiz::source {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const std::vector<HttpSource> kSources = {
    {.name = "exact", .hosts = {"media.example.com", "[2001:DB8::7]", "192.0.2.7"}},
    {.name = "below", .hosts = {"*.Example.com"}, .schemes = {"https", "http"}, .ports = {"443", "8080"}},
};

std::string Found(std::string_view uri) {
  const auto source = FindSource(kSources, *net::ParseHttpUri(uri));
  return source.ok() ? (*source)->name : Reason(source.status());
}

TEST(RemoteRules, TheFirstSourceThatNamesTheHost) {
  EXPECT_EQ(Found("https://media.example.com/a"), "exact");
  EXPECT_EQ(Found("https://MEDIA.example.com/a"), "exact");
  EXPECT_EQ(Found("https://[2001:db8:0::7]/a"), "exact");
  EXPECT_EQ(Found("https://192.0.2.7/a"), "exact");
  EXPECT_EQ(Found("https://a.b.example.com/"), "below");
  EXPECT_EQ(Found("http://a.example.com:8080/"), "below");
}

TEST(RemoteRules, WhatNoSourceNamesIsRefused) {
  EXPECT_EQ(Found("https://example.com/"), "HOST_NOT_ALLOWED") << "*.name is not the name itself";
  EXPECT_EQ(Found("https://badexample.com/"), "HOST_NOT_ALLOWED");
  EXPECT_EQ(Found("https://media.example.com.attacker.example/"), "HOST_NOT_ALLOWED");
  EXPECT_EQ(Found("https://192.0.2.8/"), "HOST_NOT_ALLOWED");
  EXPECT_EQ(Found("http://media.example.com/a"), "SCHEME_NOT_ALLOWED");
  EXPECT_EQ(Found("https://media.example.com:8443/a"), "PORT_NOT_ALLOWED");
  EXPECT_EQ(Found("http://a.example.com/"), "PORT_NOT_ALLOWED");
  const auto none = FindSource(std::vector<HttpSource>{}, *net::ParseHttpUri("https://h.example/"));
  EXPECT_EQ(none.status().code(), StatusCode::kPermissionDenied);
  EXPECT_THAT(Message(none.status()), HasSubstr("[[source.http]]"));
}

TEST(RemoteRules, Buckets) {
  const std::vector<S3Source> sources = {{.name = "rest", .buckets = {"*"}},
                                         {.name = "own", .buckets = {"mine", "ours"}}};
  EXPECT_EQ((*FindSource(sources, "ours"))->name, "own") << "a name goes before *";
  EXPECT_EQ((*FindSource(sources, "theirs"))->name, "rest");
  EXPECT_EQ(Reason(FindSource({sources[1]}, "theirs").status()), "BUCKET_NOT_ALLOWED");
}

TEST(RemoteRules, FaultsAreNamed) {
  Config config;
  EXPECT_THAT(ProblemsOf(config), IsEmpty());
  config.http = kSources;
  config.s3 = {{.name = "a", .endpoint = "https://s3.example:9000", .buckets = {"b"}}};
  EXPECT_THAT(ProblemsOf(config), IsEmpty());

  const auto http = [](HttpSource source) {
    Config one;
    one.http.push_back(std::move(source));
    return ProblemsOf(one);
  };
  EXPECT_THAT(http({.name = "a b", .hosts = {"h"}}), ElementsAre(HasSubstr("source.http.name")));
  for (const char* host : {"", "h/x", "*.192.0.2.7", "0x7f.1", "h.", "*.*.h", "http://h", "[::1"}) {
    EXPECT_THAT(http({.name = "a", .hosts = {host}}), ElementsAre(HasSubstr("source.http.hosts of 'a'")))
        << host;
  }
  EXPECT_THAT(http({.name = "a", .hosts = {"h"}, .ports = {"0"}}), ElementsAre(HasSubstr("'0' is no port")));
  EXPECT_THAT(http({.name = "a", .hosts = {"h"}, .ports = {"1/x"}}), ElementsAre(HasSubstr("is no port")));
  EXPECT_THAT(http({.name = "a", .hosts = {"*"}, .allow_private = true}),
              ElementsAre(HasSubstr("source.http.allow_private")));
  EXPECT_THAT(http({.name = "a", .hosts = {"h"}, .schemes = {"http"}, .authorization_file = "f"}),
              ElementsAre(HasSubstr("https only")));
  Config twice;
  twice.http = {kSources[0], kSources[0]};
  EXPECT_THAT(ProblemsOf(twice), ElementsAre(HasSubstr("it is taken")));

  const auto s3 = [](S3Source source) {
    Config one;
    source.name = "a";
    one.s3.push_back(std::move(source));
    return ProblemsOf(one);
  };
  EXPECT_THAT(s3({.endpoint = "s3.example"}), ElementsAre(HasSubstr("source.s3.endpoint")));
  EXPECT_THAT(s3({.endpoint = "https://k:s@s3.example"}), ElementsAre(HasSubstr("source.s3.endpoint")));
  EXPECT_THAT(s3({.endpoint = "https://s3.example/path"}),
              ElementsAre(HasSubstr("scheme, host and port only")));
  EXPECT_THAT(s3({.endpoint = "http://127.0.0.1:1"}), ElementsAre(HasSubstr("path_style = true")));
  EXPECT_THAT(s3({.endpoint = "https://s3.example", .region = "a:b"}), ElementsAre(HasSubstr("region")));
  EXPECT_THAT(s3({.endpoint = "https://s3.example", .access_key_id_file = "f"}),
              ElementsAre(HasSubstr("both or neither")));
  EXPECT_THAT(s3({.endpoint = "https://s3.example", .session_token_file = "f"}),
              ElementsAre(HasSubstr("access_key_id_file")));
  EXPECT_THAT(s3({.endpoint = "https://s3.example", .buckets = {"b", "b"}}),
              ElementsAre(HasSubstr("named twice")));
}

}  // namespace
}  // namespace tamiz::source
