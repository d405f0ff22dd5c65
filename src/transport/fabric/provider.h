// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "base/status.h"
#include "transport/fabric/fid.h"

namespace memfabric::transport {

/// What libfabric grants by the provider of that name ("auto": the best one here), bound to the local address
/// (empty: the provider's choice). Where there is none the text names what there is.
Result<InfoPtr> choose_provider(const std::string& name, const std::string& local_address);

}  // namespace memfabric::transport
