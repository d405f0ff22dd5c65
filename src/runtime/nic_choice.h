// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "base/options.h"
#include "base/status.h"
#include "runtime/network_interfaces.h"
#include "transport/fabric/nic.h"

namespace memfabric {

/// Which of these interfaces are near the processors that this process may run on: all of them where it may
/// run anywhere, or nothing is known.
using NearOnes = std::function<std::set<std::string>(const std::vector<std::string>& interfaces)>;

/// What the user names: addresses of this host, or its interfaces, separated by commas; the best first. The
/// addresses that an interface is used with are of the kind of `example`.
Result<std::vector<transport::FabricNic>> named_nics(const std::string& names, const std::string& example,
                                                     std::span<const NetworkInterface> interfaces);

/// Where the user names none: the interface that has `local_address`, and those that may be used beside it.
/// Interfaces that are slower than half of the fastest one, or not near, stand by.
std::vector<transport::FabricNic> found_nics(const std::string& local_address,
                                             std::span<const NetworkInterface> interfaces,
                                             const NearOnes& near_ones);

/// The interfaces that this process's fabric goes over, by its options; `local_address` is the one that
/// routes to the store.
Result<std::vector<transport::FabricNic>> choose_nics(const Options& options,
                                                      const std::string& local_address);

/// "eth0 (10.0.0.1), eth1 (10.1.0.1, standby)".
std::string nics_text(std::span<const transport::FabricNic> nics);

}  // namespace memfabric
