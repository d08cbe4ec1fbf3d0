#include "cli/connection.h"

#include <fstream>
#include <sstream>
#include <string_view>

#include <fmt/format.h>

namespace tamiz::cli {
namespace {

grpc::Status ReadFile(const std::string& option, const std::string& path, std::string& text) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream contents;
  if (!file || !(contents << file.rdbuf())) {
    return {grpc::StatusCode::INVALID_ARGUMENT, fmt::format("{}: cannot read {}", option, path)};
  }
  text = contents.str();
  return grpc::Status::OK;
}

bool IsLocal(std::string_view server) {
  return server.starts_with("127.") || server.starts_with("localhost:") || server.starts_with("[::1]:") ||
         server.starts_with("unix:");
}

}  // namespace

grpc::Status Connection::Open() {
  const bool tls =
      options_.use_tls || !options_.tls_ca_file.empty() || !options_.tls_certificate_file.empty();
  if (!options_.token_file.empty()) {
    if (!tls && !IsLocal(options_.server)) {
      return {grpc::StatusCode::INVALID_ARGUMENT,
              fmt::format("--token-file: the token would go to {} in clear text; add --tls or --tls-ca FILE",
                          options_.server)};
    }
    std::string token;
    if (grpc::Status status = ReadFile("--token-file", options_.token_file, token); !status.ok())
      return status;
    token = token.substr(0, token.find_first_of("\r\n"));
    if (token.empty()) {
      return {grpc::StatusCode::INVALID_ARGUMENT,
              fmt::format("--token-file: the first line of {} is empty", options_.token_file)};
    }
    authorization_ = "Bearer " + token;
  }

  std::shared_ptr<grpc::ChannelCredentials> credentials = grpc::InsecureChannelCredentials();
  if (tls) {
    grpc::SslCredentialsOptions ssl;
    if (!options_.tls_ca_file.empty()) {
      if (grpc::Status status = ReadFile("--tls-ca", options_.tls_ca_file, ssl.pem_root_certs);
          !status.ok()) {
        return status;
      }
    }
    if (options_.tls_certificate_file.empty() != options_.tls_key_file.empty()) {
      return {grpc::StatusCode::INVALID_ARGUMENT, "--tls-cert and --tls-key belong together"};
    }
    if (!options_.tls_certificate_file.empty()) {
      if (grpc::Status status = ReadFile("--tls-cert", options_.tls_certificate_file, ssl.pem_cert_chain);
          !status.ok()) {
        return status;
      }
      if (grpc::Status status = ReadFile("--tls-key", options_.tls_key_file, ssl.pem_private_key);
          !status.ok()) {
        return status;
      }
    }
    credentials = grpc::SslCredentials(ssl);
  } else if (!options_.tls_server_name.empty()) {
    return {grpc::StatusCode::INVALID_ARGUMENT, "--tls-server-name needs --tls or --tls-ca FILE"};
  }

  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(-1);  // the server's limits are what counts
  arguments.SetMaxSendMessageSize(-1);
  if (!options_.tls_server_name.empty()) arguments.SetSslTargetNameOverride(options_.tls_server_name);
  channel_ = grpc::CreateCustomChannel(options_.server, credentials, arguments);
  return grpc::Status::OK;
}

void Connection::Prepare(grpc::ClientContext& context, bool with_deadline) const {
  if (!authorization_.empty()) context.AddMetadata("authorization", authorization_);
  if (with_deadline && options_.timeout.count() > 0) {
    context.set_deadline(std::chrono::system_clock::now() + options_.timeout);
  }
}

}  // namespace tamiz::cli
