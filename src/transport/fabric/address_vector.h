// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <rdma/fabric.h>

#include <string_view>

#include "base/status.h"

struct fid_av;

namespace memfabric::transport {

/// Takes a peer's address in. kMallocFailed where there is no memory for it just now: asked before, since
/// libfabric's tables of addresses end the process where they get none.
Result<fi_addr_t> insert_address(fid_av& addresses, std::string_view peer_address);

}  // namespace memfabric::transport
