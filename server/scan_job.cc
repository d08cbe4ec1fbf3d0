#include "server/scan_job.h"

#include "server/intake.h"
#include "server/proto_convert.h"

namespace tamiz::server {

StatusOr<std::shared_ptr<ScanJob>> ScanJob::Make(const v1::ScanStreamRequest& request,
                                                 const ServiceParts& parts) {
  TAMIZ_ASSIGN_OR_RETURN(std::shared_ptr<ScanJob> job, Make(request.request(), parts));
  TAMIZ_RETURN_IF_ERROR(FillProgress(request, job->input_));
  TAMIZ_RETURN_IF_ERROR(parts.scanner.Validate(job->input_));
  return job;
}

StatusOr<std::shared_ptr<ScanJob>> ScanJob::Make(const v1::ScanRequest& request, const ServiceParts& parts) {
  std::shared_ptr<ScanJob> job(new ScanJob(request, parts));
  if (request.source_case() == v1::ScanRequest::SOURCE_NOT_SET) {
    return WithField(InvalidArgument("the request has no source: set content or uri"), "source");
  }
  TAMIZ_ASSIGN_OR_RETURN(job->input_, ToScanInput(request));
  TAMIZ_RETURN_IF_ERROR(parts.scanner.Validate(job->input_));
  job->lane_ = ToLane(request.lane());
  if (request.has_content()) {
    TAMIZ_RETURN_IF_ERROR(parts.budget.Take(job->message_share_, request.content().size()));
  }
  return job;
}

Status ScanJob::Run(const CallContext& context, SteadyTime admitted_at, v1::ScanResult* result,
                    scan::ScanObserver* observer) {
  if (request_.has_content()) {
    TAMIZ_RETURN_IF_ERROR(BringIn(request_.content(), parts_.source, parts_.budget, input_));
  }
  StatusOr<scan::ScanOutput> output = parts_.scanner.Scan(std::move(input_), context, admitted_at, observer);
  if (!output.ok()) return output.status();
  ToProto(*output, result);
  message_share_ = {};  // before the answer leaves, so that a caller who goes on finds the room
  return OkStatus();
}

}  // namespace tamiz::server
