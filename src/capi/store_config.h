// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/endpoint.h"
#include "base/options.h"
#include "base/status.h"
#include "store/server.h"

namespace memfabric::capi {

/// How this process serves a config store at the endpoint.
Result<store::ServerConfig> store_config_for(const Endpoint& endpoint, const Options& options);

}  // namespace memfabric::capi
