// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "transport/fabric/fid.h"

namespace memfabric::transport {

/// What MF_FABRIC_PROVIDER stands for, the best first: "auto" for several.
std::vector<std::string> providers_of(const std::string& setting);

/// What this process has set of a provider's that peers' connections are refused for where they have it
/// otherwise: "NAME=value", or nothing.
std::string settings_of(std::string_view provider);

/// What libfabric grants by the first of these providers that is here, bound to the local address (empty: the
/// provider's choice; also where it has devices of its own and no addresses of IP). Where there is none the
/// text names what there is.
Result<InfoPtr> choose_provider(std::span<const std::string> names, const std::string& local_address);

}  // namespace memfabric::transport
