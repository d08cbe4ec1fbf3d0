#include "core/config/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "core/config/keys.h"

namespace tamiz::config {
namespace {

using namespace std::chrono_literals;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

std::string SourceFile(const std::string& path) {
  const char* const root = std::getenv("TAMIZ_SOURCE_DIR");
  EXPECT_NE(root, nullptr) << "TAMIZ_SOURCE_DIR is not set; run by ctest";
  std::ifstream file(std::string(root == nullptr ? "." : root) + "/" + path);
  EXPECT_TRUE(file) << path;
  return {std::istreambuf_iterator<char>(file), {}};
}

class ConfigTest : public testing::Test {
 protected:
  ConfigTest() {
    std::string name = testing::TempDir() + "/tamiz-config-XXXXXX";
    dir_ = mkdtemp(name.data());
  }
  ~ConfigTest() override { std::filesystem::remove_all(dir_); }

  StatusOr<Config> LoadText(const std::string& text, const std::vector<Override>& environment = {},
                            const std::vector<Override>& flags = {}) {
    std::ofstream(path()) << text;
    return Load(path(), environment, flags);
  }
  std::string path() const { return dir_ + "/t.toml"; }
  static std::string Principal(const std::string& name) {
    return "[[auth.principal]]\nname = '" + name + "'\nroles = ['scan']\ntoken_sha256 = ['" +
           std::string(64, 'a') + "']\n";
  }

  // The message for a file that must be refused.
  std::string Refusal(const std::string& text) {
    const auto config = LoadText(text);
    EXPECT_EQ(config.status().code(), StatusCode::kInvalidArgument) << text;
    return Message(config.status());
  }

