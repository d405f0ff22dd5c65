// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <rdma/fi_domain.h>

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
    FidPtr<fid_domain> domain;

    std::string provider() const { return info->fabric_attr->prov_name; }
    /// "eth1 (10.1.0.1)", for texts.
    std::string name() const;
};

using FabricRails = std::vector<FabricRail>;

/// All of them have the provider that the first one has. One alone where the provider draws the keys of
/// memory itself: an exposed region has one key.
Result<FabricRails> open_rails(const std::string& provider, std::span<const FabricNic> nics);

}  // namespace memfabric::transport
