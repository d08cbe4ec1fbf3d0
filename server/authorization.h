// Which role each method needs. The one table of it.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tamiz::server {

// None includes another. Their names in the configuration: config::kRoles, in this order.
enum class Role : std::uint8_t { kScan, kListsRead, kListsWrite, kExport, kAdmin };

[[nodiscard]] std::string_view ToString(Role role);

struct MethodRule {
  std::string_view method;  // "ScanService/Scan"
  Role role;
};

[[nodiscard]] std::span<const MethodRule> MethodRules();
// nullptr if the method has no row: then nobody may call it.
[[nodiscard]] const MethodRule* FindMethodRule(std::string_view method);

// What is wrong with the table: methods of the services in this program that have no row, and rows of methods
// that do not exist. Empty if nothing is. The service does not start with a fault.
[[nodiscard]] std::vector<std::string> MethodRuleFaults();

}  // namespace tamiz::server