  std::string dir_;
};

StatusOr<Config> With(const std::string& key, const std::string& value) {
  return Load("", {{key, value, "TAMIZ__TEST"}}, {});
}

TEST(Defaults, TheFileAndTheStructsAgree) {
  auto loaded = Load("", {}, {});
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  EXPECT_EQ(loaded->source.spool_dir, loaded->data_dir);
  loaded->source.spool_dir.clear();
  EXPECT_THAT(Difference(Config{}, *loaded), IsEmpty());
}

TEST(Defaults, TheCompiledInFileIsTheOneInDeploy) {
  EXPECT_EQ(DefaultFile(), SourceFile("deploy/tamiz.toml"));
}

TEST(Defaults, TheFileHasEveryKeyWithAComment) {
  const std::string file(DefaultFile());
  for (const Key& key : AllKeys()) {
    const std::string leaf(key.name.substr(key.name.rfind('.') + 1));
    const std::size_t at = file.find("\n" + leaf + " = ");
    ASSERT_NE(at, std::string::npos) << key.name;
    if (leaf == "tls_key_file") continue;  // shares its comment with the key above
    const std::size_t line_above = file.rfind('\n', at - 1);
    EXPECT_EQ(file[line_above + 1], '#') << key.name;
  }
  // Arrays are empty by default: their tables stand there as comments.
  for (const Array& array : AllArrays()) {
    const std::size_t begin = file.find("\n# [[" + std::string(array.name) + "]]\n");
    ASSERT_NE(begin, std::string::npos) << array.name;
    for (const Key& key : array.keys) {
      const std::string leaf(key.name.substr(key.name.rfind('.') + 1));
      EXPECT_NE(file.find("\n# " + leaf + " = ", begin), std::string::npos) << key.name;
    }
  }
}

TEST(Defaults, TheDocumentationHasEveryKeyWithDefaultAndRange) {
  const std::string doc = SourceFile("docs/CONFIG.md");
  std::size_t rows = 0;
  for (std::size_t at = 0; (at = doc.find("\n| `", at)) != std::string::npos; ++at) ++rows;
  std::size_t keys = 0;
  const auto find = [&](const Key& key, const Config& defaults) {
    const std::string value = key.is_required ? "must be given" : "`" + ValueText(key, defaults) + "`";
    const std::string row = "\n| `" + std::string(key.name) + "` | " + value + " | " + RangeText(key) + " | ";
    EXPECT_THAT(doc, HasSubstr(row));
    ++keys;
  };
  for (const Key& key : AllKeys()) find(key, Config{});
  for (const Array& array : AllArrays()) {
    for (const Key& key : array.keys) find(key, array.only({}, 0));
  }
  EXPECT_EQ(rows, keys);
}

// Counts the members of an aggregate, so that a new one cannot be forgotten in the table.
struct Anything {
  template <typename T>
  operator T() const;
};
template <typename T, typename... Given>
consteval std::size_t Members() {
  if constexpr (requires { T{Given{}..., Anything{}}; }) {
    return Members<T, Given..., Anything>();
  } else {
    return sizeof...(Given);
  }
}

TEST(Keys, CoverEveryFieldOfEverySection) {
  const auto count = [](std::string_view section) {
    return static_cast<std::size_t>(
        std::ranges::count_if(AllKeys(), [&](const Key& key) { return key.name.starts_with(section); }) +
        std::ranges::count_if(AllArrays(),
                              [&](const Array& array) { return array.name.starts_with(section); }));
  };
  const auto keys_of = [](std::string_view array) { return FindArray(array)->keys.size(); };
  EXPECT_EQ(keys_of("source.http"), Members<source::HttpSource>());
  EXPECT_EQ(keys_of("source.s3"), Members<source::S3Source>());
  EXPECT_EQ(count("server."), Members<ServerConfig>());
  EXPECT_EQ(count("source."), Members<source::Config>());
  EXPECT_EQ(keys_of("auth.principal"), Members<PrincipalConfig>());
  EXPECT_EQ(count("auth."), Members<AuthConfig>());
  EXPECT_EQ(count("decode."), Members<sandbox::Config>());
  EXPECT_EQ(count("admission."), Members<work::AdmissionConfig>());
  EXPECT_EQ(count("scan."), Members<scan::Config>());
  EXPECT_EQ(count("lists."), Members<ListsConfig>());
  EXPECT_EQ(count("exchange."), Members<exchange::Config>());
  EXPECT_EQ(count("self_test."), Members<SelfTestConfig>());
  EXPECT_EQ(count("log."), Members<LogConfig>());
  EXPECT_EQ(count("store."), Members<store::Config>());
  EXPECT_EQ(Members<Config>(), 12u);  // eleven sections and data_dir
}

TEST(Keys, EachReachesAFieldOfItsOwn) {
  // Every key moved away from its default: exactly that key differs.
  const auto move = [](const Key& key, Config& changed) {
    switch (key.kind) {
      case Kind::kText:
        std::get<TextField>(key.field)(changed) += "x";
        break;
      case Kind::kTexts:
        std::get<TextsField>(key.field)(changed).push_back("x");
        break;
      case Kind::kFlag:
        std::get<FlagField>(key.field)(changed) ^= true;
        break;
      case Kind::kCount:
      case Kind::kBytes:
      case Kind::kTime: {
        const auto& field = std::get<NumberField>(key.field);
        field.set(changed, field.get(changed) + key.step);
        break;
      }
      case Kind::kShare:
        std::get<ShareField>(key.field)(changed) /= 2;
        break;
    }
  };
  for (const Key& key : AllKeys()) {
    Config changed;
    move(key, changed);
    EXPECT_THAT(Difference(Config{}, changed), ElementsAre(std::string(key.name)));
  }
  for (const Array& array : AllArrays()) {
    const Config fresh = array.only({}, 0);
    EXPECT_THAT(Difference(Config{}, fresh), ElementsAre(std::string(array.name)));
    for (const Key& key : array.keys) {
      Config changed = fresh;
      move(key, changed);
      EXPECT_THAT(Difference(fresh, changed), ElementsAre(std::string(array.name))) << key.name;
      for (const Key& other : array.keys) {
        EXPECT_EQ(ValueText(other, fresh) == ValueText(other, changed), &other != &key) << other.name;
      }
    }
  }
}

TEST(Keys, TheirDefaultsAndLimitsAreAccepted) {
  for (const Key& key : AllKeys()) {
    if (const auto* field = std::get_if<NumberField>(&key.field)) {
      EXPECT_GE(field->get(Config{}), key.min) << key.name;
      EXPECT_LE(field->get(Config{}), key.max) << key.name;
      Config config;
      field->set(config, key.max);
      EXPECT_EQ(field->get(config), key.max) << key.name << " does not hold its own limit";
    }
  }
}

TEST_F(ConfigTest, TheFileOverridesTheDefaults) {
  const auto config = LoadText(R"(
data_dir = "/srv/tamiz"
[server]
listen = "127.0.0.1:1"
drain_time = 12
[source]
max_bytes = "10MiB"
spool_bytes = 65536
file_roots = ["/a", "/b c"]
[decode]
wall_time = "1.5s"
[scan]
interval = 0.1
idempotency_ttl = "1h"
record_matches = false
[lists]
max_rejected_share = 1
)");
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->data_dir, "/srv/tamiz");
  EXPECT_EQ(config->server.listen, "127.0.0.1:1");
  EXPECT_EQ(config->server.drain_time, 12s);
  EXPECT_EQ(config->source.max_bytes, 10u << 20);
  EXPECT_EQ(config->source.spool_bytes, 65536u);
  EXPECT_EQ(config->source.spool_dir, "/srv/tamiz");
  EXPECT_THAT(config->source.file_roots, ElementsAre("/a", "/b c"));
  EXPECT_EQ(config->decode.wall_time, 1500ms);
  EXPECT_EQ(config->scan.interval, 100ms);
  EXPECT_EQ(config->scan.idempotency_ttl, 1h);
  EXPECT_FALSE(config->scan.record_matches);
  EXPECT_EQ(config->lists.max_rejected_share, 1.0);
  EXPECT_EQ(config->server.metrics_listen, ServerConfig().metrics_listen);
}

TEST_F(ConfigTest, FlagsOverrideTheEnvironmentAndThatTheFile) {
  const std::string file = "[log]\nlevel = 'warn'\n[admission]\nmax_queued = 1\nmax_running = 1";
  const auto config = LoadText(file, {{"log.level", "error", "e"}, {"admission.max_queued", "2", "e"}},
                               {{"log.level", "debug", "f"}});
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->log.level, "debug");
  EXPECT_EQ(config->admission.max_queued, 2u);
  EXPECT_EQ(config->admission.max_running, 1u);
}

