#include "core/config/config.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <toml++/toml.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <cstring>
#include <map>
#include <optional>
#include <set>
#include <sstream>

#include "core/base/check.h"
#include "core/base/unique_fd.h"
#include "core/config/keys.h"
#include "core/media/file_format.h"
#include "core/metrics/metrics.h"
#include "core/source/remote_rules.h"

namespace tamiz::config {
namespace {

constexpr std::string_view kEnvironmentPrefix = "TAMIZ__";

// What is wrong, one line each.
using Problems = std::vector<std::string>;

std::string TextOf(const toml::node& node) {
  std::ostringstream text;
  node.visit([&](const auto& value) { text << value; });
  return text.str();
}

// Splits "64MiB" or "1.5 s" into number and unit; nothing if it does not begin with a number.
std::optional<std::pair<double, std::string_view>> NumberAndUnit(std::string_view text) {
  double number = 0;
  const auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), number, std::chars_format::fixed);
  if (error != std::errc() || !std::isfinite(number) || number < 0) return std::nullopt;
  std::string_view unit = text.substr(static_cast<std::size_t>(end - text.data()));
  if (unit.starts_with(' ')) unit.remove_prefix(1);
  return std::pair(number, unit);
}

struct Unit {
  std::string_view name;
  double factor;
};
constexpr Unit kByteUnits[] = {{"", 1.0},
                               {"B", 1.0},
                               {"KiB", 1024.0},
                               {"MiB", 1048576.0},
                               {"GiB", 1073741824.0},
                               {"TiB", 1099511627776.0}};
constexpr Unit kTimeUnits[] = {{"ms", 1.0}, {"s", 1e3}, {"m", 6e4}, {"min", 6e4}, {"h", 3.6e6}};

// A text with a unit as a whole number of the smallest one.
std::optional<std::uint64_t> WithUnit(std::string_view text, std::span<const Unit> units) {
  const auto parts = NumberAndUnit(text);
  if (!parts) return std::nullopt;
  for (const Unit& unit : units) {
    if (unit.name != parts->second) continue;
    const double value = parts->first * unit.factor;
    if (value > 1e18 || value != std::floor(value)) return std::nullopt;
    return static_cast<std::uint64_t>(value);
  }
  return std::nullopt;
}

std::optional<std::uint64_t> NumberOf(const Key& key, const toml::node& node) {
  if (const auto* text = node.as_string(); text != nullptr && key.kind != Kind::kCount) {
    return key.kind == Kind::kBytes ? WithUnit(text->get(), kByteUnits) : WithUnit(text->get(), kTimeUnits);
  }
  if (const auto* number = node.as_integer()) {
    if (number->get() < 0) return std::nullopt;
    const auto value = static_cast<std::uint64_t>(number->get());
    if (key.kind != Kind::kTime) return value;
    if (value > key.max / 1000) return std::nullopt;  // seconds; beyond it in any case
    return value * 1000;
  }
  if (const auto* number = node.as_floating_point(); number != nullptr && key.kind == Kind::kTime) {
    const double ms = std::round(number->get() * 1e6) / 1e3;  // 0.1 s is not exactly 100 ms in binary
    if (!(ms >= 0) || ms > 1e15 || ms != std::floor(ms)) return std::nullopt;
    return static_cast<std::uint64_t>(ms);
  }
  return std::nullopt;
}

std::string_view Example(const Key& key) {
  switch (key.kind) {
    case Kind::kBytes:
      return "; a number of bytes, or a text with a unit, such as \"64MiB\" (KiB, MiB, GiB, TiB)";
    case Kind::kTime:
      return "; a number of seconds, or a text with a unit, such as \"250ms\" (ms, s, m, h)";
    case Kind::kText:
    case Kind::kTexts:
    case Kind::kFlag:
    case Kind::kCount:
    case Kind::kShare:
      return "";
  }
  return "";
}

bool SetText(const Key& key, const toml::node& node, Config& config) {
  const auto* text = node.as_string();
  if (text == nullptr) return false;
  if (!key.choices.empty() && std::ranges::find(key.choices, text->get()) == key.choices.end()) return false;
  std::get<TextField>(key.field)(config) = text->get();
  return true;
}

