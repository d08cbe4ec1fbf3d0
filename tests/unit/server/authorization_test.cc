#include "server/authorization.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "server/app.h"
#include "tamiz/v1/admin_service.pb.h"
#include "tamiz/v1/exchange_service.pb.h"
#include "tamiz/v1/hash_service.pb.h"
#include "tamiz/v1/list_service.pb.h"
#include "tamiz/v1/scan_service.pb.h"

namespace tamiz::server {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(Authorization, EveryMethodHasItsRow) {
  // So that all services are linked, whatever the linker thinks of this test.
  for (const auto* file :
       {v1::ScanRequest::descriptor()->file(), v1::HashRequest::descriptor()->file(),
        v1::CreateListRequest::descriptor()->file(), v1::GetStatusRequest::descriptor()->file(),
        v1::AddExchangeRequest::descriptor()->file()}) {
    ASSERT_EQ(file->service_count(), 1);
  }
  EXPECT_THAT(MethodRuleFaults(), IsEmpty());
  EXPECT_GE(MethodRules().size(), 23u);
}

TEST(Authorization, WhatGivesHashesOutOrChangesListsNeedsMoreThanScanning) {
  const auto role_of = [](std::string_view method) { return FindMethodRule(method)->role; };
  EXPECT_EQ(role_of("ScanService/Scan"), Role::kScan);
  EXPECT_EQ(role_of("ListService/ExportEntries"), Role::kExport);
  EXPECT_EQ(role_of("ListService/ImportEntries"), Role::kListsWrite);
  EXPECT_EQ(role_of("ListService/GetEntry"), Role::kListsRead);
  EXPECT_EQ(role_of("AdminService/ReloadConfig"), Role::kAdmin);
  // Exporting is a role that only one method needs.
  std::vector<std::string_view> exporting;
  for (const MethodRule& rule : MethodRules()) {
    if (rule.role == Role::kExport) exporting.push_back(rule.method);
  }
  EXPECT_THAT(exporting, ElementsAre("ListService/ExportEntries"));
}

TEST(Authorization, AnUnknownMethodHasNoRow) {
  EXPECT_EQ(FindMethodRule("ScanService/Scam"), nullptr);
  EXPECT_EQ(FindMethodRule(""), nullptr);
}

TEST(Authorization, RolesAreNamedAsInTheConfiguration) {
  EXPECT_EQ(ToString(Role::kScan), "scan");
  EXPECT_EQ(ToString(Role::kListsRead), "lists.read");
  EXPECT_EQ(ToString(Role::kListsWrite), "lists.write");
  EXPECT_EQ(ToString(Role::kExport), "export");
  EXPECT_EQ(ToString(Role::kAdmin), "admin");
}

}  // namespace
}  // namespace tamiz::server
