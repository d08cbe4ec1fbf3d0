// Between the messages of tamiz.v1 and the types of the core. Requests are checked on the way: errors are
// INVALID_ARGUMENT and name the field.
#pragma once

#include <string>
#include <vector>

#include "core/lists/catalog.h"
#include "core/lists/entry_reader.h"
#include "core/lists/hash_list.h"
#include "core/match/evidence.h"
#include "core/scan/scanner.h"
#include "core/scan/self_test.h"
#include "core/store/store.h"
#include "core/work/admission.h"
#include "tamiz/v1/admin_service.pb.h"
#include "tamiz/v1/hash_service.pb.h"
#include "tamiz/v1/list_service.pb.h"
#include "tamiz/v1/scan_service.pb.h"

namespace tamiz::server {

// Scans. The source is not looked at; ranges that the scanner knows are checked by Scanner::Validate.
[[nodiscard]] StatusOr<scan::ScanInput> ToScanInput(const v1::ScanRequest& request);
[[nodiscard]] StatusOr<scan::ScanInput> ToScanInput(const v1::HashRequest& request);
[[nodiscard]] work::Lane ToLane(v1::Lane lane);
// Takes over how often a streamed scan reports.
[[nodiscard]] Status FillProgress(const v1::ScanStreamRequest& request, scan::ScanInput& input);
void ToProto(const scan::ScanOutput& output, v1::ScanResult* result);
void ToProto(const scan::ScanProgress& progress, v1::ScanProgress* proto);
void ToProto(const match::Match& match, v1::Match* proto);
void ToProto(const scan::ScanOutput& output, bool all_orientations, v1::HashResponse* response);

// Look-ups.
[[nodiscard]] StatusOr<match::Evidence> ToEvidence(const v1::LookupRequest& request);
void ToProto(const match::Conclusion& conclusion, v1::LookupResponse* response);

// Lists.
void ToProto(const lists::ListInfo& info, v1::HashList* list);
[[nodiscard]] StatusOr<lists::ListInfo> ToListInfo(const v1::CreateListRequest& request);
// Applies the fields that the mask names, or those that are set where the mask is empty.
[[nodiscard]] Status ApplyUpdate(const v1::UpdateListRequest& request, lists::ListInfo& info);
// `field` names the entry in errors, for example "entries[3]". With `hashes` false the entry must have none.
[[nodiscard]] StatusOr<lists::Entry> ToEntry(const v1::Entry& entry, const std::string& field,
                                             bool hashes = true);
// Without `values` the hashes keep their kind only.
void ToProto(const lists::Entry& entry, bool values, v1::Entry* proto);
[[nodiscard]] StatusOr<lists::ReadOptions> ToReadOptions(const v1::ImportOptions& options);
// Of kind DISABLED, from `now` on. INVALID_ARGUMENT names the field.
[[nodiscard]] StatusOr<lists::Hold> ToHold(const v1::DisableEntryRequest& request, WallTime now);
void ToProto(const lists::Hold& hold, v1::Hold* proto);
void ToProto(const lists::HoldEvent& event, v1::HoldEvent* proto);
// Everything but the list and what changed in it.
void ToProto(const lists::EntryCollector::Collected& collected, v1::ImportEntriesResponse* response);
void ToProto(const store::VersionDiff& diff, v1::DiffVersionsResponse* response);

// Admin.
void ToProto(const scan::SelfTestReport& report, v1::SelfTestReport* proto);
void ToProto(const lists::ListSnapshot& snapshot, const lists::Catalog& catalog, v1::LoadedList* proto);

void ToProto(WallTime time, google::protobuf::Timestamp* proto);
void ToProto(std::chrono::microseconds duration, google::protobuf::Duration* proto);

}  // namespace tamiz::server