bool SetTexts(const Key& key, const toml::node& node, Config& config) {
  const auto* array = node.as_array();
  if (array == nullptr) return false;
  std::vector<std::string> texts;
  for (const toml::node& element : *array) {
    const auto* text = element.as_string();
    if (text == nullptr || text->get().empty()) return false;
    if (!key.choices.empty() && std::ranges::find(key.choices, text->get()) == key.choices.end())
      return false;
    texts.push_back(text->get());
  }
  std::get<TextsField>(key.field)(config) = std::move(texts);
  return true;
}

bool SetFlag(const Key& key, const toml::node& node, Config& config) {
  const auto* flag = node.as_boolean();
  if (flag == nullptr) return false;
  std::get<FlagField>(key.field)(config) = flag->get();
  return true;
}

bool SetNumber(const Key& key, const toml::node& node, Config& config) {
  const auto number = NumberOf(key, node);
  if (!number || *number < key.min || *number > key.max || *number % key.step != 0) return false;
  std::get<NumberField>(key.field).set(config, *number);
  return true;
}

bool SetShare(const Key& key, const toml::node& node, Config& config) {
  const auto share = node.value<double>();
  if (!share || !(*share >= 0 && *share <= 1)) return false;
  std::get<ShareField>(key.field)(config) = *share;
  return true;
}

// False if the value is of the wrong type or out of range; then nothing changes.
bool Set(const Key& key, const toml::node& node, Config& config) {
  switch (key.kind) {
    case Kind::kText:
      return SetText(key, node, config);
    case Kind::kTexts:
      return SetTexts(key, node, config);
    case Kind::kFlag:
      return SetFlag(key, node, config);
    case Kind::kCount:
    case Kind::kBytes:
    case Kind::kTime:
      return SetNumber(key, node, config);
    case Kind::kShare:
      return SetShare(key, node, config);
  }
  return false;
}

// Where the key's default stands.
Config DefaultsOf(const Key& key) {
  for (const Array& array : AllArrays()) {
    if (&key >= array.keys.data() && &key < array.keys.data() + array.keys.size()) return array.only({}, 0);
  }
  return {};
}

void SetOrComplain(const Key& key, const toml::node& node, const std::string& origin, Config& config,
                   Problems& problems) {
  if (Set(key, node, config)) return;
  const char* const step = key.step == 1000 ? ", in whole seconds" : "";
  problems.push_back(fmt::format("{}: {} = {} cannot be used; allowed: {}{} (default {}){}", origin, key.name,
                                 TextOf(node), RangeText(key), step, ValueText(key, DefaultsOf(key)),
                                 Example(key)));
}

void ComplainOfUnknown(std::string_view name, const std::string& origin, Problems& problems) {
  const Key* const nearest = NearestKey(name);
  problems.push_back(fmt::format("{}: unknown key '{}'{}; see docs/CONFIG.md or --print-config", origin, name,
                                 nearest == nullptr ? "" : fmt::format(", perhaps '{}'", nearest->name)));
}

bool IsSection(std::string_view name) {
  const std::string prefix = std::string(name) + ".";
  return std::ranges::any_of(AllKeys(), [&](const Key& key) { return key.name.starts_with(prefix); });
}

// One table of an array.
void ApplyElement(const Array& array, const toml::table& table, const std::string& file, Config& config,
                  Problems& problems) {
  Config element = array.only({}, 0);
  for (const auto& [leaf, node] : table) {
    const std::string name = fmt::format("{}.{}", array.name, leaf.str());
    const std::string origin = fmt::format("{}:{}", file, leaf.source().begin.line);
    const auto key = std::ranges::find(array.keys, name, &Key::name);
    if (key == array.keys.end()) {
      ComplainOfUnknown(name, origin, problems);
    } else {
      SetOrComplain(*key, node, origin, element, problems);
    }
  }
  for (const Key& key : array.keys) {
    const std::string value = ValueText(key, element);
    if (!key.is_required || (value != "\"\"" && value != "[]")) continue;
    problems.push_back(fmt::format("{}:{}: {} must be given in each [[{}]]", file, table.source().begin.line,
                                   key.name, array.name));
  }
  array.append(config, element);
}

