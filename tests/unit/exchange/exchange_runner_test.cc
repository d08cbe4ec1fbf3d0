#include "core/exchange/exchange_runner.h"

#include <gtest/gtest.h>

#include "core/exchange/exchange_status.h"
#include "core/exchange/stopncii.h"
#include "tests/unit/store/store_fixture.h"

namespace tamiz::exchange {
namespace {

class SettingsTest : public testing::Test {
 protected:
  std::string FaultyField(const Settings& settings) { return Field(Validate(settings, config_)); }
  Config config_;
  Settings good_{.name = "x",
                 .list = "x",
                 .type = "ncmec",
                 .environment = "npo-csam-test",
                 .user_file = "user",
                 .password_file = "password"};
};

TEST_F(SettingsTest, AreKept) {
  good_.max_change_share = 0.5;
  good_.large_fingerprints = true;
  good_.interval = std::chrono::hours(7);
  auto again = SettingsFromJson(ToJson(good_));
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(ToJson(*again), ToJson(good_));
  EXPECT_EQ(again->interval, good_.interval);
  EXPECT_FALSE(SettingsFromJson("{").ok());
  EXPECT_TRUE(Validate(good_, config_).ok());
  EXPECT_EQ(BaseUrl(good_), "https://hashsharing-test.ncmec.org/npo");
  good_.base_url = "https://own.example/x//";
  EXPECT_EQ(BaseUrl(good_), "https://own.example/x");
}

TEST_F(SettingsTest, AreChecked) {
  Settings s = good_;
  s.base_url = "http://own.example";
  EXPECT_EQ(FaultyField(s), "base_url") << "credentials in the clear";
  config_.allow_private = true;
  EXPECT_EQ(FaultyField(s), "");
  s.base_url = "https://own.example/?x=";
  EXPECT_EQ(FaultyField(s), "base_url");
  s = good_;
  s.environment = "none";
  EXPECT_EQ(FaultyField(s), "environment");
  s = good_;
  for (const char* file : {"", "../x", "a/b", ".x", "/etc/shadow", "a b"}) {
    s.password_file = file;
    EXPECT_EQ(FaultyField(s), "password_file") << file;
  }
  EXPECT_EQ(Environments().size(), 14u);
}

// Otherwise a clock that was set back would stop an exchange for as long as it was set back.
TEST(ExchangeStateTest, AnAttemptThatLiesAheadWasNotLately) {
  using namespace std::chrono_literals;
  const WallTime now{1000h};
  ExchangeState state;
  EXPECT_FALSE(WasTriedLately(state, 1h, now));
  state.last_attempt = now - 10min;
  EXPECT_TRUE(WasTriedLately(state, 1h, now));
  state.last_attempt = now - 31min;
  EXPECT_FALSE(WasTriedLately(state, 1h, now));
  state.last_attempt = now + 1min;
  EXPECT_FALSE(WasTriedLately(state, 1h, now));
  state.last_attempt = now + 10'000h;
  EXPECT_FALSE(WasTriedLately(state, 1h, now));
}

class RunnerTest : public store::StoreFixture {
 protected:
  void SetUp() override {
    store_ = Open();
    lists_ = std::make_unique<store::ListRegistry>(*store_, Clock::System());
    config_.secrets_dir = folder_.string();
    config_.allow_private = true;
    runner_ = std::make_unique<ExchangeRunner>(config_, ExchangeRunner::Parts{*store_, *lists_, metrics_});
  }
  static Settings StopNcii(const std::string& list) {
    return {.name = "ncii",
            .list = list,
            .type = "stopncii",
            .base_url = "http://127.0.0.1:1",
            .function_key_file = "f",
            .subscription_file = "s"};
  }
  Config config_;
  metrics::Metrics metrics_;
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<store::ListRegistry> lists_;
  std::unique_ptr<ExchangeRunner> runner_;
};

TEST_F(RunnerTest, AListOfImagesOfAdultsSaysSoAndIsSharedWithNothingElse) {
  ASSERT_TRUE(runner_->Add(StopNcii("adults")).ok());
  const auto made = lists_->GetList("adults");
  ASSERT_TRUE(made.ok());
  EXPECT_EQ(made->policy.action_hint, kNciiActionHint);
  EXPECT_EQ(made->labels, (std::vector<std::string>{"ncii-adult", "not-csam"}));
  Settings ncmec{.name = "n",
                 .list = "adults",
                 .type = "ncmec",
                 .environment = "npo-csam",
                 .user_file = "u",
                 .password_file = "p"};
  EXPECT_EQ(Reason(runner_->Add(ncmec).status()), "LIST_UNSUITABLE");
  lists::ListInfo plain;
  plain.name = "plain";
  ASSERT_TRUE(lists_->CreateList(plain).ok());
  Settings other = StopNcii("plain");
  other.name = "other";
  EXPECT_EQ(Reason(runner_->Add(other).status()), "LIST_UNSUITABLE");
  EXPECT_EQ(runner_->Add(StopNcii("adults")).status().code(), StatusCode::kAlreadyExists);
  EXPECT_EQ(runner_->All()->size(), 1u);
  ASSERT_TRUE(runner_->Remove("ncii").ok());
  EXPECT_EQ(runner_->Remove("ncii").code(), StatusCode::kNotFound);
  EXPECT_TRUE(lists_->GetList("adults").ok()) << "the list stays";
}

TEST_F(RunnerTest, SecretsThatAreMissingAreNamedAndNothingElse) {
  ASSERT_TRUE(runner_->Add(StopNcii("adults")).ok());
  const auto result = runner_->SyncNow("ncii", {});
  EXPECT_EQ(Reason(result.status()), "SECRET_UNREADABLE");
  const auto status = runner_->Get("ncii");
  ASSERT_TRUE(status.ok());
  EXPECT_EQ(status->state.outcome, "failed");
  EXPECT_NE(status->state.message.find("function_key_file"), std::string::npos);
  EXPECT_NE(metrics_.Text().find(R"(tamiz_exchange_syncs_total{exchange="ncii",outcome="failed"} 1)"),
            std::string::npos);
}

}  // namespace
}  // namespace tamiz::exchange
