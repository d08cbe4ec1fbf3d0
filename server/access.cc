#include "server/access.h"

#include <fmt/format.h>
#include <grpc/grpc_security_constants.h>
#include <openssl/crypto.h>

#include <algorithm>
#include <span>

#include "core/base/check.h"
#include "core/base/hex.h"
#include "core/hash/digests.h"
#include "server/authorization.h"

namespace tamiz::server {
namespace {

constexpr std::size_t kLongestToken = 4096;

Status Unauthenticated(std::string_view message, std::string_view reason) {
  return MakeError(StatusCode::kUnauthenticated, message, reason);
}

// The token of "Bearer …"; the scheme in any case (RFC 6750, RFC 9110). Empty if it is none.
std::string_view TokenOf(std::string_view authorization) {
  constexpr std::string_view kScheme = "bearer ";
  if (authorization.size() <= kScheme.size() || authorization.size() > kLongestToken) return {};
  const bool is_bearer = std::ranges::equal(
      authorization.substr(0, kScheme.size()), kScheme,
      [](char a, char b) { return (a >= 'A' && a <= 'Z' ? static_cast<char>(a - 'A' + 'a') : a) == b; });
  return is_bearer ? authorization.substr(kScheme.size()) : std::string_view();
}

std::uint32_t BitOf(Role role) { return 1u << static_cast<unsigned>(role); }

}  // namespace

Credentials CredentialsOf(const grpc::ServerContextBase& context) {
  Credentials shown;
  const auto [first, last] = context.client_metadata().equal_range("authorization");
  if (first != last) {
    // Several are as good as none that can be read: which one counts must not be up to us.
    const bool is_one = std::next(first) == last;
    shown.authorization =
        is_one ? std::string_view(first->second.data(), first->second.size()) : std::string_view();
  }
  const auto auth = context.auth_context();
  if (auth == nullptr || !auth->IsPeerAuthenticated()) return shown;
  const auto type = auth->FindPropertyValues(GRPC_TRANSPORT_SECURITY_TYPE_PROPERTY_NAME);
  if (type.size() != 1 || type[0] != GRPC_SSL_TRANSPORT_SECURITY_TYPE) return shown;
  constexpr std::pair<const char*, std::string_view> kNames[] = {{GRPC_PEER_URI_PROPERTY_NAME, "uri:"},
                                                                 {GRPC_PEER_DNS_PROPERTY_NAME, "dns:"},
                                                                 {GRPC_X509_CN_PROPERTY_NAME, "cn:"}};
  for (const auto& [property, prefix] : kNames) {
    for (const grpc::string_ref& value : auth->FindPropertyValues(property)) {
      shown.certificate_names.push_back(std::string(prefix).append(value.data(), value.size()));
    }
  }
  return shown;
}

Status Pass::TakeOne() { return quota_ ? quota_->TakeOne() : OkStatus(); }

void Pass::AddBytes(std::uint64_t bytes) {
  if (quota_) quota_->AddBytes(bytes);
}

Pass::~Pass() {
  if (quota_) quota_->EndCall();
}

AccessControl::AccessControl(const config::AuthConfig& config, metrics::Metrics& metrics, const Clock& clock)
    : metrics_(metrics), clock_(clock) {
  Reconfigure(config);
}

void AccessControl::Reconfigure(const config::AuthConfig& config) {
  const std::shared_ptr<const Table> before = Current();
  auto table = std::make_shared<Table>();
  std::vector<std::string> names;
  for (const config::PrincipalConfig& given : config.principals) {
    const std::size_t index = table->principals.size();
    Principal principal{.name = given.name};
    for (const std::string& role : given.roles) {
      const auto at = std::ranges::find(config::kRoles, role);
      if (at != config::kRoles.end())
        principal.roles |= BitOf(static_cast<Role>(at - config::kRoles.begin()));
    }
    const QuotaLimits limits{given.max_calls_per_second, given.max_calls_in_flight,
                             given.max_bytes_per_second};
    if (before != nullptr) {
      const auto same = std::ranges::find(before->principals, given.name, &Principal::name);
      if (same != before->principals.end()) principal.quota = same->quota;
    }
    if (principal.quota != nullptr) {
      principal.quota->SetLimits(limits);
    } else {
      principal.quota = std::make_shared<Quota>(limits, clock_);
    }
    for (const std::string& text : given.token_sha256) {
      const auto bytes = FromHex(text);
      TAMIZ_CHECK(bytes && bytes->size() == sizeof(Sha256Sum), "the configuration was checked");
      Sha256Sum sum;
      std::ranges::copy(*bytes, sum.begin());
      table->tokens.emplace_back(sum, index);
    }
    for (const std::string& name : given.certificates) table->certificates.emplace(name, index);
    names.push_back(given.name);
    table->principals.push_back(std::move(principal));
  }
  metrics_.Principals(names);
  MutexLock lock(mutex_);
  table_ = std::move(table);
}

std::shared_ptr<const AccessControl::Table> AccessControl::Current() const {
  MutexLock lock(mutex_);
  return table_;
}

StatusOr<const AccessControl::Principal*> AccessControl::Identify(const Table& table,
                                                                  const Credentials& shown) {
  if (shown.authorization) {
    const std::string_view token = TokenOf(*shown.authorization);
    if (token.empty()) {
      return Unauthenticated("the authorization metadata is not one \"Bearer TOKEN\"",
                             "AUTHORIZATION_MALFORMED");
    }
    const Sha256Sum sum =
        hash::Sha256(std::span(reinterpret_cast<const std::uint8_t*>(token.data()), token.size()));
    // All are compared, each to its end: time tells nothing of how near a guess came.
    const Principal* found = nullptr;
    for (const auto& [known, index] : table.tokens) {
      if (CRYPTO_memcmp(known.data(), sum.data(), sum.size()) == 0) found = &table.principals[index];
    }
    if (found == nullptr) return Unauthenticated("the token is not one of those configured", "TOKEN_UNKNOWN");
    return found;
  }
  for (const std::string& name : shown.certificate_names) {
    const auto found = table.certificates.find(name);
    if (found != table.certificates.end()) return &table.principals[found->second];
  }
  if (!shown.certificate_names.empty()) {
    return Unauthenticated("the client certificate names none of those configured", "CERTIFICATE_UNKNOWN");
  }
  return Unauthenticated(
      "this service wants to know who calls: send a token (authorization: Bearer TOKEN) or use a client "
      "certificate",
      "CREDENTIALS_MISSING");
}

Pass AccessControl::Enter(const Credentials& shown, std::string_view method) {
  const MethodRule* const rule = FindMethodRule(method);
  TAMIZ_CHECK(rule != nullptr, "a method without a row in server/authorization.cc");
  const std::shared_ptr<const Table> table = Current();
  if (table->principals.empty()) {
    metrics_.PrincipalCall(metrics::kAnonymous, "admitted");
    return {OkStatus(), std::string(metrics::kAnonymous), nullptr};
  }
  const StatusOr<const Principal*> known = Identify(*table, shown);
  if (!known.ok()) {
    metrics_.PrincipalCall(metrics::kUnauthenticated, "denied");
    return {known.status(), std::string(metrics::kUnauthenticated), nullptr};
  }
  const Principal& principal = **known;
  if ((principal.roles & BitOf(rule->role)) == 0) {
    metrics_.PrincipalCall(principal.name, "denied");
    return {MakeError(StatusCode::kPermissionDenied,
                      fmt::format("{} needs the role \"{}\", which \"{}\" does not have", method,
                                  ToString(rule->role), principal.name),
                      "ROLE_MISSING"),
            principal.name, nullptr};
  }
  if (Status status = principal.quota->BeginCall(); !status.ok()) {
    metrics_.PrincipalCall(principal.name, "over_quota");
    return {std::move(status), principal.name, nullptr};
  }
  metrics_.PrincipalCall(principal.name, "admitted");
  return {OkStatus(), principal.name, principal.quota};
}

}  // namespace tamiz::server