void ApplyArray(const Array& array, const toml::node& node, const std::string& file, Config& config,
                Problems& problems) {
  const auto* const elements = node.as_array();
  for (std::size_t i = 0; elements != nullptr && i < elements->size(); ++i) {
    if (const auto* const element = elements->get(i)->as_table()) {
      ApplyElement(array, *element, file, config, problems);
      continue;
    }
    problems.push_back(fmt::format("{}:{}: '{}' holds tables; write [[{}]]", file,
                                   elements->get(i)->source().begin.line, array.name, array.name));
  }
  if (elements == nullptr) {
    problems.push_back(fmt::format("{}:{}: '{}' is an array of tables; write [[{}]]", file,
                                   node.source().begin.line, array.name, array.name));
  }
}

void ApplyTable(const toml::table& table, const std::string& section, const std::string& file, Config& config,
                Problems& problems) {
  for (const auto& [leaf, node] : table) {
    const std::string name =
        section.empty() ? std::string(leaf.str()) : section + "." + std::string(leaf.str());
    const std::string origin = fmt::format("{}:{}", file, leaf.source().begin.line);
    const auto* const subtable = node.as_table();
    if (const Key* const key = FindKey(name)) {
      SetOrComplain(*key, node, origin, config, problems);
    } else if (const Array* const array = FindArray(name)) {
      ApplyArray(*array, node, file, config, problems);
    } else if (section.empty() && IsSection(name) && subtable != nullptr) {
      ApplyTable(*subtable, name, file, config, problems);
    } else if (section.empty() && IsSection(name)) {
      problems.push_back(fmt::format("{}: '{}' is a section; write [{}]", origin, name, name));
    } else if (subtable != nullptr && !subtable->empty()) {
      ApplyTable(*subtable, name, file, config, problems);  // names each unknown key in it
    } else {
      ComplainOfUnknown(name, origin, problems);
    }
  }
}

// The only place where toml++ can throw.
StatusOr<toml::table> Parse(std::string_view text, const std::string& file) {
  try {
    return toml::parse(text, file);
  } catch (const toml::parse_error& error) {
    return InvalidArgument(
        fmt::format("{}:{}: not TOML: {}", file, error.source().begin.line, error.description()));
  } catch (const std::exception& error) {
    return InvalidArgument(fmt::format("{}: not TOML: {}", file, error.what()));
  }
}

StatusOr<std::string> Read(const std::string& file) {
  const UniqueFd fd(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
  std::string text;
  char piece[4096];
  ssize_t n = fd.valid() ? 0 : -1;
  while (fd.valid() && (n = ::read(fd.get(), piece, sizeof piece)) > 0)
    text.append(piece, static_cast<std::size_t>(n));
  if (n < 0) {
    return InvalidArgument(
        fmt::format("{}: cannot read the configuration file: {}", file, std::strerror(errno)));
  }
  return text;
}

// An option's value as the TOML that it stands for: TOML where the key wants it, else bare text.
std::string AsToml(const Key& key, const std::string& value) {
  switch (key.kind) {
    case Kind::kText:
      return value.starts_with('"') || value.starts_with('\'') ? value : Quoted(value);
    case Kind::kTexts: {
      if (value.starts_with('[')) return value;
      std::vector<std::string> parts;
      std::istringstream stream(value);
      for (std::string part; std::getline(stream, part, ',');) parts.push_back(Quoted(part));
      return fmt::format("[{}]", fmt::join(parts, ", "));
    }
    case Kind::kFlag:
    case Kind::kCount:
    case Kind::kBytes:
    case Kind::kTime:
    case Kind::kShare:
      return value;
  }
  return value;
}

void ApplyOverride(const Override& option, Config& config, Problems& problems) {
  const Key* const key = FindKey(option.key);
  for (const Array& array : AllArrays()) {
    if (option.key != array.name && !option.key.starts_with(std::string(array.name) + ".")) continue;
    problems.push_back(fmt::format("{}: '{}' is an array of tables; set it in the file, with [[{}]]",
                                   option.origin, array.name, array.name));
    return;
  }
  if (key == nullptr) return ComplainOfUnknown(option.key, option.origin, problems);
  auto table = Parse("value = " + AsToml(*key, option.value), option.origin);
  // Bare text, such as 120s.
  if (!table.ok() || table->size() != 1) table = Parse("value = " + Quoted(option.value), option.origin);
  if (!table.ok()) {
    problems.push_back(fmt::format("{}: {} is not valid UTF-8", option.origin, key->name));
    return;
  }
  SetOrComplain(*key, *table->get("value"), option.origin, config, problems);
}

// Empty if `listen` can be listened on.
std::string ListenProblem(std::string_view listen) {
  constexpr std::string_view kForm = "host:port, [host]:port for IPv6, or unix:PATH";
  if (listen.starts_with("unix:")) return listen.size() > 5 ? "" : std::string(kForm);
  const std::size_t colon = listen.rfind(':');
  if (colon == std::string_view::npos || colon == 0) return std::string(kForm);
  const std::string_view host = listen.substr(0, colon);
  const std::string_view port = listen.substr(colon + 1);
  std::uint32_t number = 0;
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), number);
  const bool is_bracketed = host.starts_with('[') && host.ends_with(']');
  const bool is_port =
      !port.empty() && error == std::errc() && end == port.data() + port.size() && number <= 65535;
  if (!is_port || (!is_bracketed && host.find(':') != std::string_view::npos)) return std::string(kForm);
  return "";
}

