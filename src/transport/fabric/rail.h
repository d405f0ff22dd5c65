// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <rdma/fi_domain.h>

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/status.h"
#include "transport/fabric/fid.h"
#include "transport/fabric/nic.h"

namespace memfabric::transport {

/// An interface that the fabric goes over, opened.
struct FabricRail {
    FabricNic nic;
    InfoPtr info;
    FidPtr<fid_fabric> fabric;
    std::vector<FidPtr<fid_domain>> domains;
    std::vector<fid_domain*> targets;  // of these: what peers read and write is registered there
    uint64_t simulated = 0;            // bits of mr_mode that the provider does not have, for tests

    /// How it wants memory registered (FI_MR_LOCAL, ...).
    uint64_t mr_mode() const { return static_cast<uint64_t>(info->domain_attr->mr_mode) | simulated; }

    /// A domain for one endpoint alone, to be opened before memory is registered. Whoever sleeps for an
    /// endpoint wakes with all that comes in for its domain, and threads that make progress on one wait for
    /// each other.
    Result<fid_domain*> add_domain();
    /// The same for an endpoint that peers' operations come to.
    Result<fid_domain*> add_target_domain();

    std::string provider() const { return info->fabric_attr->prov_name; }
    /// "eth1 (10.1.0.1)", for texts.
    std::string name() const;
};

using FabricRails = std::vector<FabricRail>;

/// All of them have the provider that the first one has, the first of `providers` that is there. One alone,
/// with one domain, where the provider draws the keys of memory itself: an exposed region has one key. One
/// alone where its devices are no network interfaces, too.
/// `simulated` as in FabricRail.
Result<FabricRails> open_rails(std::span<const std::string> providers, std::span<const FabricNic> nics,
                               uint64_t simulated);

}  // namespace memfabric::transport
