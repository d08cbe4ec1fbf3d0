#include "server/authorization.h"

#include <fmt/format.h>
#include <google/protobuf/descriptor.h>
#include <google/protobuf/descriptor_database.h>

#include <algorithm>
#include <array>
#include <set>

#include "core/config/config.h"

namespace tamiz::server {
namespace {

constexpr std::array kRules = {
    MethodRule{"AdminService/GetStatus", Role::kAdmin},  // it names the lists
    MethodRule{"AdminService/ReloadConfig", Role::kAdmin},
    MethodRule{"AdminService/SelfTest", Role::kAdmin},
    MethodRule{"ExchangeService/AddExchange", Role::kAdmin},  // it names files with credentials
    MethodRule{"ExchangeService/ListExchanges", Role::kListsRead},
    MethodRule{"ExchangeService/ListFeedbackReasons", Role::kListsRead},
    MethodRule{"ExchangeService/RemoveExchange", Role::kAdmin},
    MethodRule{"ExchangeService/SendFeedback", Role::kListsWrite},
    MethodRule{"ExchangeService/SyncExchange", Role::kListsWrite},
    MethodRule{"ExchangeService/TestExchange", Role::kAdmin},
    MethodRule{"HashService/Hash", Role::kScan},
    MethodRule{"HashService/Lookup", Role::kScan},
    MethodRule{"ListService/AddEntries", Role::kListsWrite},
    MethodRule{"ListService/ApproveChange", Role::kListsWrite},
    MethodRule{"ListService/CreateList", Role::kListsWrite},
    MethodRule{"ListService/DeleteList", Role::kListsWrite},
    MethodRule{"ListService/DiffVersions", Role::kListsRead},
    MethodRule{"ListService/DisableEntry", Role::kListsWrite},
    MethodRule{"ListService/ExportEntries", Role::kExport},  // the only one that gives hashes out
    MethodRule{"ListService/GetEntry", Role::kListsRead},    // without its hashes
    MethodRule{"ListService/GetList", Role::kListsRead},
    MethodRule{"ListService/ImportEntries", Role::kListsWrite},
    MethodRule{"ListService/ListHolds", Role::kListsRead},
    MethodRule{"ListService/ListLists", Role::kListsRead},
    MethodRule{"ListService/ListVersions", Role::kListsRead},
    MethodRule{"ListService/RemoveEntries", Role::kListsWrite},
    MethodRule{"ListService/ResetBreaker", Role::kListsWrite},
    MethodRule{"ListService/RollbackList", Role::kListsWrite},
    MethodRule{"ListService/UpdateList", Role::kListsWrite},
    MethodRule{"ScanService/ListFormats", Role::kScan},
    MethodRule{"ScanService/Scan", Role::kScan},
    MethodRule{"ScanService/ScanMany", Role::kScan},
    MethodRule{"ScanService/ScanStream", Role::kScan},
    MethodRule{"ScanService/ScanUpload", Role::kScan},
};
static_assert(std::ranges::is_sorted(kRules, {}, &MethodRule::method),
              "rows stand in the order of their names");

constexpr std::string_view kPackage = "tamiz.v1.";

// "ScanService/Scan" of every service whose code is in this program.
std::set<std::string> AllMethods() {
  std::set<std::string> methods;
  const auto* const pool = google::protobuf::DescriptorPool::generated_pool();
  std::vector<std::string> files;
  google::protobuf::DescriptorPool::internal_generated_database()->FindAllFileNames(&files);
  for (const std::string& name : files) {
    const google::protobuf::FileDescriptor* const file = pool->FindFileByName(name);
    for (int s = 0; file != nullptr && s < file->service_count(); ++s) {
      const google::protobuf::ServiceDescriptor* const service = file->service(s);
      if (!service->full_name().starts_with(kPackage)) continue;
      for (int m = 0; m < service->method_count(); ++m) {
        methods.insert(fmt::format("{}/{}", service->name(), service->method(m)->name()));
      }
    }
  }
  return methods;
}

}  // namespace

std::string_view ToString(Role role) { return config::kRoles[static_cast<std::size_t>(role)]; }

std::span<const MethodRule> MethodRules() { return kRules; }

const MethodRule* FindMethodRule(std::string_view method) {
  const auto found = std::ranges::lower_bound(kRules, method, {}, &MethodRule::method);
  return found != kRules.end() && found->method == method ? &*found : nullptr;
}

std::vector<std::string> MethodRuleFaults() {
  std::vector<std::string> faults;
  const std::set<std::string> methods = AllMethods();
  for (const std::string& method : methods) {
    if (FindMethodRule(method) == nullptr) {
      faults.push_back(method + " has no row in server/authorization.cc, so nobody may call it");
    }
  }
  for (const MethodRule& rule : kRules) {
    if (!methods.contains(std::string(rule.method))) {
      faults.push_back(std::string(rule.method) + " has a row in server/authorization.cc and does not exist");
    }
  }
  return faults;
}

}  // namespace tamiz::server