void CheckPrincipals(const AuthConfig& auth, Problems& problems) {
  std::set<std::string_view> names;
  std::map<std::string, std::string_view> shown;  // a token's hash or a certificate's name, and whose it is
  for (const PrincipalConfig& principal : auth.principals) {
    const std::string where = fmt::format("[[auth.principal]] {}", Quoted(principal.name));
    const auto is_plain = [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
    };
    if (principal.name.empty() || principal.name.size() > 64 ||
        !std::ranges::all_of(principal.name, is_plain)) {
      problems.push_back(where + ": name must be 1 to 64 of a-z, 0-9, '-', '_', '.'");
    }
    if (principal.name == metrics::kAnonymous || principal.name == metrics::kUnauthenticated) {
      problems.push_back(where + ": this name means callers without a name in metrics; choose another");
    }
    if (!names.insert(principal.name).second) problems.push_back(where + ": the name is given twice");
    if (principal.token_sha256.empty() && principal.certificates.empty()) {
      problems.push_back(where + ": it needs token_sha256 or certificates, or nobody can be it");
    }
    for (const std::string& hash : principal.token_sha256) {
      const bool is_hex = hash.size() == 64 && std::ranges::all_of(hash, [](char c) {
                            return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
                          });
      // Not the value: somebody may have written the token itself there.
      if (!is_hex) {
        problems.push_back(where +
                           ": token_sha256 takes SHA-256 sums, 64 digits in lower-case hexadecimal, never "
                           "tokens; tamizd --new-token makes a token and its sum");
      } else if (const auto [other, is_new] = shown.emplace(hash, principal.name); !is_new) {
        problems.push_back(fmt::format("{}: it has a token in common with \"{}\"", where, other->second));
      }
    }
    for (const std::string& name : principal.certificates) {
      const std::size_t colon = name.find(':');
      const std::string_view kind = std::string_view(name).substr(0, colon);
      if (colon == std::string::npos || colon + 1 == name.size() ||
          (kind != "uri" && kind != "dns" && kind != "cn")) {
        problems.push_back(fmt::format("{}: certificates takes \"uri:…\", \"dns:…\" and \"cn:…\", not {}",
                                       where, Quoted(name)));
      } else if (const auto [other, is_new] = shown.emplace(name, principal.name); !is_new) {
        problems.push_back(fmt::format("{}: it has {} in common with \"{}\"", where, name, other->second));
      }
    }
  }
}