TEST_F(ConfigTest, AnEmptyFileIsTheDefaults) {
  const auto config = LoadText("");
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_THAT(Difference(*config, *Load("", {}, {})), IsEmpty());
}

TEST_F(ConfigTest, UnknownKeysStopTheStartWithTheNearestOne) {
  EXPECT_THAT(Refusal("\n[server]\nlisen = 'x'\n"),
              HasSubstr(path() + ":3: unknown key 'server.lisen', perhaps 'server.listen'"));
  EXPECT_THAT(Refusal("[sever]\nlisten = 'x'\n"), HasSubstr("'sever.listen', perhaps 'server.listen'"));
  EXPECT_THAT(Refusal("[scan]\nmax_dimension = 5\n"), HasSubstr("perhaps 'decode.max_dimension'"));
  EXPECT_THAT(Refusal("data_dri = 'x'\n"), HasSubstr("perhaps 'data_dir'"));
  EXPECT_THAT(
      Refusal("[server]\nsomething_else_entirely = 1\n"),
      AllOf(HasSubstr(":2: unknown key 'server.something_else_entirely'"), Not(HasSubstr("perhaps"))));
  EXPECT_THAT(Refusal("[server.tls]\ncertificate = 'x'\n"),
              HasSubstr("unknown key 'server.tls.certificate'"));
  EXPECT_THAT(Refusal("[empty]\n"), HasSubstr("unknown key 'empty'"));
  EXPECT_THAT(Refusal("server = 5\n"), HasSubstr("'server' is a section; write [server]"));
  EXPECT_THAT(Refusal("[[server]]\nlisten = 'x'\n"), HasSubstr("'server' is a section"));
  EXPECT_THAT(Refusal("[data_dir]\nx = 5\n"), HasSubstr("data_dir"));
}

