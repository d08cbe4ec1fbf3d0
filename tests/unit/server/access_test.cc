#include "server/access.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "server/new_token.h"
#include "tests/unit/scan/fakes.h"

namespace tamiz::server {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

class AccessTest : public testing::Test {
 protected:
  config::PrincipalConfig Principal(const std::string& name, std::vector<std::string> roles) {
    config::PrincipalConfig principal;
    principal.name = name;
    principal.roles = std::move(roles);
    const NewToken made = MakeToken();
    tokens_[name] = "Bearer " + made.token;
    principal.token_sha256 = {made.sha256};
    return principal;
  }
  Credentials Token(const std::string& name) { return {.authorization = tokens_.at(name)}; }
  static Credentials Certificate(std::vector<std::string> names) {
    return {.certificate_names = std::move(names)};
  }

  config::AuthConfig config_;
  std::map<std::string, std::string> tokens_;
  metrics::Metrics metrics_;
  scan::FakeClock clock_;
};

TEST_F(AccessTest, WithoutPrincipalsEverybodyMayEverything) {
  AccessControl access(config_, metrics_, clock_);
  const Pass pass = access.Enter({}, "ListService/ExportEntries");
  EXPECT_TRUE(pass.status().ok());
  EXPECT_EQ(pass.principal(), "anonymous");
  EXPECT_THAT(metrics_.Text(),
              HasSubstr("tamiz_principal_calls_total{outcome=\"admitted\",principal=\"anonymous\"} 1"));
}

TEST_F(AccessTest, ATokenIsItsPrincipalWhoMayWhatItsRolesSay) {
  config_.principals = {Principal("uploads", {"scan"}), Principal("curators", {"lists.read", "lists.write"})};
  AccessControl access(config_, metrics_, clock_);
  EXPECT_TRUE(access.Enter(Token("uploads"), "ScanService/Scan").status().ok());
  EXPECT_EQ(access.Enter(Token("uploads"), "ScanService/Scan").principal(), "uploads");
  EXPECT_TRUE(access.Enter(Token("curators"), "ListService/ImportEntries").status().ok());
  const Pass denied = access.Enter(Token("uploads"), "ListService/ExportEntries");
  EXPECT_EQ(denied.status().code(), StatusCode::kPermissionDenied);
  EXPECT_EQ(Reason(denied.status()), "ROLE_MISSING");
  EXPECT_THAT(Message(denied.status()), HasSubstr("needs the role \"export\""));
  // No role includes another.
  EXPECT_FALSE(access.Enter(Token("curators"), "ScanService/Scan").status().ok());
  const std::string text = metrics_.Text();
  EXPECT_THAT(text, HasSubstr("tamiz_principal_calls_total{outcome=\"admitted\",principal=\"uploads\"} 2"));
  EXPECT_THAT(text, HasSubstr("tamiz_principal_calls_total{outcome=\"denied\",principal=\"uploads\"} 1"));
}

TEST_F(AccessTest, WhoeverIsNobodyIsUnauthenticated) {
  config_.principals = {Principal("uploads", {"scan"})};
  AccessControl access(config_, metrics_, clock_);
  const auto reason = [&](const Credentials& shown) {
    const Pass pass = access.Enter(shown, "ScanService/Scan");
    EXPECT_EQ(pass.status().code(), StatusCode::kUnauthenticated);
    EXPECT_EQ(pass.principal(), "unauthenticated");
    return Reason(pass.status());
  };
  EXPECT_EQ(reason({}), "CREDENTIALS_MISSING");
  EXPECT_EQ(reason({.authorization = "Bearer guess"}), "TOKEN_UNKNOWN");
  EXPECT_EQ(reason({.authorization = "Basic dXNlcjpwYXNz"}), "AUTHORIZATION_MALFORMED");
  EXPECT_EQ(reason({.authorization = "Bearer "}), "AUTHORIZATION_MALFORMED");
  EXPECT_EQ(reason({.authorization = ""}), "AUTHORIZATION_MALFORMED");  // also: given twice
  EXPECT_EQ(reason({.authorization = tokens_["uploads"].substr(7)}), "AUTHORIZATION_MALFORMED");
  // The sum is what stands in the configuration; whoever reads it there cannot use it.
  const std::string sum = "Bearer " + config_.principals[0].token_sha256[0];
  EXPECT_EQ(reason({.authorization = sum}), "TOKEN_UNKNOWN");
  const std::string longer = tokens_["uploads"] + "0";
  EXPECT_EQ(reason({.authorization = longer}), "TOKEN_UNKNOWN");
  EXPECT_EQ(reason({.authorization = std::string_view(longer).substr(0, longer.size() - 2)}),
            "TOKEN_UNKNOWN");
  EXPECT_EQ(reason(Certificate({"cn:somebody"})), "CERTIFICATE_UNKNOWN");
}

TEST_F(AccessTest, TheSchemeIsReadInAnyCase) {
  config_.principals = {Principal("uploads", {"scan"})};
  AccessControl access(config_, metrics_, clock_);
  for (const char* scheme : {"bearer ", "BEARER ", "Bearer "}) {
    const std::string shown = scheme + tokens_["uploads"].substr(7);
    EXPECT_TRUE(access.Enter({.authorization = shown}, "ScanService/Scan").status().ok()) << scheme;
  }
}

TEST_F(AccessTest, ACertificateIsItsPrincipalByAnyOfItsNames) {
  config_.principals = {Principal("uploads", {"scan"}), Principal("curators", {"lists.read"})};
  config_.principals[0].certificates = {"uri:spiffe://example.org/uploads", "dns:uploads.example.org"};
  config_.principals[1].certificates = {"cn:curators"};
  AccessControl access(config_, metrics_, clock_);
  EXPECT_EQ(access.Enter(Certificate({"dns:other", "uri:spiffe://example.org/uploads"}), "ScanService/Scan")
                .principal(),
            "uploads");
  EXPECT_EQ(access.Enter(Certificate({"cn:curators"}), "ListService/GetList").principal(), "curators");
  // The kind of a name counts.
  EXPECT_FALSE(access.Enter(Certificate({"cn:uploads.example.org"}), "ScanService/Scan").status().ok());
  // A token that is shown decides alone.
  Credentials both = Certificate({"cn:curators"});
  both.authorization = "Bearer guess";
  EXPECT_EQ(Reason(access.Enter(both, "ListService/GetList").status()), "TOKEN_UNKNOWN");
  both.authorization = tokens_["uploads"];
  EXPECT_EQ(access.Enter(both, "ScanService/Scan").principal(), "uploads");
}

TEST_F(AccessTest, OneTokenTakesOverFromAnother) {
  config_.principals = {Principal("uploads", {"scan"})};
  const std::string old = tokens_["uploads"];
  config_.principals[0].token_sha256.push_back(Principal("uploads", {}).token_sha256[0]);
  AccessControl access(config_, metrics_, clock_);
  EXPECT_TRUE(access.Enter({.authorization = old}, "ScanService/Scan").status().ok());
  EXPECT_TRUE(access.Enter(Token("uploads"), "ScanService/Scan").status().ok());
}

TEST_F(AccessTest, AReloadTakesOverAndKeepsWhatRuns) {
  config_.principals = {Principal("uploads", {"scan"}), Principal("gone", {"scan"})};
  config_.principals[0].max_calls_in_flight = 2;
  AccessControl access(config_, metrics_, clock_);
  const Pass running = access.Enter(Token("uploads"), "ScanService/Scan");
  const Pass of_gone = access.Enter(Token("gone"), "ScanService/Scan");
  const Credentials gone = Token("gone");
  config_.principals.pop_back();
  config_.principals[0].max_calls_in_flight = 1;
  config_.principals.push_back(Principal("new", {"admin"}));
  access.Reconfigure(config_);
  EXPECT_EQ(Reason(access.Enter(gone, "ScanService/Scan").status()), "TOKEN_UNKNOWN");
  EXPECT_TRUE(access.Enter(Token("new"), "AdminService/GetStatus").status().ok());
  // The call from before the reload still has its place.
  const Pass refused = access.Enter(Token("uploads"), "ScanService/Scan");
  EXPECT_EQ(Reason(refused.status()), "QUOTA_CALLS_IN_FLIGHT");
  EXPECT_THAT(metrics_.Text(),
              HasSubstr("tamiz_principal_calls_total{outcome=\"over_quota\",principal=\"uploads\"} 1"));
  EXPECT_THAT(metrics_.Text(), Not(HasSubstr("principal=\"gone\"")));
}

TEST_F(AccessTest, APassGivesItsPlaceBack) {
  config_.principals = {Principal("uploads", {"scan"})};
  config_.principals[0].max_calls_in_flight = 1;
  AccessControl access(config_, metrics_, clock_);
  for (int i = 0; i < 3; ++i) {
    Pass pass = access.Enter(Token("uploads"), "ScanService/Scan");
    EXPECT_TRUE(pass.status().ok());
    const Pass moved = std::move(pass);
    EXPECT_FALSE(access.Enter(Token("uploads"), "ScanService/Scan").status().ok());
  }
}

TEST(NewToken, IsLongRandomAndFitsItsSum) {
  const NewToken one = MakeToken();
  EXPECT_THAT(one.token, StartsWith("tamiz_"));
  EXPECT_EQ(one.token.size(), 6u + 64u);
  EXPECT_EQ(one.sha256.size(), 64u);
  EXPECT_NE(one.token, MakeToken().token);
}

}  // namespace
}  // namespace tamiz::server