// Who could do what if the service listened as it is told to.
void CheckExposure(const Config& config, Problems& problems) {
  const ServerConfig& server = config.server;
  if (IsLoopback(server.listen) || server.allow_insecure_non_loopback) return;
  if (server.tls_certificate_file.empty()) {
    problems.push_back(fmt::format(
        "server.listen = {} can be reached from other machines, and without TLS anybody there could read "
        "and change lists: set server.tls_certificate_file and server.tls_key_file, or listen on "
        "127.0.0.1, or say server.allow_insecure_non_loopback = true",
        Quoted(server.listen)));
  } else if (config.auth.principals.empty() && server.tls_client_ca_file.empty() &&
             !config.auth.allow_anonymous_non_loopback) {
    problems.push_back(fmt::format(
        "server.listen = {} can be reached from other machines, and nothing says who may call: add an "
        "[[auth.principal]], or set server.tls_client_ca_file, or listen on 127.0.0.1, or say "
        "auth.allow_anonymous_non_loopback = true",
        Quoted(server.listen)));
  }
}

void CheckTogether(const Config& config, Problems& problems) {
  const ServerConfig& server = config.server;
  if (config.data_dir.empty()) problems.push_back("data_dir: it cannot be empty");
  if (const std::string form = ListenProblem(server.listen); !form.empty()) {
    problems.push_back(
        fmt::format("server.listen = {} cannot be used; allowed: {}", Quoted(server.listen), form));
  } else {
    CheckExposure(config, problems);
  }
  CheckPrincipals(config.auth, problems);
  if (!server.metrics_listen.empty()) {
    if (const std::string form = ListenProblem(server.metrics_listen); !form.empty()) {
      problems.push_back(fmt::format("server.metrics_listen = {} cannot be used; allowed: {}, or empty",
                                     Quoted(server.metrics_listen), form));
    }
  }
  if (server.tls_certificate_file.empty() != server.tls_key_file.empty()) {
    problems.push_back("server.tls_certificate_file and server.tls_key_file: set both or neither");
  }
  if (!server.tls_client_ca_file.empty() && server.tls_certificate_file.empty()) {
    problems.push_back(
        "server.tls_client_ca_file: it needs server.tls_certificate_file and server.tls_key_file");
  }
  if (server.max_message_bytes > server.transport_memory_bytes) {
    problems.push_back("server.max_message_bytes: it cannot be more than server.transport_memory_bytes");
  }
  const bool has_certificates = std::ranges::any_of(
      config.auth.principals, [](const PrincipalConfig& one) { return !one.certificates.empty(); });
  if (has_certificates && server.tls_client_ca_file.empty()) {
    problems.push_back(
        "[[auth.principal]] certificates: they are asked for and checked only with "
        "server.tls_client_ca_file");
  }
  if (config.source.max_bytes > config.source.max_bytes_in_flight) {
    problems.push_back("source.max_bytes: it cannot be more than source.max_bytes_in_flight");
  }
  for (std::string& problem : source::ProblemsOf(config.source)) problems.push_back(std::move(problem));
  if (config.decode.prepared_bytes > config.decode.memory_bytes) {
    problems.push_back("decode.prepared_bytes: it cannot be more than decode.memory_bytes");
  }
  for (const std::string& name : config.scan.disabled_formats) {
    if (media::FindFormat(name) != nullptr) continue;
    std::vector<std::string_view> known;
    for (const media::FormatInfo& info : media::AllFormats()) known.push_back(info.name);
    problems.push_back(fmt::format("scan.disabled_formats: unknown format {}; known: {}", Quoted(name),
                                   fmt::join(known, ", ")));
  }
}

Status AsStatus(const Problems& problems) {
  return problems.empty() ? OkStatus() : InvalidArgument(fmt::format("{}", fmt::join(problems, "\n")));
}

}  // namespace

Status CheckExposure(const Config& config) {
  Problems problems;
  CheckExposure(config, problems);
  return AsStatus(problems);
}

