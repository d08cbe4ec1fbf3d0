// Services whose methods with one message are handed over by EarlyService.
#pragma once

#include <google/protobuf/descriptor.h>
#include <grpcpp/impl/codegen/server_callback_handlers.h>
#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/server_callback.h>

#include <string>

namespace tamiz::server {

// gRPC reads the one message of a call, and parses that of a unary one, before it hands the call over. Of
// these services it hands the call over first; see docs/adr/0040-messages-are-judged-before-they-are-read.md.
// `Api` is the service's generated class, `Base` its callback service.
template <typename Api, typename Base>
class EarlyMethods : public Base {
 protected:
  EarlyMethods() {
    const google::protobuf::ServiceDescriptor* const service =
        google::protobuf::DescriptorPool::generated_pool()->FindServiceByName(Api::service_full_name());
    bool all = true;
    for (int i = 0; i < service->method_count(); ++i) {
      const google::protobuf::MethodDescriptor& method = *service->method(i);
      const bool has_one_message = !method.client_streaming();
      if (has_one_message) this->MarkMethodGeneric(i);
      all = all && has_one_message;
    }
    if (all) KeepName();
  }

 private:
  // gRPC takes a service's name, which reflection lists, from a method that it handles itself. Where none is
  // left this stands in: one without a name, which answers UNIMPLEMENTED as any unknown one.
  void KeepName() {
    path_ = std::string("/") + Api::service_full_name() + "/";
    using Handler = grpc::internal::CallbackUnaryHandler<grpc::ByteBuffer, grpc::ByteBuffer>;
    auto* const method = new grpc::internal::RpcServiceMethod(
        path_.c_str(), grpc::internal::RpcMethod::NORMAL_RPC,
        new Handler([](grpc::CallbackServerContext* context, const grpc::ByteBuffer*, grpc::ByteBuffer*) {
          grpc::ServerUnaryReactor* const reactor = context->DefaultReactor();
          reactor->Finish({grpc::StatusCode::UNIMPLEMENTED, ""});
          return reactor;
        }));
    method->SetServerApiType(grpc::internal::RpcServiceMethod::ApiType::CALL_BACK);
    this->AddMethod(method);  // owns it
  }

  std::string path_;
};

}  // namespace tamiz::server
