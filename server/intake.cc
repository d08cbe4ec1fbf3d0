#include "server/intake.h"

#include <span>

namespace tamiz::server {

bool TakeByteLimit(const Status& status, scan::ScanInput& input) {
  if (Reason(status) != "BYTE_LIMIT") return false;
  input.not_brought_in = media::IncompleteReason{media::IncompleteCode::kByteLimit, Message(status)};
  return true;
}

Status BringIn(std::string_view content, const source::Config& config, source::ByteBudget& budget,
               scan::ScanInput& input) {
  const std::span bytes(reinterpret_cast<const std::uint8_t*>(content.data()), content.size());
  // The scanner digests the bytes beside the decoder.
  StatusOr<source::Upload> upload = source::SealBytes(config, budget, bytes, source::DigestMode::kLater);
  if (!upload.ok()) return TakeByteLimit(upload.status(), input) ? OkStatus() : upload.status();
  input.upload = *std::move(upload);
  return OkStatus();
}

}  // namespace tamiz::server