StatusOr<Config> Load(const std::string& file, const std::vector<Override>& environment,
                      const std::vector<Override>& flags) {
  Config config;
  Problems problems;
  const auto defaults = Parse(DefaultFile(), "deploy/tamiz.toml");
  TAMIZ_CHECK(defaults.ok(), "the compiled-in configuration is not TOML");
  ApplyTable(*defaults, "", "deploy/tamiz.toml", config, problems);
  TAMIZ_CHECK(problems.empty(), "the compiled-in configuration is out of range");
  if (!file.empty()) {
    TAMIZ_ASSIGN_OR_RETURN(const std::string text, Read(file));
    TAMIZ_ASSIGN_OR_RETURN(const toml::table table, Parse(text, file));
    ApplyTable(table, "", file, config, problems);
  }
  for (const Override& option : environment) ApplyOverride(option, config, problems);
  for (const Override& option : flags) ApplyOverride(option, config, problems);
  CheckTogether(config, problems);
  TAMIZ_RETURN_IF_ERROR(AsStatus(problems));
  if (config.source.spool_dir.empty()) config.source.spool_dir = config.data_dir;
  return config;
}

std::vector<Override> FromEnvironment() {
  std::vector<Override> options;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string_view text(*entry);
    const std::size_t equals = text.find('=');
    if (!text.starts_with(kEnvironmentPrefix) || equals == std::string_view::npos) continue;
    const std::string name(text.substr(0, equals));
    std::string key = name.substr(kEnvironmentPrefix.size());
    for (std::size_t at = 0; (at = key.find("__", at)) != std::string::npos; ++at) key.replace(at, 2, ".");
    std::ranges::transform(key, key.begin(),
                           [](char c) { return c >= 'A' && c <= 'Z' ? char(c - 'A' + 'a') : c; });
    options.push_back({std::move(key), std::string(text.substr(equals + 1)), name});
  }
  std::ranges::sort(options, {}, &Override::origin);  // so that messages come in one order
  return options;
}

namespace {

std::string_view SectionOf(std::string_view name) {
  const std::size_t point = name.find('.');
  return point == std::string_view::npos ? "" : name.substr(0, point);
}

std::string LineOf(const Key& key, const Config& config) {
  return fmt::format("{} = {}\n", key.name.substr(key.name.rfind('.') + 1), ValueText(key, config));
}

std::string ArrayText(const Array& array, const Config& config) {
  std::string text;
  for (std::size_t i = 0; i < array.size(config); ++i) {
    text += fmt::format("\n[[{}]]\n", array.name);
    const Config element = array.only(config, i);
    for (const Key& key : array.keys) text += LineOf(key, element);
  }
  return text;
}

// The arrays of `section`, which come after its keys.
std::string ArraysText(std::string_view section, const Config& config) {
  std::string text;
  for (const Array& array : AllArrays()) {
    if (SectionOf(array.name) == section) text += ArrayText(array, config);
  }
  return text;
}

}  // namespace

std::string Print(const Config& config) {
  std::string text = "# The configuration in force. What each key means: docs/CONFIG.md.\n";
  std::string_view section;
  for (const Key& key : AllKeys()) {
    if (const std::string_view its_section = SectionOf(key.name); its_section != section) {
      text += ArraysText(section, config) + fmt::format("\n[{}]\n", its_section);
      section = its_section;
    }
    text += LineOf(key, config);
  }
  return text + ArraysText(section, config);
}

std::vector<std::string> Difference(const Config& a, const Config& b) {
  std::vector<std::string> keys;
  std::string_view section;
  const auto compare_arrays = [&] {
    for (const Array& array : AllArrays()) {
      if (SectionOf(array.name) == section && ArrayText(array, a) != ArrayText(array, b)) {
        keys.emplace_back(array.name);
      }
    }
  };
  for (const Key& key : AllKeys()) {
    if (const std::string_view its_section = SectionOf(key.name); its_section != section) {
      compare_arrays();
      section = its_section;
    }
    if (ValueText(key, a) != ValueText(key, b)) keys.emplace_back(key.name);
  }
  compare_arrays();
  return keys;
}

bool IsLoopback(std::string_view listen) {
  if (listen.starts_with("unix:")) return true;
  std::string host(listen.substr(0, listen.rfind(':')));
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  if (host == "localhost") return true;
  in_addr v4{};
  if (inet_pton(AF_INET, host.c_str(), &v4) == 1) return (ntohl(v4.s_addr) >> 24) == 127;
  in6_addr v6{};
  return inet_pton(AF_INET6, host.c_str(), &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6);
}

}  // namespace tamiz::config
