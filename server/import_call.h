// ListService.ImportEntries: options, then a file's bytes or entries, then one answer.
#pragma once

#include <grpcpp/support/server_callback.h>

#include <memory>
#include <optional>

#include "core/lists/entry_reader.h"
#include "server/rpc_call.h"
#include "server/service_parts.h"
#include "tamiz/v1/list_service.pb.h"

namespace tamiz::server {

// Reads one message at a time; the next read starts when the one before is taken in. Memory: the entries
// read, whose contents are taken from the byte budget as they come. Its steps follow each other, so no lock
// is needed. Lives until OnDone.
class ImportCall final : public grpc::ServerReadReactor<grpc::ByteBuffer> {
 public:
  // Reads ImportEntriesRequests; `answer` becomes an ImportEntriesResponse.
  ImportCall(grpc::CallbackServerContext* context, grpc::ByteBuffer* answer, const ServiceParts& parts);

 private:
  void OnReadDone(bool ok) override;
  void Read() {
    watched_.Wait();
    StartRead(&bytes_);
  }
  void OnCancel() override { call_.Cancel(); }
  void OnDone() override { delete this; }

  // These run on the pool for changes.
  Status TakeMessage();
  Status TakeOptions();
  Status TakeChunk();
  Status TakeEntries();
  Status Apply();
  void End(const Status& status);

  // Constant after construction.
  grpc::CallbackServerContext* const context_;
  grpc::ByteBuffer* const answer_;
  const ServiceParts& parts_;
  RpcCall call_;

  grpc::ByteBuffer bytes_;  // while a read is outstanding they belong to gRPC
  v1::ImportEntriesRequest message_;
  v1::ImportEntriesResponse response_;
  StreamWatch::Stream watched_;
  std::optional<v1::ImportOptions> options_;
  source::ByteBudget::Share share_;
  lists::EntryCollector collector_;
  std::unique_ptr<lists::EntryReader> reader_;
  std::string format_;  // as asked for
  bool has_chunks_ = false;
  std::uint64_t entries_seen_ = 0;
};

}  // namespace tamiz::server
