// Which frames a scan looks at where its request does not say.
#pragma once

#include <string>
#include <vector>

#include "core/lists/catalog.h"
#include "core/media/sampling.h"
#include "core/scan/scanner.h"

namespace tamiz::scan {

[[nodiscard]] media::SamplingDefaults DefaultsOf(const Config& config);

// What the request asks for, or all that the lists to be consulted ask for: a list that says nothing wants
// the default. `wanted`: their names or ids; empty: all.
[[nodiscard]] media::SamplingPlan PlanFor(const media::SamplingRequest& request,
                                          const media::SamplingDefaults& defaults,
                                          const lists::Catalog& catalog,
                                          const std::vector<std::string>& wanted);

}  // namespace tamiz::scan
