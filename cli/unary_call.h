// One unary call and its answer.
#pragma once

#include <fmt/format.h>
#include <grpcpp/client_context.h>

#include "cli/command.h"
#include "cli/output.h"

namespace tamiz::cli {

// Calls a method of a service's stub and prints its answer; `print` is for people. The exit code.
template <typename Stub, typename Request, typename Response, typename Print>
int Call(Session& session, grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, Response*),
         const Request& request, const Print& print) {
  Stub stub(session.connection.channel());
  grpc::ClientContext context;
  session.connection.Prepare(context);
  Response response;
  if (grpc::Status status = (stub.*method)(&context, request, &response); !status.ok()) {
    return Fail(status, session.json);
  }
  if (session.json) {
    fmt::print("{}\n", ToJson(response));
  } else {
    print(response);
  }
  return 0;
}

}  // namespace tamiz::cli
