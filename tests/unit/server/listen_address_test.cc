#include "server/listen_address.h"

#include <gtest/gtest.h>

namespace tamiz::server {
namespace {

ListenAddress Parse(std::string_view text) {
  auto address = ParseListenAddress(text);
  EXPECT_TRUE(address.ok()) << text;
  return address.value_or(ListenAddress());
}

TEST(ListenAddressTest, TellsLocalFromReachable) {
  for (const char* text :
       {"127.0.0.1:0", "127.8.9.10:1", "localhost:50051", "[::1]:65535", "unix:/run/tamiz.sock"}) {
    EXPECT_TRUE(Parse(text).is_local) << text;
  }
  for (const char* text : {"0.0.0.0:1", ":1", "[::]:1", "10.0.0.1:1", "128.0.0.1:1", "scanner.example:1",
                           "[fe80::1]:1", "127.0.0.1.example.org:1"}) {
    EXPECT_FALSE(Parse(text).is_local) << text;
  }
}

TEST(ListenAddressTest, WritesWhatGrpcWants) {
  EXPECT_EQ(Parse("127.0.0.1:7").ForGrpc(), "127.0.0.1:7");
  EXPECT_EQ(Parse(":7").ForGrpc(), "0.0.0.0:7");
  EXPECT_EQ(Parse("[::1]:7").ForGrpc(), "[::1]:7");
  EXPECT_EQ(Parse("unix:/a b/c").ForGrpc(), "unix:/a b/c");
}

TEST(ListenAddressTest, RefusesWhatIsNoAddress) {
  for (const char* text :
       {"", "localhost", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:-1", "127.0.0.1:8x", "::1:7", "unix:"}) {
    EXPECT_EQ(ParseListenAddress(text).status().code(), StatusCode::kInvalidArgument) << text;
  }
  EXPECT_FALSE(ParseListenAddress("unix:/" + std::string(107, 'a')).ok());
}

}  // namespace
}  // namespace tamiz::server
