// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace memfabric::transport {

/// A network interface (or adapter) that the fabric is to go over.
struct FabricNic {
    std::string address{};     // of this host; empty: the provider's choice
    std::string interface {};  // its name, for texts; empty where it is not known
    bool standby = false;      // only for peers that no other one reaches
    bool optional = false;     // left out where it does not offer the provider of the first one
};

}  // namespace memfabric::transport