TEST_F(ConfigTest, ValuesOutOfRangeStopTheStartWithTheRange) {
  EXPECT_THAT(Refusal("[decode]\n\nframe_slots = 17\n"),
              HasSubstr(path() + ":3: decode.frame_slots = 17 cannot be used; allowed: 1 … 16 (default 3)"));
  EXPECT_THAT(Refusal("[decode]\nframe_slots = 0\n"), HasSubstr("allowed: 1 … 16"));
  EXPECT_THAT(Refusal("[decode]\nframe_slots = -1\n"), HasSubstr("= -1 cannot be used"));
  EXPECT_THAT(Refusal("[decode]\nframe_slots = 3.0\n"), HasSubstr("cannot be used"));
  EXPECT_THAT(Refusal("[decode]\nframe_slots = '3'\n"), HasSubstr("cannot be used"));
  EXPECT_THAT(Refusal("[decode]\nwall_time = '99ms'\n"),
              HasSubstr("allowed: \"100ms\" … \"1h\" (default \"2m\")"));
  EXPECT_THAT(Refusal("[decode]\nwall_time = '61m'\n"), HasSubstr("decode.wall_time"));
  EXPECT_THAT(Refusal("[decode]\nwall_time = '5 parsecs'\n"), HasSubstr("such as \"250ms\""));
  EXPECT_THAT(Refusal("[decode]\nwall_time = 9223372036854775807\n"), HasSubstr("decode.wall_time"));
  EXPECT_THAT(Refusal("[decode]\nwall_time = -1.0\n"), HasSubstr("decode.wall_time"));
  EXPECT_THAT(Refusal("[decode]\nwall_time = nan\n"), HasSubstr("decode.wall_time"));
  EXPECT_THAT(Refusal("[decode]\ncpu_time = '1500ms'\n"), HasSubstr("in whole seconds"));
  EXPECT_THAT(Refusal("[source]\nmax_bytes = '1KB'\n"), HasSubstr("such as \"64MiB\""));
  EXPECT_THAT(Refusal("[source]\nmax_bytes = '65GiB'\n"), HasSubstr("\"1KiB\" … \"64GiB\""));
  EXPECT_THAT(Refusal("[source]\nfile_roots = '/a'\n"), HasSubstr("list of texts"));
  EXPECT_THAT(Refusal("[source]\nfile_roots = ['/a', 5]\n"), HasSubstr("list of texts"));
  EXPECT_THAT(Refusal("[source]\nfile_roots = ['']\n"), HasSubstr("source.file_roots"));
  EXPECT_THAT(Refusal("[log]\nlevel = 'loud'\n"), HasSubstr(R"(allowed: "debug", "info", "warn", "error")"));
  EXPECT_THAT(Refusal("[lists]\nmax_rejected_share = 1.5\n"), HasSubstr("0 … 1"));
  EXPECT_THAT(Refusal("[lists]\nallow_export = 1\n"), HasSubstr("true, false"));
  EXPECT_THAT(Refusal("[server]\nlisten = 50051\n"), HasSubstr("allowed: text"));
}

TEST_F(ConfigTest, ArraysOfTables) {
  const auto config = LoadText(
      "[[source.s3]]\nname = 'one'\nendpoint = 'https://s3.example'\nbuckets = ['a', 'b']\n"
      "path_style = true\n[[source.s3]]\nname = 'two'\nendpoint = 'https://s4.example'\nbuckets = ['c']\n"
      "[[source.http]]\nname = 'cdn'\nhosts = ['cdn.example']\n[scan]\nmax_frames = 5\n");
  ASSERT_TRUE(config.ok()) << config.status();
  ASSERT_EQ(config->source.s3.size(), 2u);
  EXPECT_EQ(config->source.s3[0].name, "one");
  EXPECT_THAT(config->source.s3[0].buckets, ElementsAre("a", "b"));
  EXPECT_TRUE(config->source.s3[0].path_style);
  EXPECT_EQ(config->source.s3[1].endpoint, "https://s4.example");
  EXPECT_FALSE(config->source.s3[1].path_style) << "each table begins with the defaults";
  ASSERT_EQ(config->source.http.size(), 1u);
  EXPECT_THAT(config->source.http[0].schemes, ElementsAre("https"));
  EXPECT_EQ(config->scan.max_frames, 5u);
}

