#include "server/shutdown.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace tamiz::server {
namespace {

using ::testing::ElementsAre;

TEST(ShutdownTest, StepsComeInTheirOrderAndTheOutcomeIsTold) {
  for (const bool drained : {true, false}) {
    std::vector<std::string> order;
    ShutdownSteps steps;
    std::chrono::steady_clock::time_point rpc_until, scans_until;
    steps.say_not_serving = [&] { order.push_back("health"); };
    steps.stop_rpc = [&](auto until) {
      rpc_until = until;
      order.push_back("rpc");
    };
    steps.drain_scans = [&](auto until) {
      scans_until = until;
      order.push_back("scans");
      return drained;
    };
    steps.kill_decoders = [&] { order.push_back("decoders"); };
    steps.stop_background = [&] { order.push_back("background"); };
    steps.stop_http = [&] { order.push_back("http"); };
    steps.close_store = [&] { order.push_back("store"); };
    EXPECT_EQ(ShutDown(steps, std::chrono::seconds(5)), drained);
    EXPECT_THAT(order, ElementsAre("health", "rpc", "scans", "decoders", "background", "http", "store"));
    EXPECT_EQ(rpc_until, scans_until);
  }
}

}  // namespace
}  // namespace tamiz::server
