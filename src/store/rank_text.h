// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace memfabric::store {

/// Ascending ranks as "0, 3-7, 9"; a very long text ends with "and N more".
std::string rank_text(const std::vector<uint32_t>& ranks);

}  // namespace memfabric::store