TEST_F(ConfigTest, ArraysOfTablesAreCheckedLikeEverythingElse) {
  const std::string good = "name = 'x'\nendpoint = 'https://s3.example'\nbuckets = ['a']\n";
  EXPECT_THAT(Refusal("[[source.s3]]\n" + good + "pathstyle = true\n"),
              HasSubstr(path() + ":5: unknown key 'source.s3.pathstyle', perhaps 'source.s3.path_style'"));
  EXPECT_THAT(
      Refusal("[[source.s3]]\n" + good + "path_style = 'yes'\n"),
      HasSubstr(":5: source.s3.path_style = 'yes' cannot be used; allowed: true, false (default false)"));
  EXPECT_THAT(Refusal("[[source.s3]]\nname = 'x'\nbuckets = ['a']\n"),
              HasSubstr(":1: source.s3.endpoint must be given in each [[source.s3]]"));
  EXPECT_THAT(Refusal("[[source.http]]\nname = 'x'\nhosts = []\n"),
              HasSubstr("source.http.hosts must be given"));
  EXPECT_THAT(Refusal("[[source.http]]\nname = 'x'\nhosts = ['h']\nschemes = ['ftp']\n"),
              HasSubstr("allowed: list of \"https\", \"http\""));
  EXPECT_THAT(Refusal("[source.s3]\nname = 'x'\n"), HasSubstr(":1: 'source.s3' is an array of tables"));
  EXPECT_THAT(Refusal("[source]\ns3 = 5\n"), HasSubstr("write [[source.s3]]"));
  EXPECT_THAT(Refusal("[source]\ns3 = [5]\n"), HasSubstr("holds tables; write [[source.s3]]"));
  EXPECT_THAT(Message(With("source.s3.endpoint", "x").status()),
              HasSubstr("TAMIZ__TEST: 'source.s3' is an array"));
  EXPECT_THAT(Message(With("source.s3", "[]").status()), HasSubstr("set it in the file"));
}

TEST_F(ConfigTest, NamesEveryProblemAtOnce) {
  const std::string message = Refusal("[log]\nlevel = 'loud'\n[scan]\nmax_frame = 5\n");
  EXPECT_THAT(message, AllOf(HasSubstr(":2: log.level"), HasSubstr("\n"), HasSubstr(":4: unknown key")));
}

TEST_F(ConfigTest, ReportsWhatIsNotToml) {
  EXPECT_THAT(Refusal("[server]\nlisten = \n"), AllOf(HasSubstr(path() + ":2"), HasSubstr("not TOML")));
  EXPECT_THAT(Refusal("[server]\nlisten = 'a'\nlisten = 'b'\n"), HasSubstr(":3: not TOML"));
  EXPECT_THAT(Refusal(std::string("[server]\nlisten = '\xff'\n")), HasSubstr("not TOML"));
}

TEST_F(ConfigTest, ReportsAFileThatCannotBeRead) {
  for (const std::string& file : {dir_ + "/none.toml", dir_}) {
    const auto config = Load(file, {}, {});
    EXPECT_EQ(config.status().code(), StatusCode::kInvalidArgument) << file;
    EXPECT_THAT(Message(config.status()), HasSubstr(file));
  }
}

