// What an RPC of Tamiz costs beside its work: a look-up of one hash in 100 000 entries against an empty unary
// call of the same server (grpc.health.v1.Health/Check), taken in turn.
//
//   rpc_bench PATH-OF-TAMIZ-DECODER [rounds]
#include <grpcpp/impl/codegen/client_unary_call.h>
#include <grpcpp/impl/rpc_method.h>

#include "bench/server_harness.h"
#include "tamiz/v1/hash_service.grpc.pb.h"

namespace tamiz::bench {
namespace {

int Run(int argc, char** argv) {
  if (argc < 2) Fail("usage: rpc_bench PATH-OF-TAMIZ-DECODER [rounds]");
  const int rounds = argc > 2 ? std::atoi(argv[2]) : 5000;
  const BenchServer server(argv[1], 100'000);
  const auto stub = v1::HashService::NewStub(server.channel());
  const grpc::internal::RpcMethod check("/grpc.health.v1.Health/Check", grpc::internal::RpcMethod::NORMAL_RPC,
                                        server.channel());
  v1::LookupRequest request;
  request.add_hashes()->set_type(v1::HASH_TYPE_PDQ);
  std::mt19937 random(2);
  const auto look_up = [&] {
    std::string hash(32, '\0');
    for (char& c : hash) c = static_cast<char>(random());
    request.mutable_hashes(0)->set_value(hash);
    grpc::ClientContext context;
    v1::LookupResponse response;
    const auto status = stub->Lookup(&context, request, &response);
    if (!status.ok() || response.verdict() != v1::VERDICT_NO_KNOWN_MATCH) Fail("unexpected answer");
  };
  // Health's messages stand for empty ones: an empty message of any type has the same bytes.
  const auto empty = [&] {
    grpc::ClientContext context;
    v1::LookupRequest nothing;
    v1::LookupResponse answer;
    const auto status =
        grpc::internal::BlockingUnaryCall<v1::LookupRequest, v1::LookupResponse,
                                          google::protobuf::MessageLite, google::protobuf::MessageLite>(
            server.channel().get(), check, &context, nothing, &answer);
    if (!status.ok()) Fail(status.error_message());
  };
  for (int i = 0; i < 500; ++i) {
    empty();
    look_up();
  }
  std::vector<double> base, ours;
  for (int i = 0; i < rounds; ++i) {
    auto start = BenchClock::now();
    empty();
    base.push_back(MicrosSince(start));
    start = BenchClock::now();
    look_up();
    ours.push_back(MicrosSince(start));
  }
  std::printf(
      "empty call p50 %.0f us, p99 %.0f us; look-up p50 %.0f us, p99 %.0f us; ratio %.2fx (wanted 1.3x)\n",
      Quantile(base, 0.5), Quantile(base, 0.99), Quantile(ours, 0.5), Quantile(ours, 0.99),
      Quantile(ours, 0.5) / Quantile(base, 0.5));
  return 0;
}

}  // namespace
}  // namespace tamiz::bench

int main(int argc, char** argv) { return tamiz::bench::Run(argc, argv); }
