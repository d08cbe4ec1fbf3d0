#include "server/scan_service.h"

#include <algorithm>

#include "core/media/file_format.h"
#include "server/rpc_call.h"
#include "server/scan_job.h"
#include "server/scan_many_call.h"
#include "server/scan_upload_call.h"

namespace tamiz::server {

grpc::ServerUnaryReactor* ScanService::Scan(grpc::CallbackServerContext* context,
                                            const v1::ScanRequest* request, v1::ScanResponse* response) {
  return StartUnary(context, [&](UnaryCall& call) { BeginScan(*request, response, call); });
}

void ScanService::BeginScan(const v1::ScanRequest& request, v1::ScanResponse* response, UnaryCall& call) {
  StatusOr<std::shared_ptr<ScanJob>> job = ScanJob::Make(request, parts_);
  if (!job.ok()) return call.End(job.status());
  call.call().pass().AddBytes(request.content().size());
  const SteadyTime deadline = call.call().context().deadline;
  call.Run(
      [&](work::Task task) { return parts_.admission.Submit((*job)->lane(), std::move(task), deadline); },
      [job = *job, response](RpcCall& running) {
        return job->Run(running.context(), running.started(), response->mutable_result());
      });
}

grpc::ServerReadReactor<grpc::ByteBuffer>* ScanService::ScanUpload(grpc::CallbackServerContext* context,
                                                                   grpc::ByteBuffer* response) {
  return new ScanUploadCall(context, response, parts_);
}

grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>* ScanService::ScanMany(
    grpc::CallbackServerContext* context) {
  return new ScanManyCall(context, parts_);
}

grpc::ServerUnaryReactor* ScanService::ListFormats(grpc::CallbackServerContext* context,
                                                   const v1::ListFormatsRequest*,
                                                   v1::ListFormatsResponse* response) {
  return AnswerUnary(context, [&] {
    for (const media::FormatInfo& info : media::AllFormats()) {
      v1::Format* format = response->add_formats();
      format->set_name(std::string(info.name));
      format->set_media_type(std::string(info.media_type));
      format->set_detail(parts_.scanner.WhyDisabled(info.format));
      format->set_enabled(format->detail().empty());
    }
    std::ranges::sort(*response->mutable_formats(), {},
                      [](const v1::Format& format) { return format.name(); });
    return OkStatus();
  });
}

}  // namespace tamiz::server