TEST(Options, TakeBareTextAndToml) {
  EXPECT_EQ(With("server.listen", "localhost:5")->server.listen, "localhost:5");
  EXPECT_EQ(With("server.listen", "\"localhost:6\"")->server.listen, "localhost:6");
  EXPECT_EQ(With("data_dir", "C:\\odd \"name\"")->data_dir, "C:\\odd \"name\"");
  EXPECT_EQ(With("decode.wall_time", "90s")->decode.wall_time, 90s);
  EXPECT_EQ(With("decode.wall_time", "\"90s\"")->decode.wall_time, 90s);
  EXPECT_EQ(With("decode.wall_time", "90")->decode.wall_time, 90s);
  EXPECT_EQ(With("decode.wall_time", "0.25")->decode.wall_time, 250ms);
  EXPECT_EQ(With("source.spool_bytes", "1MiB")->source.spool_bytes, 1u << 20);
  EXPECT_EQ(With("scan.record_matches", "false")->scan.record_matches, false);
  EXPECT_THAT(With("source.file_roots", "/a,/b")->source.file_roots, ElementsAre("/a", "/b"));
  EXPECT_THAT(With("source.file_roots", "['/a,b']")->source.file_roots, ElementsAre("/a,b"));
  EXPECT_THAT(With("source.file_roots", "")->source.file_roots, IsEmpty());
}

TEST(Options, AreRefusedByName) {
  for (const auto& [key, value] : std::vector<std::pair<std::string, std::string>>{
           {"server.lisen", "x"},
           {"decode.frame_slots", "17"},
           {"decode.frame_slots", ""},
           {"decode.frame_slots", "3\n[server]\nlisten = 'evil:1'"},
           {"scan.record_matches", "yes"},
           {"data_dir", ""},
           {"data_dir", "\xff"},
           {"", "x"}}) {
    const auto config = With(key, value);
    EXPECT_EQ(config.status().code(), StatusCode::kInvalidArgument) << key << value;
    if (key != "data_dir") {
      EXPECT_THAT(Message(config.status()), HasSubstr("TAMIZ__TEST: ")) << key << value;
    }
  }
}

TEST(Options, ComeFromTheEnvironment) {
  ASSERT_EQ(setenv("TAMIZ__SERVER__METRICS_LISTEN", "127.0.0.1:7", 1), 0);
  ASSERT_EQ(setenv("TAMIZ__DATA_DIR", "/x=y", 1), 0);
  ASSERT_EQ(setenv("TAMIZ_SERVER_PORT", "tcp://ignored", 1),
            0);  // what Kubernetes sets for a service "tamiz"
  const auto options = FromEnvironment();
  const auto config = Load("", options, {});
  unsetenv("TAMIZ__SERVER__METRICS_LISTEN");
  unsetenv("TAMIZ__DATA_DIR");
  unsetenv("TAMIZ_SERVER_PORT");
  ASSERT_EQ(options.size(), 2u);
  EXPECT_EQ(options[0].key, "data_dir");
  EXPECT_EQ(options[0].origin, "TAMIZ__DATA_DIR");
  EXPECT_EQ(options[1].key, "server.metrics_listen");
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->data_dir, "/x=y");
  EXPECT_EQ(config->server.metrics_listen, "127.0.0.1:7");
}

TEST(Together, WithoutTlsOnlyLoopback) {
  for (const char* listen : {"0.0.0.0:50051", "10.1.2.3:50051", "[::]:50051", "scanner.example:50051"}) {
    const auto config = With("server.listen", listen);
    EXPECT_THAT(Message(config.status()), HasSubstr("server.allow_insecure_non_loopback = true")) << listen;
    EXPECT_TRUE(
        Load("", {{"server.listen", listen, "e"}, {"server.allow_insecure_non_loopback", "true", "e"}}, {})
            .ok());
    EXPECT_TRUE(Load("",
                     {{"server.listen", listen, "e"},
                      {"server.tls_certificate_file", "c", "e"},
                      {"server.tls_key_file", "k", "e"},
                      {"server.tls_client_ca_file", "a", "e"}},
                     {})
                    .ok());
  }
  for (const char* listen :
       {"127.0.0.1:0", "127.8.9.1:1", "localhost:1", "[::1]:50051", "unix:/run/tamiz.sock"}) {
    EXPECT_TRUE(With("server.listen", listen).ok()) << listen;
  }
}

