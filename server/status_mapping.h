// tamiz::Status as gRPC and google.rpc carry it. The one place where codes and details are mapped.
#pragma once

#include <grpcpp/support/status.h>

#include "core/base/status.h"
#include "google/rpc/status.pb.h"

namespace tamiz::server {

[[nodiscard]] grpc::StatusCode ToGrpcCode(StatusCode code);

// Code, message and details: ErrorInfo (reason, domain "tamiz"), RetryInfo, BadRequest, as far as `status`
// has them.
[[nodiscard]] google::rpc::Status ToRpcStatus(const Status& status);

// The same; the details travel serialised in `grpc-status-details-bin`.
[[nodiscard]] grpc::Status ToGrpc(const Status& status);

}  // namespace tamiz::server
