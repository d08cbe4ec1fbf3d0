// Who calls, and whether they may.
#pragma once

#include <grpcpp/server_context.h>

#include <array>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/config/config.h"
#include "core/metrics/metrics.h"
#include "server/quota.h"

namespace tamiz::server {

// What a caller shows. Views of what the call holds.
struct Credentials {
  std::optional<std::string_view> authorization;  // of the metadata: "Bearer …"
  std::vector<std::string> certificate_names;  // "uri:…", "dns:…", "cn:…" of the verified certificate
};

[[nodiscard]] Credentials CredentialsOf(const grpc::ServerContextBase& context);

// A call's leave to go on, and its place in the caller's quota until it is destroyed.
class Pass {
 public:
  // OK if the call may go on.
  [[nodiscard]] const Status& status() const { return status_; }
  // Name of the caller, for the audit trail.
  [[nodiscard]] const std::string& principal() const { return principal_; }
  // Of the caller's quota; see Quota.
  [[nodiscard]] Status TakeOne();
  void AddBytes(std::uint64_t bytes);

  Pass(Pass&& other) noexcept = default;
  Pass& operator=(Pass&&) = delete;
  ~Pass();

 private:
  friend class AccessControl;
  Pass(Status status, std::string principal, std::shared_ptr<Quota> quota)
      : status_(std::move(status)), principal_(std::move(principal)), quota_(std::move(quota)) {}

  Status status_;
  std::string principal_;
  std::shared_ptr<Quota> quota_;  // null: none to give back
};

// Thread-safe. With no principal configured everybody is "anonymous" and may call every method.
class AccessControl {
 public:
  // `metrics` and `clock` outlive it.
  AccessControl(const config::AuthConfig& config, metrics::Metrics& metrics,
                const Clock& clock = Clock::System());

  // Takes over principals, roles and quotas. Calls that run go on; what they hold of a quota stays counted.
  void Reconfigure(const config::AuthConfig& config);

  // Errors: UNAUTHENTICATED (reasons CREDENTIALS_MISSING, AUTHORIZATION_MALFORMED, TOKEN_UNKNOWN,
  // CERTIFICATE_UNKNOWN), PERMISSION_DENIED (ROLE_MISSING), RESOURCE_EXHAUSTED by the quota. A token that is
  // shown decides alone: if it is unknown, a known certificate does not help.
  [[nodiscard]] Pass Enter(const Credentials& shown, std::string_view method);

 private:
  using Sha256Sum = std::array<std::uint8_t, 32>;
  struct Principal {
    std::string name;
    std::uint32_t roles = 0;  // bit of each Role
    std::shared_ptr<Quota> quota;
  };
  struct Table {
    std::vector<Principal> principals;
    std::vector<std::pair<Sha256Sum, std::size_t>> tokens;         // and whose
    std::map<std::string, std::size_t, std::less<>> certificates;  // and whose
  };
  static StatusOr<const Principal*> Identify(const Table& table, const Credentials& shown);
  [[nodiscard]] std::shared_ptr<const Table> Current() const;

  metrics::Metrics& metrics_;
  const Clock& clock_;
  mutable Mutex mutex_;
  std::shared_ptr<const Table> table_ TAMIZ_GUARDED_BY(mutex_);
};

}  // namespace tamiz::server
