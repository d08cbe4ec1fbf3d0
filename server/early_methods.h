// Services whose unary methods are handed over by EarlyService.
#pragma once

#include <google/protobuf/descriptor.h>

namespace tamiz::server {

// gRPC reads and parses the message of a unary call before it hands the call over. Of these services it hands
// the call over first; see docs/adr/0040-messages-are-judged-before-they-are-read.md.
// `Api` is the service's generated class, `Base` its callback service.
template <typename Api, typename Base>
class EarlyMethods : public Base {
 protected:
  EarlyMethods() {
    const google::protobuf::ServiceDescriptor* const service =
        google::protobuf::DescriptorPool::generated_pool()->FindServiceByName(Api::service_full_name());
    for (int i = 0; i < service->method_count(); ++i) {
      const google::protobuf::MethodDescriptor& method = *service->method(i);
      if (!method.client_streaming() && !method.server_streaming()) this->MarkMethodGeneric(i);
    }
  }
};

}  // namespace tamiz::server
