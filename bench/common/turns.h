// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <functional>
#include <vector>

namespace memfabric::bench {

/// Runs every contender once a round, beginning with another one each round, and returns the median of each.
std::vector<double> take_turns(size_t rounds, const std::vector<std::function<double()>>& contenders);

}  // namespace memfabric::bench