TEST_F(ConfigTest, BeyondLoopbackSomethingMustSayWhoMayCall) {
  const std::string tls = "[server]\nlisten = '0.0.0.0:1'\ntls_certificate_file = 'c'\ntls_key_file = 'k'\n";
  EXPECT_THAT(Refusal(tls), HasSubstr("nothing says who may call"));
  EXPECT_TRUE(LoadText(tls + "tls_client_ca_file = 'a'\n").ok());
  EXPECT_TRUE(LoadText(tls + "[auth]\nallow_anonymous_non_loopback = true\n").ok());
  EXPECT_TRUE(LoadText(tls + Principal("a")).ok());
  // A principal does not make clear text safe.
  EXPECT_THAT(Refusal("[server]\nlisten = '0.0.0.0:1'\n" + Principal("a")), HasSubstr("without TLS"));
}

TEST_F(ConfigTest, PrincipalsAreRead) {
  const auto config = LoadText(R"(
[server]
tls_certificate_file = "c"
tls_key_file = "k"
tls_client_ca_file = "a"
tls_client_certificates = "optional"
[[auth.principal]]
name = "uploads"
token_sha256 = ["e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"]
roles = ["scan", "lists.read"]
max_calls_per_second = 7
max_calls_in_flight = 8
max_bytes_per_second = "9MiB"
[[auth.principal]]
name = "curators"
certificates = ["uri:spiffe://example.org/curators", "cn:curators"]
roles = ["lists.write", "export", "admin"]
)");
  ASSERT_TRUE(config.ok()) << config.status();
  const auto& principals = config->auth.principals;
  ASSERT_EQ(principals.size(), 2u);
  EXPECT_EQ(principals[0].name, "uploads");
  EXPECT_EQ(principals[0].token_sha256.size(), 1u);
  EXPECT_THAT(principals[0].roles, ElementsAre("scan", "lists.read"));
  EXPECT_EQ(principals[0].max_calls_per_second, 7u);
  EXPECT_EQ(principals[0].max_calls_in_flight, 8u);
  EXPECT_EQ(principals[0].max_bytes_per_second, 9u << 20);
  EXPECT_THAT(principals[1].certificates, ElementsAre("uri:spiffe://example.org/curators", "cn:curators"));
  EXPECT_EQ(principals[1].max_calls_per_second, 0u);
  // Printed, it is the same again; a change of one element is a change of the group.
  const auto again = LoadText(Print(*config));
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_THAT(Difference(*config, *again), IsEmpty());
  auto changed = *config;
  changed.auth.principals[1].roles.pop_back();
  EXPECT_THAT(Difference(*config, changed), ElementsAre("auth.principal"));
}

TEST_F(ConfigTest, WrongPrincipalsStopTheStart) {
  EXPECT_THAT(Refusal("[auth.principal]\nname = 'a'\n"), HasSubstr("write [[auth.principal]]"));
  EXPECT_THAT(Refusal("[[auth.principal]]\n\nnmae = 'a'\n"),
              HasSubstr(":3: unknown key 'auth.principal.nmae', perhaps 'auth.principal.name'"));
  EXPECT_THAT(Refusal("[[auth.principal]]\nroles = ['scam']\n"),
              HasSubstr(R"(allowed: list of "scan", "lists.read", "lists.write", "export", "admin")"));
  EXPECT_THAT(Refusal(Principal("A b")), HasSubstr("name must be"));
  EXPECT_THAT(Refusal(Principal("anonymous")), HasSubstr("choose another"));
  EXPECT_THAT(Refusal(Principal("a") + Principal("a")), HasSubstr("twice"));
  EXPECT_THAT(Refusal(Principal("a") + Principal("b")), HasSubstr("a token in common with \"a\""));
  EXPECT_THAT(Refusal("[[auth.principal]]\nname = 'a'\nroles = ['scan']\n"), HasSubstr("nobody can be it"));
  EXPECT_THAT(Refusal("[[auth.principal]]\nname = 'a'\ncertificates = ['cn:a']\n"),
              AllOf(HasSubstr("auth.principal.roles must be given"),
                    HasSubstr("only with server.tls_client_ca_file")));
  EXPECT_THAT(Refusal("[[auth.principal]]\nname = 'a'\ncertificates = ['a']\n"), HasSubstr("\"cn:…\""));
  // What looks like a token is not repeated in the message.
  EXPECT_THAT(Refusal("[[auth.principal]]\nname = 'a'\ntoken_sha256 = ['sesame']\n"),
              AllOf(HasSubstr("tamizd --new-token"), Not(HasSubstr("sesame"))));
}

