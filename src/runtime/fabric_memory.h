// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>

#include "base/options.h"
#include "memory/device_memory.h"
#include "transport/remote_memory.h"

namespace memfabric {

/// Whether processes of other hosts can be among the peers, as far as this process can tell: where the store
/// is this host's own, reached over loopback, only a host identity of the user's makes others.
bool wants_fabric(const Options& options, const std::string& local_address);

/// Memory of other hosts by libfabric. `local_address`: the one that routes to the store, which is where
/// peers reach us unless the options say otherwise. `device`: memory of this process that libfabric does
/// not reach, or null. kMallocFailed where there was no room for it: there may be another time. Another
/// failure is for good.
Result<std::shared_ptr<transport::RemoteMemory>> start_fabric_memory(
    const Options& options, const std::string& host_id, const std::string& local_address,
    const std::shared_ptr<memory::DeviceMemory>& device = nullptr);

}  // namespace memfabric
