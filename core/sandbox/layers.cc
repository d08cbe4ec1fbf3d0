#include "core/sandbox/layers.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>

namespace tamiz::sandbox {
namespace {

struct LayerFacts {
  Layer layer;
  std::string_view name;
  std::string_view needs;  // of the machine
};

constexpr std::string_view kNamespaceNeeds =
    "needs user namespaces for the unprivileged, or CAP_SYS_ADMIN; most container engines give neither";

constexpr std::array kLayers = {
    LayerFacts{Layer::kSeccomp, "seccomp", "needs a kernel with CONFIG_SECCOMP_FILTER"},
    LayerFacts{Layer::kNoNewPrivileges, "no_new_privs", "needs Linux 3.5"},
    LayerFacts{Layer::kNotDumpable, "not_dumpable", "needs prctl(PR_SET_DUMPABLE)"},
    LayerFacts{Layer::kNoCapabilities, "no_capabilities", "needs capset()"},
    LayerFacts{Layer::kResourceLimits, "rlimits", "needs setrlimit()"},
    LayerFacts{Layer::kAddressSpace, "address_space_limit", "is left out of builds with AddressSanitizer"},
    LayerFacts{Layer::kLandlock, "landlock",
               "needs Linux 5.13 with landlock in its list of security modules (lsm=)"},
    LayerFacts{Layer::kUserNamespace, "user_namespace", kNamespaceNeeds},
    LayerFacts{Layer::kNetworkNamespace, "network_namespace", kNamespaceNeeds},
    LayerFacts{Layer::kIpcNamespace, "ipc_namespace", kNamespaceNeeds},
    LayerFacts{Layer::kUtsNamespace, "uts_namespace", kNamespaceNeeds},
    LayerFacts{Layer::kMountNamespace, "mount_namespace", kNamespaceNeeds},
};

constexpr std::uint32_t Bit(Layer layer) { return static_cast<std::uint32_t>(layer); }

}  // namespace

std::vector<std::string> LayerNames(std::uint32_t layers) {
  std::vector<std::string> names;
  for (const LayerFacts& facts : kLayers) {
    if ((layers & Bit(facts.layer)) != 0) names.emplace_back(facts.name);
  }
  return names;
}

StatusOr<std::uint32_t> LayersOf(std::span<const std::string> names) {
  std::uint32_t layers = 0;
  for (const std::string& name : names) {
    const auto* found = std::find_if(kLayers.begin(), kLayers.end(),
                                     [&](const LayerFacts& facts) { return facts.name == name; });
    if (found == kLayers.end()) {
      return InvalidArgument(fmt::format("'{}' is no layer of confinement; there are {}", name,
                                         fmt::join(LayerNames(~0u), ", ")));
    }
    layers |= Bit(found->layer);
  }
  return layers;
}

std::string MissingLayers(std::uint32_t required, std::uint32_t active) {
  std::vector<std::string> missing;
  for (const LayerFacts& facts : kLayers) {
    if ((required & ~active & Bit(facts.layer)) != 0)
      missing.push_back(fmt::format("{} ({})", facts.name, facts.needs));
  }
  if (missing.empty()) return {};
  return fmt::format("decoders cannot have {}; in force: {}", fmt::join(missing, ", "),
                     fmt::join(LayerNames(active), ", "));
}

}  // namespace tamiz::sandbox
