// One inline or fetched scan, from its request to its output, as Scan, ScanStream and ScanMany run it.
#pragma once

#include <memory>

#include "server/service_parts.h"
#include "tamiz/v1/scan_service.pb.h"

namespace tamiz::server {

// What was checked of a request and what it holds until it ends.
class ScanJob {
 public:
  // Checks `request`, which outlives the job, and takes its bytes from the budget. Quick; for a gRPC thread.
  // Errors: INVALID_ARGUMENT with the field, RESOURCE_EXHAUSTED by the byte budget.
  [[nodiscard]] static StatusOr<std::shared_ptr<ScanJob>> Make(const v1::ScanRequest& request,
                                                               const ServiceParts& parts);
  // The same for a scan that tells how it gets on.
  [[nodiscard]] static StatusOr<std::shared_ptr<ScanJob>> Make(const v1::ScanStreamRequest& request,
                                                               const ServiceParts& parts);

  // Brings the bytes in and scans. Blocks; on an admitted worker. `observer` as for scan::Scanner::Scan.
  [[nodiscard]] Status Run(const CallContext& context, SteadyTime admitted_at, v1::ScanResult* result,
                           scan::ScanObserver* observer = nullptr);

  [[nodiscard]] work::Lane lane() const { return lane_; }

 private:
  ScanJob(const v1::ScanRequest& request, const ServiceParts& parts) : request_(request), parts_(parts) {}

  const v1::ScanRequest& request_;
  const ServiceParts& parts_;
  scan::ScanInput input_;
  work::Lane lane_ = work::Lane::kLive;
  source::ByteBudget::Share message_share_;  // the message is held while the scan waits and runs
};

}  // namespace tamiz::server
