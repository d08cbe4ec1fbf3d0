// What a client sends, on its way from protobuf to the core: what is accepted is within the ranges, what is
// refused names its field. The first byte chooses the message.
#include <cstdlib>

#include "core/media/sampling.h"
#include "server/proto_convert.h"

namespace {

using tamiz::Status;
using tamiz::StatusCode;

// A refusal must be the caller's fault and say where; otherwise the client is left guessing.
void CheckRefusal(const Status& status) {
  if (status.code() != StatusCode::kInvalidArgument || tamiz::Field(status).empty()) std::abort();
  if (tamiz::Message(status).empty() || tamiz::Message(status).size() > 4096) std::abort();
}

template <typename Message>
bool Parse(const std::uint8_t* data, std::size_t size, Message& message) {
  return message.ParseFromArray(data, static_cast<int>(size));
}

void CheckScan(const tamiz::StatusOr<tamiz::scan::ScanInput>& input) {
  if (!input.ok()) return CheckRefusal(input.status());
  if (const Status status = input->sampling.Validate(7200); !status.ok()) return CheckRefusal(status);
  if (input->sampling.max_frames.has_value() && *input->sampling.max_frames > 7200) std::abort();
  if (input->sampling.interval.has_value() && input->sampling.interval->count() < 0) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace tamiz;
  if (size == 0) return 0;
  const std::uint8_t choice = data[0] % 7;
  ++data;
  --size;
  switch (choice) {
    case 0: {
      v1::ScanRequest request;
      if (Parse(data, size, request)) CheckScan(server::ToScanInput(request));
      break;
    }
    case 1: {
      v1::HashRequest request;
      if (Parse(data, size, request)) CheckScan(server::ToScanInput(request));
      break;
    }
    case 2: {
      v1::LookupRequest request;
      if (!Parse(data, size, request)) break;
      const auto evidence = server::ToEvidence(request);
      if (!evidence.ok()) {
        CheckRefusal(evidence.status());
        break;
      }
      for (const auto& frame : evidence->frames) {
        if (frame.time.count() < 0) std::abort();
      }
      break;
    }
    case 3: {
      v1::CreateListRequest request;
      if (!Parse(data, size, request)) break;
      if (const auto info = server::ToListInfo(request); !info.ok()) CheckRefusal(info.status());
      break;
    }
    case 4: {
      v1::UpdateListRequest request;
      if (!Parse(data, size, request)) break;
      lists::ListInfo info;
      if (const Status status = server::ApplyUpdate(request, info); !status.ok()) CheckRefusal(status);
      break;
    }
    case 5: {
      v1::Entry message;
      if (!Parse(data, size, message)) break;
      const auto entry = server::ToEntry(message, "entries[0]");
      if (!entry.ok()) {
        CheckRefusal(entry.status());
      } else if (!lists::FaultOf(*entry).empty()) {
        std::abort();  // what is accepted can be kept
      } else {
        v1::Entry again;
        server::ToProto(*entry, true, &again);
        if (!server::ToEntry(again, "entries[0]").ok()) std::abort();
      }
      break;
    }
    case 6: {
      v1::ImportOptions message;
      if (!Parse(data, size, message)) break;
      const auto options = server::ToReadOptions(message);
      if (!options.ok()) CheckRefusal(options.status());
      break;
    }
    default:
      break;
  }
  return 0;
}
