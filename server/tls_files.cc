#include "server/tls_files.h"

#include <fmt/format.h>
#include <grpc/grpc.h>
#include <grpc/grpc_security.h>
#include <openssl/asn1.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <ctime>
#include <fstream>
#include <sstream>

#include "core/base/log.h"

namespace tamiz::server {
namespace {

template <auto Free>
struct FreeWith {
  template <typename T>
  void operator()(T* thing) const {
    Free(thing);
  }
};
using BioPtr = std::unique_ptr<BIO, FreeWith<BIO_free_all>>;
using X509Ptr = std::unique_ptr<X509, FreeWith<X509_free>>;
using KeyPtr = std::unique_ptr<EVP_PKEY, FreeWith<EVP_PKEY_free>>;

StatusOr<std::string> ReadFile(const std::string& path, std::string_view key) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  if (!file || !(text << file.rdbuf())) return InvalidArgument(fmt::format("{}: cannot read {}", key, path));
  return text.str();
}

BioPtr BioOf(const std::string& text) {
  return BioPtr(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

// The first certificate of a PEM text; null if there is none.
X509Ptr CertificateOf(const std::string& pem) {
  const BioPtr bio = BioOf(pem);
  X509Ptr certificate(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
  ERR_clear_error();
  return certificate;
}

// A key that asks for a pass phrase is no use: nobody is there to type it.
int NoPassPhrase(char*, int, int, void*) { return -1; }

KeyPtr KeyOf(const std::string& pem) {
  const BioPtr bio = BioOf(pem);
  KeyPtr key(PEM_read_bio_PrivateKey(bio.get(), nullptr, NoPassPhrase, nullptr));
  ERR_clear_error();
  return key;
}

StatusOr<WallTime> ExpiryOf(const X509& certificate, const std::string& path) {
  std::tm end{};
  if (ASN1_TIME_to_tm(X509_get0_notAfter(&certificate), &end) != 1) {
    return InvalidArgument(fmt::format("the certificate in {} does not say when it ends", path));
  }
  return std::chrono::system_clock::from_time_t(::timegm(&end));
}

}  // namespace

// Asks its TlsFiles at each handshake.
class TlsFiles::FetchingCredentials final : public grpc::ServerCredentials {
 public:
  FetchingCredentials(TlsFiles& files, grpc_ssl_client_certificate_request_type request)
      : credentials_(grpc_ssl_server_credentials_create_with_options(
            grpc_ssl_server_credentials_create_options_using_config_fetcher(request, &Fetch, &files))) {}
  ~FetchingCredentials() override { grpc_server_credentials_release(credentials_); }

  // Who calls is found out in server/access, which works without TLS too.
  void SetAuthMetadataProcessor(const std::shared_ptr<grpc::AuthMetadataProcessor>&) override {}

 private:
  int AddPortToServer(const std::string& address, grpc_server* server) override {
    return grpc_server_add_http2_port(server, address.c_str(), credentials_);
  }

  static grpc_ssl_certificate_config_reload_status Fetch(void* user_data,
                                                         grpc_ssl_server_certificate_config** config) {
    TlsFiles& files = *static_cast<TlsFiles*>(user_data);
    MutexLock lock(files.mutex_);
    if (!files.is_new_) return GRPC_SSL_CERTIFICATE_CONFIG_RELOAD_UNCHANGED;
    const Pem& pem = files.current_;
    const grpc_ssl_pem_key_cert_pair pair{pem.key.c_str(), pem.certificate.c_str()};
    *config = grpc_ssl_server_certificate_config_create(
        pem.client_ca.empty() ? nullptr : pem.client_ca.c_str(), &pair, 1);
    files.is_new_ = false;
    return GRPC_SSL_CERTIFICATE_CONFIG_RELOAD_NEW;
  }

  grpc_server_credentials* const credentials_;
};

StatusOr<std::unique_ptr<TlsFiles>> TlsFiles::Open(const config::ServerConfig& config,
                                                   metrics::Metrics& metrics) {
  std::unique_ptr<TlsFiles> files(new TlsFiles(config, metrics));
  TAMIZ_ASSIGN_OR_RETURN(Pem pem, files->Read());
  TAMIZ_ASSIGN_OR_RETURN(const WallTime expiry, files->Check(pem));
  MutexLock lock(files->mutex_);
  files->Take(std::move(pem), expiry);
  return files;
}

std::shared_ptr<grpc::ServerCredentials> TlsFiles::Credentials() {
  grpc_ssl_client_certificate_request_type request = GRPC_SSL_DONT_REQUEST_CLIENT_CERTIFICATE;
  if (!config_.tls_client_ca_file.empty()) {
    request = config_.tls_client_certificates == "optional"
                  ? GRPC_SSL_REQUEST_CLIENT_CERTIFICATE_AND_VERIFY
                  : GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY;
  }
  return std::make_shared<FetchingCredentials>(*this, request);
}

StatusOr<TlsFiles::Pem> TlsFiles::Read() const {
  Pem pem;
  TAMIZ_ASSIGN_OR_RETURN(pem.certificate,
                         ReadFile(config_.tls_certificate_file, "server.tls_certificate_file"));
  TAMIZ_ASSIGN_OR_RETURN(pem.key, ReadFile(config_.tls_key_file, "server.tls_key_file"));
  if (!config_.tls_client_ca_file.empty()) {
    TAMIZ_ASSIGN_OR_RETURN(pem.client_ca, ReadFile(config_.tls_client_ca_file, "server.tls_client_ca_file"));
  }
  return pem;
}

StatusOr<WallTime> TlsFiles::Check(const Pem& pem) const {
  const X509Ptr certificate = CertificateOf(pem.certificate);
  if (certificate == nullptr) {
    return InvalidArgument(fmt::format("server.tls_certificate_file: {} holds no certificate in PEM",
                                       config_.tls_certificate_file));
  }
  const KeyPtr key = KeyOf(pem.key);
  if (key == nullptr) {
    return InvalidArgument(fmt::format(
        "server.tls_key_file: {} holds no private key in PEM without pass phrase", config_.tls_key_file));
  }
  if (X509_check_private_key(certificate.get(), key.get()) != 1) {
    ERR_clear_error();
    return InvalidArgument(fmt::format("the key in {} is not that of the certificate in {}",
                                       config_.tls_key_file, config_.tls_certificate_file));
  }
  if (!config_.tls_client_ca_file.empty() && CertificateOf(pem.client_ca) == nullptr) {
    return InvalidArgument(
        fmt::format("server.tls_client_ca_file: {} holds no certificate in PEM", config_.tls_client_ca_file));
  }
  TAMIZ_ASSIGN_OR_RETURN(const WallTime expiry, ExpiryOf(*certificate, config_.tls_certificate_file));
  if (expiry <= Clock::System().WallNow()) {
    return InvalidArgument(fmt::format("the certificate in {} has expired", config_.tls_certificate_file));
  }
  return expiry;
}

void TlsFiles::Take(Pem pem, WallTime expiry) {
  current_ = std::move(pem);
  is_new_ = true;
  last_fault_.clear();
  metrics_.TlsCertificate(expiry);
}

Status TlsFiles::Refresh() {
  StatusOr<Pem> pem = Read();
  MutexLock lock(mutex_);
  if (pem.ok() && *pem == current_) {
    last_fault_.clear();
    return OkStatus();
  }
  const StatusOr<WallTime> expiry = pem.ok() ? Check(*pem) : pem.status();
  if (!expiry.ok()) {
    // Files that are replaced one after the other do not fit for a moment; the next look finds them right.
    if (last_fault_ != Message(expiry.status())) {
      last_fault_ = Message(expiry.status());
      metrics_.TlsReloaded(false);
      LogError("the new TLS files cannot be used; connections get the old certificate",
               {{"error", last_fault_}});
    }
    return expiry.status();
  }
  Take(*std::move(pem), *expiry);
  metrics_.TlsReloaded(true);
  LogInfo(
      "new TLS files are in use",
      {{"expires_in_hours",
        static_cast<std::int64_t>(
            std::chrono::duration_cast<std::chrono::hours>(*expiry - Clock::System().WallNow()).count())}});
  return OkStatus();
}

}  // namespace tamiz::server
