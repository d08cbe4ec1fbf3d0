// tamiz.v1.ListService.
#pragma once

#include "server/early_methods.h"
#include "server/service_parts.h"
#include "tamiz/v1/list_service.grpc.pb.h"

namespace tamiz::server {

// FAILED_PRECONDITION (reason LIST_BUILT_IN) for the built-in list: the self-test rests on it, so it stays as
// it is.
[[nodiscard]] Status MayChange(const lists::ListInfo& info);

class UnaryCall;

// Every method by callback, what comes and goes in streams as bytes. ExportEntries is EarlyService's.
using ListServiceBase = v1::ListService::WithRawCallbackMethod_ImportEntries<
    v1::ListService::WithCallbackMethod_CreateList<v1::ListService::WithCallbackMethod_GetList<
        v1::ListService::WithCallbackMethod_ListLists<v1::ListService::WithCallbackMethod_UpdateList<
            v1::ListService::WithCallbackMethod_DeleteList<v1::ListService::WithCallbackMethod_AddEntries<
                v1::ListService::WithCallbackMethod_RemoveEntries<
                    v1::ListService::WithCallbackMethod_DisableEntry<
                        v1::ListService::WithCallbackMethod_ListHolds<
                            v1::ListService::WithCallbackMethod_ResetBreaker<
                                v1::ListService::WithCallbackMethod_GetEntry<
                                    v1::ListService::WithCallbackMethod_ListVersions<
                                        v1::ListService::WithCallbackMethod_RollbackList<
                                            v1::ListService::WithCallbackMethod_DiffVersions<
                                                v1::ListService::WithCallbackMethod_ApproveChange<
                                                    v1::ListService::Service>>>>>>>>>>>>>>>>;

class ListService final : public EarlyMethods<v1::ListService, ListServiceBase> {
 public:
  explicit ListService(const ServiceParts& parts) : parts_(parts) {}

  grpc::ServerUnaryReactor* CreateList(grpc::CallbackServerContext* context,
                                       const v1::CreateListRequest* request,
                                       v1::CreateListResponse* response) override;
  grpc::ServerUnaryReactor* GetList(grpc::CallbackServerContext* context, const v1::GetListRequest* request,
                                    v1::GetListResponse* response) override;
  grpc::ServerUnaryReactor* ListLists(grpc::CallbackServerContext* context,
                                      const v1::ListListsRequest* request,
                                      v1::ListListsResponse* response) override;
  grpc::ServerUnaryReactor* UpdateList(grpc::CallbackServerContext* context,
                                       const v1::UpdateListRequest* request,
                                       v1::UpdateListResponse* response) override;
  grpc::ServerUnaryReactor* DeleteList(grpc::CallbackServerContext* context,
                                       const v1::DeleteListRequest* request,
                                       v1::DeleteListResponse* response) override;
  // ImportEntriesRequests in, an ImportEntriesResponse out.
  grpc::ServerReadReactor<grpc::ByteBuffer>* ImportEntries(grpc::CallbackServerContext* context,
                                                           grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* AddEntries(grpc::CallbackServerContext* context,
                                       const v1::AddEntriesRequest* request,
                                       v1::AddEntriesResponse* response) override;
  grpc::ServerUnaryReactor* RemoveEntries(grpc::CallbackServerContext* context,
                                          const v1::RemoveEntriesRequest* request,
                                          v1::RemoveEntriesResponse* response) override;
  grpc::ServerUnaryReactor* DisableEntry(grpc::CallbackServerContext* context,
                                         const v1::DisableEntryRequest* request,
                                         v1::DisableEntryResponse* response) override;
  grpc::ServerUnaryReactor* ListHolds(grpc::CallbackServerContext* context,
                                      const v1::ListHoldsRequest* request,
                                      v1::ListHoldsResponse* response) override;
  grpc::ServerUnaryReactor* ResetBreaker(grpc::CallbackServerContext* context,
                                         const v1::ResetBreakerRequest* request,
                                         v1::ResetBreakerResponse* response) override;
  grpc::ServerUnaryReactor* GetEntry(grpc::CallbackServerContext* context, const v1::GetEntryRequest* request,
                                     v1::GetEntryResponse* response) override;
  grpc::ServerUnaryReactor* ListVersions(grpc::CallbackServerContext* context,
                                         const v1::ListVersionsRequest* request,
                                         v1::ListVersionsResponse* response) override;
  grpc::ServerUnaryReactor* RollbackList(grpc::CallbackServerContext* context,
                                         const v1::RollbackListRequest* request,
                                         v1::RollbackListResponse* response) override;
  grpc::ServerUnaryReactor* ApproveChange(grpc::CallbackServerContext* context,
                                          const v1::ApproveChangeRequest* request,
                                          v1::ApproveChangeResponse* response) override;
  grpc::ServerUnaryReactor* DiffVersions(grpc::CallbackServerContext* context,
                                         const v1::DiffVersionsRequest* request,
                                         v1::DiffVersionsResponse* response) override;

 private:
  template <typename Work>
  grpc::ServerUnaryReactor* OnChanges(grpc::CallbackServerContext* context, Work work);
  // What AddEntries does once it is let in; ends `call`.
  void BeginAddEntries(const v1::AddEntriesRequest* request, v1::AddEntriesResponse* response,
                       UnaryCall* call);
  // Hashes a picture or a video into `entry`. Blocks; on an admitted worker.
  // Fills in the hashes of `entry`; those of its crops become entries in `crops` if that is given.
  Status HashMedia(const v1::EntryMedia& media, const std::string& field, const CallContext& context,
                   lists::Entry& entry, std::vector<lists::Entry>* crops);

  const ServiceParts parts_;
};

}  // namespace tamiz::server
