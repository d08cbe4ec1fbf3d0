#include "core/net/address.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/un.h>

#include <cstring>
#include <string>
#include <utility>

#include "tests/unit/net/table.h"

namespace tamiz::net {
namespace {

std::pair<sockaddr_storage, socklen_t> Socket(const std::string& text) {
  sockaddr_storage storage{};
  sockaddr_in v4{};
  v4.sin_family = AF_INET;
  if (inet_pton(AF_INET, text.c_str(), &v4.sin_addr) == 1) {
    std::memcpy(&storage, &v4, sizeof v4);
    return {storage, sizeof v4};
  }
  sockaddr_in6 v6{};
  v6.sin6_family = AF_INET6;
  EXPECT_EQ(inet_pton(AF_INET6, text.c_str(), &v6.sin6_addr), 1) << text;
  std::memcpy(&storage, &v6, sizeof v6);
  return {storage, sizeof v6};
}

TEST(Address, EachIsToldForWhatItIs) {
  for (const auto& row : Table("addresses.tsv")) {
    const auto [storage, size] = Socket(row.at(1));
    const auto* address = reinterpret_cast<const sockaddr*>(&storage);
    EXPECT_EQ(ToString(ClassOf(address, size)), row.at(0)) << row.at(1);
    EXPECT_EQ(MayConnect(address, size, /*allow_private=*/false), row.at(0) == "public") << row.at(1);
    const bool with_private = row.at(0) == "public" || (row.size() > 2 && row[2] == "private");
    EXPECT_EQ(MayConnect(address, size, /*allow_private=*/true), with_private) << row.at(1);
  }
}

TEST(Address, NothingButTheInternet) {
  sockaddr_un local{};
  local.sun_family = AF_UNIX;
  const auto* address = reinterpret_cast<const sockaddr*>(&local);
  EXPECT_EQ(ClassOf(address, sizeof local), AddressClass::kNotInternet);
  EXPECT_FALSE(MayConnect(address, sizeof local, true));
  const auto [storage, size] = Socket("93.184.216.34");
  EXPECT_FALSE(MayConnect(reinterpret_cast<const sockaddr*>(&storage), size - 1, true)) << "cut short";
}

}  // namespace
}  // namespace tamiz::net
