// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <rdma/fi_domain.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/status.h"
#include "transport/fabric/fid.h"
#include "transport/fabric/rail.h"

namespace memfabric::transport {

/// 64 bits from the kernel's random source.
Result<uint64_t> random_number();

/// Registers memory for `access` (FI_REMOTE_READ, ...), under a random key where the provider lets us choose.
Result<FidPtr<fid_mr>> register_memory(fid_domain& domain, const fi_info& info, std::span<std::byte> memory,
                                       uint64_t access);

/// Registers memory with every domain that peers' operations come to, under one key.
Result<std::vector<FidPtr<fid_mr>>> register_memory(const FabricRails& rails, std::span<std::byte> memory,
                                                    uint64_t access);

}  // namespace memfabric::transport