TEST(Together, Addresses) {
  for (const char* listen :
       {"", "50051", ":50051", "host", "host:", "host:x", "host:65536", "host:-1", "::1:50051", "unix:"}) {
    EXPECT_THAT(Message(With("server.listen", listen).status()), HasSubstr("unix:PATH")) << listen;
    if (*listen != '\0') {
      EXPECT_THAT(Message(With("server.metrics_listen", listen).status()), HasSubstr("unix:PATH")) << listen;
    }
  }
  EXPECT_TRUE(With("server.metrics_listen", "").ok());
}

TEST(Together, TlsFilesComeInPairs) {
  EXPECT_THAT(Message(With("server.tls_certificate_file", "c").status()), HasSubstr("both or neither"));
  EXPECT_THAT(Message(With("server.tls_key_file", "k").status()), HasSubstr("both or neither"));
  EXPECT_THAT(Message(With("server.tls_client_ca_file", "k").status()),
              HasSubstr("tls_client_ca_file: it needs"));
}

TEST(Together, LimitsThatContradict) {
  EXPECT_THAT(Message(With("source.max_bytes", "5GiB").status()), HasSubstr("source.max_bytes_in_flight"));
  EXPECT_THAT(Message(With("decode.memory_bytes", "64MiB").status()), testing::IsEmpty());
  const auto config =
      Load("", {{"decode.memory_bytes", "64MiB", "e"}, {"decode.prepared_bytes", "65MiB", "e"}}, {});
  EXPECT_THAT(Message(config.status()), HasSubstr("decode.prepared_bytes"));
}

TEST(Together, FormatsAreKnownOnes) {
  EXPECT_TRUE(With("scan.disabled_formats", "tiff,gif").ok());
  EXPECT_THAT(Message(With("scan.disabled_formats", "tif").status()),
              AllOf(HasSubstr("unknown format \"tif\""), HasSubstr("tiff")));
}

TEST_F(ConfigTest, WhatIsPrintedCanBeLoaded) {
  auto config = Load("", {}, {});
  ASSERT_TRUE(config.ok());
  config->data_dir = "quote\" back\\slash tab\t é";
  config->server.tls_certificate_file = config->server.tls_key_file = "/k";
  config->server.drain_time = 1ms;
  config->source.file_roots = {"/a", "/b, \"c\""};
  config->source.max_bytes = 1025;
  config->decode.wall_time = 90s;
  config->decode.prepared_bytes = 0;
  config->scan.idempotency_ttl = 0s;
  config->scan.disabled_formats = {"gif"};
  config->lists.max_rejected_share = 1.0 / 3;
  config->source.http.resize(2);
  config->source.http[0] = {.name = "a", .hosts = {"a.example", "*.b.example"}, .ports = {"8443"}};
  config->source.http[1] = {
      .name = "b", .hosts = {"[2001:db8::7]"}, .schemes = {"http", "https"}, .allow_private = true};
  config->source.s3.push_back({.name = "s3", .endpoint = "https://s3.example", .buckets = {"*"}});
  const std::string text = Print(*config);
  const auto again = LoadText(text);
  ASSERT_TRUE(again.ok()) << again.status() << text;
  EXPECT_THAT(Difference(*config, *again), IsEmpty());
  EXPECT_EQ(again->data_dir, config->data_dir);
  EXPECT_EQ(again->lists.max_rejected_share, config->lists.max_rejected_share);
  EXPECT_EQ(Print(*again), text);
}

TEST(Difference, NamesKeysInTheOrderOfTheFile) {
  Config a, b;
  b.log.level = "debug";
  b.server.listen = "127.0.0.1:1";
  b.scan.interval = 2s;
  EXPECT_THAT(Difference(a, b), ElementsAre("server.listen", "scan.interval", "log.level"));
}

}  // namespace
}  // namespace tamiz::config
