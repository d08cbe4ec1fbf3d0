#include "server/export_call.h"

#include "core/base/log.h"
#include "server/message_check.h"
#include "server/proto_convert.h"

namespace tamiz::server {
namespace {

constexpr std::size_t kBatchBytes = 256 << 10;

}  // namespace

ExportCall::ExportCall(grpc::GenericCallbackServerContext* context, const ServiceParts& parts)
    : context_(context),
      parts_(parts),
      call_(*context, "ListService/ExportEntries", parts),
      watched_(parts.watch, [this](const Status& status) { End(status); }) {
  if (!call_.entry().ok()) {
    End(call_.entry());
    return;
  }
  watched_.Wait();
  StartRead(&message_);
}

void ExportCall::OnReadDone(bool ok) {
  if (!watched_.Resume()) return;  // it was ended in between
  if (ok) call_.Heard();
  const Status refused = ok ? Begin() : InvalidArgument("no message came");
  if (!refused.ok()) End(refused);
}

Status ExportCall::Begin() {
  const Status read = ReadMessage(message_, {}, request_);
  message_.Clear();
  TAMIZ_RETURN_IF_ERROR(read);
  return parts_.exports.Submit([this] { End(Run()); });
}

Status ExportCall::Run() {
  if (!parts_.settings.allow_export) {
    return MakeError(StatusCode::kPermissionDenied, "exports are switched off (lists.allow_export)",
                     "EXPORT_SWITCHED_OFF");
  }
  if (request_.list().empty()) {
    return WithField(InvalidArgument("list is empty; give its name or identifier"), "list");
  }
  TAMIZ_ASSIGN_OR_RETURN(const lists::ListInfo info, parts_.lists.GetList(request_.list()));
  const std::uint64_t version = request_.version() == 0 ? info.version : request_.version();
  std::int64_t sent = 0;
  std::size_t bytes = 0;
  Status status = parts_.store.ForEachEntry(info.list_id, version, [&](lists::Entry&& entry) -> Status {
    v1::Entry* added = batch_.add_entries();
    ToProto(entry, true, added);
    bytes += added->ByteSizeLong();
    ++sent;
    if (bytes < kBatchBytes) return OkStatus();
    bytes = 0;
    return Send();
  });
  if (status.ok() && !batch_.entries().empty()) status = Send();
  // The audit trail: who took how much of what. No hashes.
  LogInfo("list exported", {{"list", info.name},
                            {"version", static_cast<std::int64_t>(version)},
                            {"entries", sent},
                            {"complete", status.ok()},
                            {"principal", call_.pass().principal()},
                            {"peer", context_->peer()}});
  return status;
}

Status ExportCall::Send() {
  TAMIZ_RETURN_IF_ERROR(call_.context().StillWanted(std::chrono::steady_clock::now()));
  if (!WriteMessage(batch_, bytes_).ok())
    return MakeError(StatusCode::kInternal, "a batch could not be written");
  {
    MutexLock lock(mutex_);
    writing_ = true;
  }
  StartWrite(&bytes_);
  const SteadyTime until = std::min(call_.context().deadline, std::chrono::steady_clock::now() + kSlowest);
  bool too_slow = false;
  {
    MutexLock lock(mutex_);
    while (writing_ && !too_slow) too_slow = !written_.WaitUntil(mutex_, until) && writing_;
  }
  if (too_slow) {
    context_->TryCancel();
    MutexLock lock(mutex_);
    while (writing_) written_.Wait(mutex_);  // a cancelled write ends at once
    return MakeError(StatusCode::kDeadlineExceeded, "the client took no data for too long");
  }
  batch_.Clear();
  MutexLock lock(mutex_);
  return broken_ ? MakeError(StatusCode::kCancelled, "the caller went away") : OkStatus();
}

void ExportCall::OnWriteDone(bool ok) {
  MutexLock lock(mutex_);
  writing_ = false;
  broken_ = broken_ || !ok;
  written_.NotifyOne();
}

}  // namespace tamiz::server
