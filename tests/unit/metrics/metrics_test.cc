#include "core/metrics/metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <prometheus/registry.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <thread>

#include "core/media/incomplete.h"
#include "core/metrics/process.h"

namespace tamiz::metrics {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using ::testing::Not;

std::string SourceFile(const std::string& path) {
  const char* const root = std::getenv("TAMIZ_SOURCE_DIR");
  EXPECT_NE(root, nullptr) << "TAMIZ_SOURCE_DIR is not set; run by ctest";
  std::ifstream file(std::string(root == nullptr ? "." : root) + "/" + path);
  EXPECT_TRUE(file) << path;
  return {std::istreambuf_iterator<char>(file), {}};
}

// Every method once, so that series made on demand exist too.
void UseAll(Metrics& metrics) {
  metrics.ScanFinished("MATCH");
  metrics.ScanFailed("UNAVAILABLE");
  metrics.Fetched("s3", "not_found");
  metrics.Fetched("gopher", "strange");
  metrics.Incomplete("DECODE_FAILED");
  metrics.StageTook(Stage::kDecode, 7ms);
  metrics.UploadBytes(1000);
  metrics.Frames(5, 3, 2);
  metrics.CloserLook("cut_off");
  metrics.DecoderExit("crashed");
  metrics.ListLoaded("known", 3, 100, 6400, std::chrono::system_clock::time_point(1700000000s), 20ms);
  metrics.ListState("known", 7, 1, 2, 3);
  metrics.Matched("known", "enforce");
  metrics.NearMisses("known", 2, 1);
  metrics.Synced("ncmec", "changed", std::chrono::system_clock::time_point(1700000002s), 4);
  metrics.ExchangePending("ncmec", true);
  metrics.Suppressed(2);
  metrics.Refused("BYTE_BUDGET");
  metrics.Principals(std::vector<std::string>{"uploads"});
  metrics.PrincipalCall("uploads", "admitted");
  metrics.Load(1, 2, 3, 4000);
  metrics.BreakerTripped(false);
  metrics.ImportBytes(500);
  metrics.ImportRows(7, 2, 1);
  metrics.SelfTested(true, std::chrono::system_clock::time_point(1700000001s));
  metrics.Rpc("tamiz.v1.ScanService/Scan", "OK", 12ms);
  metrics.TlsCertificate(std::chrono::system_clock::time_point(1800000000s));
  metrics.TlsReloaded(true);
  metrics.StoreState(true, 3);
  metrics.SandboxLayer("seccomp");
  metrics.BuildInfo("1.2.3");
}

std::string_view TypeName(prometheus::MetricType type) {
  switch (type) {
    case prometheus::MetricType::Counter:
      return "counter";
    case prometheus::MetricType::Gauge:
      return "gauge";
    case prometheus::MetricType::Summary:
      return "summary";
    case prometheus::MetricType::Untyped:
      return "untyped";
    case prometheus::MetricType::Histogram:
      return "histogram";
  }
  return "unknown";
}

TEST(Metrics, NamesTypesAndLabelsAreTheGoldenOnes) {
  Metrics metrics;
  UseAll(metrics);
  std::set<std::string> lines;
  for (const auto& family : metrics.registry()->Collect()) {
    for (const auto& metric : family.metric) {
      std::set<std::string> keys;
      for (const auto& label : metric.label) keys.insert(label.name);
      std::string line = family.name + " " + std::string(TypeName(family.type));
      for (const std::string& key : keys) line += " " + key;
      lines.insert(line);
    }
  }
  std::string text;
  for (const std::string& line : lines) text += line + "\n";
  EXPECT_EQ(text, SourceFile("tests/golden/metrics.txt"));
}

TEST(Metrics, TheDocumentationNamesEachAndNoOther) {
  Metrics metrics;
  UseAll(metrics);
  std::set<std::string> names;
  for (const auto& family : metrics.registry()->Collect()) names.insert(family.name);
  const std::string doc = SourceFile("docs/METRICS.md");
  std::set<std::string> documented;
  constexpr std::string_view kRow = "\n| `";
  for (std::size_t at = 0; (at = doc.find(kRow, at)) != std::string::npos;) {
    at += kRow.size();
    documented.insert(doc.substr(at, doc.find('`', at) - at));
  }
  EXPECT_EQ(documented, names);
  const auto each_value = [&](const auto& values) {
    for (const auto& value : values) EXPECT_THAT(doc, HasSubstr("`" + std::string(value) + "`"));
  };
  each_value(kVerdicts);
  each_value(kCloserLookOutcomes);
  each_value(kDecoderExits);
  each_value(kRefusals);
  each_value(kSandboxLayers);
}

TEST(Metrics, TheAlertRulesUseOnlyMetricsThatExist) {
  Metrics metrics;
  UseAll(metrics);
  std::set<std::string> names;
  for (const auto& family : metrics.registry()->Collect()) names.insert(family.name);
  const std::string rules = SourceFile("deploy/prometheus/tamiz.rules.yml");
  int seen = 0;
  for (std::size_t at = 0; (at = rules.find("tamiz_", at)) != std::string::npos; ++seen) {
    const std::size_t end = rules.find_first_not_of("abcdefghijklmnopqrstuvwxyz_", at);
    const std::string used = rules.substr(at, end - at);
    EXPECT_TRUE(names.contains(used)) << used;
    at = end;
  }
  EXPECT_GT(seen, 10);
}

TEST(Metrics, AnExchangeShowsItsSeriesUntilItGoes) {
  Metrics metrics;
  metrics.Synced("ncmec", "", std::nullopt, 0);
  EXPECT_THAT(metrics.Text(),
              HasSubstr("tamiz_exchange_last_success_timestamp_seconds{exchange=\"ncmec\"} 0"));
  EXPECT_THAT(metrics.Text(),
              HasSubstr("tamiz_exchange_syncs_total{exchange=\"ncmec\",outcome=\"failed\"} 0"));
  metrics.Synced("ncmec", "failed", std::nullopt, 2);
  metrics.ExchangePending("ncmec", true);
  EXPECT_THAT(metrics.Text(),
              HasSubstr("tamiz_exchange_syncs_total{exchange=\"ncmec\",outcome=\"failed\"} 1"));
  EXPECT_THAT(metrics.Text(), HasSubstr("tamiz_exchange_skipped_total{exchange=\"ncmec\"} 2"));
  EXPECT_THAT(metrics.Text(), HasSubstr("tamiz_exchange_change_pending{exchange=\"ncmec\"} 1"));
  metrics.ExchangeGone("ncmec");
  EXPECT_THAT(metrics.Text(), Not(HasSubstr("ncmec")));
}

TEST(Metrics, ClosedSetsShowZeroesFromTheStart) {
  const std::string text = Metrics().Text();
  for (const auto verdict : kVerdicts) {
    EXPECT_THAT(text, HasSubstr("tamiz_scans_total{verdict=\"" + std::string(verdict) + "\"} 0\n"));
  }
  for (const auto code : media::kAllIncompleteCodes) {
    EXPECT_THAT(
        text, HasSubstr("tamiz_incomplete_total{reason=\"" + std::string(media::ToString(code)) + "\"} 0\n"));
  }
  for (const auto reason : kRefusals) {
    EXPECT_THAT(text, HasSubstr("tamiz_refusals_total{reason=\"" + std::string(reason) + "\"} 0\n"));
  }
  for (const auto reason : kDecoderExits) {
    EXPECT_THAT(text, HasSubstr("tamiz_decoder_exits_total{reason=\"" + std::string(reason) + "\"} 0\n"));
  }
  for (const auto layer : kSandboxLayers) {
    EXPECT_THAT(text, HasSubstr("tamiz_sandbox_layer_active{layer=\"" + std::string(layer) + "\"} 0\n"));
  }
  EXPECT_THAT(text, HasSubstr("tamiz_stage_duration_seconds_count{stage=\"match\"} 0\n"));
  EXPECT_THAT(text, HasSubstr("tamiz_selftest_last_success_timestamp_seconds 0\n"));
  EXPECT_THAT(text, Not(HasSubstr("OTHER")));
}

TEST(Metrics, CountsWhatItIsTold) {
  Metrics metrics;
  UseAll(metrics);
  metrics.SelfTested(false, std::chrono::system_clock::time_point(1800000000s));
  const std::string text = metrics.Text();
  for (const char* line : {"tamiz_scans_total{verdict=\"MATCH\"} 1",
                           "tamiz_scan_errors_total{code=\"UNAVAILABLE\"} 1",
                           "tamiz_incomplete_total{reason=\"DECODE_FAILED\"} 1",
                           "tamiz_stage_duration_seconds_bucket{stage=\"decode\",le=\"0.005\"} 0",
                           "tamiz_stage_duration_seconds_bucket{stage=\"decode\",le=\"0.01\"} 1",
                           "tamiz_stage_duration_seconds_bucket{stage=\"decode\",le=\"150\"} 1",
                           "tamiz_upload_bytes_total 1000",
                           "tamiz_frames_total{state=\"decoded\"} 5",
                           "tamiz_frames_total{state=\"hashed\"} 3",
                           "tamiz_frames_total{state=\"low_quality\"} 2",
                           "tamiz_decoder_exits_total{reason=\"crashed\"} 1",
                           "tamiz_matches_suppressed_total 2",
                           "tamiz_refusals_total{reason=\"BYTE_BUDGET\"} 1",
                           "tamiz_scans_in_flight 1",
                           "tamiz_queue_depth{lane=\"live\"} 2",
                           "tamiz_queue_depth{lane=\"bulk\"} 3",
                           "tamiz_upload_bytes_in_flight 4000",
                           "tamiz_list_version{list=\"known\"} 3",
                           "tamiz_list_entries{list=\"known\"} 100",
                           "tamiz_list_index_bytes{list=\"known\"} 6400",
                           "tamiz_list_updated_timestamp_seconds{list=\"known\"} 1700000000",
                           "tamiz_list_build_duration_seconds{list=\"known\"} 0.02",
                           "tamiz_breaker_trips_total{scope=\"entry\"} 1",
                           "tamiz_import_bytes_total 500",
                           "tamiz_import_rows_total{outcome=\"taken\"} 7",
                           "tamiz_import_rows_total{outcome=\"rejected\"} 2",
                           "tamiz_import_rows_total{outcome=\"skipped\"} 1",
                           "tamiz_selftest_last_success_timestamp_seconds 1700000001",
                           "tamiz_selftest_runs_total{result=\"passed\"} 1",
                           "tamiz_selftest_runs_total{result=\"failed\"} 1",
                           "tamiz_sandbox_layer_active{layer=\"seccomp\"} 1",
                           "tamiz_build_info{version=\"1.2.3\"} 1"}) {
    EXPECT_THAT(text, HasSubstr(std::string("\n") + line + "\n"));
  }
  const auto has = [&](const std::string& name, const std::string& one, const std::string& other,
                       const std::string& value) {  // label order is not fixed
    return text.find(name + "{" + one + "," + other + "} " + value + "\n") != std::string::npos ||
           text.find(name + "{" + other + "," + one + "} " + value + "\n") != std::string::npos;
  };
  EXPECT_TRUE(has("tamiz_matches_total", "list=\"known\"", "mode=\"enforce\"", "1"));
  EXPECT_TRUE(has("tamiz_matches_total", "list=\"known\"", "mode=\"shadow\"", "0"));
  EXPECT_TRUE(has("tamiz_near_misses_total", "list=\"known\"", "outcome=\"review\"", "2"));
  EXPECT_TRUE(has("tamiz_near_misses_total", "list=\"known\"", "outcome=\"dropped\"", "1"));
  EXPECT_TRUE(
      has("tamiz_rpc_duration_seconds_count", "method=\"tamiz.v1.ScanService/Scan\"", "code=\"OK\"", "1"));
}

TEST(Metrics, BoundsLabelsWhateverItIsTold) {
  Metrics metrics;
  for (int i = 0; i < 5000; ++i) {
    const std::string odd = "odd" + std::to_string(i);
    metrics.ScanFinished(odd);
    metrics.ScanFailed(odd);
    metrics.Incomplete(odd);
    metrics.DecoderExit(odd);
    metrics.Refused(odd);
    metrics.SandboxLayer(odd);
    metrics.Rpc(odd, "OK", 1ms);
  }
  std::size_t series = 0;
  for (const auto& family : metrics.registry()->Collect()) series += family.metric.size();
  EXPECT_LT(series, 1200u);
  EXPECT_THAT(metrics.Text(), HasSubstr("tamiz_scans_total{verdict=\"OTHER\"} 5000\n"));
}

TEST(Metrics, AListThatIsGoneLeavesNothing) {
  Metrics metrics;
  metrics.ListLoaded("going", 1, 1, 1, {}, 1us);
  metrics.ListState("going", 7, 1, 2, 3);
  metrics.ListState("staying", 7, 1, 2, 3);
  for (const char* line : {"tamiz_list_delta_entries{list=\"staying\"} 7",
                           "tamiz_list_suspect_hashes{kind=\"flat\",list=\"staying\"} 1",
                           "tamiz_list_suspect_hashes{kind=\"low_quality\",list=\"staying\"} 2",
                           "tamiz_list_suspect_hashes{kind=\"shared\",list=\"staying\"} 3"}) {
    EXPECT_THAT(metrics.Text(), HasSubstr(std::string(line) + "\n"));
  }
  metrics.ListLoaded("staying", 1, 1, 1, {}, 1us);
  metrics.Matched("going", "enforce");
  metrics.Matched("going", "off");
  metrics.ListGone("going");
  metrics.ListGone("never there");
  EXPECT_THAT(metrics.Text(), Not(HasSubstr("going")));
  EXPECT_THAT(metrics.Text(), HasSubstr("tamiz_list_version{list=\"staying\"} 1\n"));
  metrics.ListLoaded("going", 2, 1, 1, {}, 1us);  // and may come back
  EXPECT_THAT(metrics.Text(), HasSubstr("tamiz_list_version{list=\"going\"} 2\n"));
}

TEST(Metrics, RefreshesBeforeItCollects) {
  Metrics metrics;
  std::uint32_t running = 0;
  metrics.OnCollect([&] { metrics.Load(++running, 0, 0, 0); });
  EXPECT_THAT(metrics.Text(), HasSubstr("tamiz_scans_in_flight 1\n"));
  EXPECT_THAT(metrics.Text(), HasSubstr("tamiz_scans_in_flight 2\n"));
  metrics.OnCollect(nullptr);
  EXPECT_THAT(metrics.Text(), HasSubstr("tamiz_scans_in_flight 2\n"));
}

TEST(Metrics, TheRegistryOutlivesIt) {
  std::shared_ptr<prometheus::Registry> registry;
  {
    Metrics metrics;
    metrics.OnCollect([&metrics] { metrics.Load(1, 1, 1, 1); });
    registry = metrics.registry();
  }
  EXPECT_FALSE(registry->Collect().empty());
}

TEST(Metrics, IsUsedFromManyThreads) {
  Metrics metrics;
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 3; ++t) {
      threads.emplace_back([&] {
        for (int i = 0; i < 200; ++i) {
          UseAll(metrics);
          if (i % 20 == 0) metrics.ListGone("known");
          if (i % 50 == 0) (void)metrics.Text();
        }
      });
    }
  }
  EXPECT_THAT(metrics.Text(), HasSubstr("tamiz_scans_total{verdict=\"MATCH\"} 600\n"));
}

TEST(Process, ReadsItself) {
  const auto reading = ReadProcess();
  ASSERT_TRUE(reading.has_value());
  EXPECT_GT(reading->resident_bytes, 1 << 20);
  EXPECT_GE(reading->virtual_bytes, reading->resident_bytes);
  EXPECT_GE(reading->open_fds, 3);
  EXPECT_LE(reading->open_fds, reading->max_fds);
  const double now =
      std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
  EXPECT_LE(reading->start_time_seconds, now + 2);
  EXPECT_GT(reading->start_time_seconds, now - 3600 * 24);
  const std::string text = Metrics().Text();
  EXPECT_THAT(text, Not(HasSubstr("process_resident_memory_bytes 0\n")));
  EXPECT_THAT(text, Not(HasSubstr("process_open_fds 0\n")));
}

}  // namespace
}  // namespace tamiz::metrics
