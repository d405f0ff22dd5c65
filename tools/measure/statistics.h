// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <vector>

namespace memfabric::measure {

/// The value below which `share` (0 to 1) of the samples lie; 0 where there are none.
inline double quantile(std::vector<double> samples, double share) {
    if (samples.empty()) {
        return 0;
    }
    const auto position = static_cast<ptrdiff_t>(share * static_cast<double>(samples.size() - 1) + 0.5);
    std::nth_element(samples.begin(), samples.begin() + position, samples.end());
    return samples[static_cast<size_t>(position)];
}

inline double median(std::vector<double> samples) {
    return quantile(std::move(samples), 0.5);
}

/// Seconds that `work` takes.
template <typename Work>
double seconds_of(const Work& work) {
    const auto begin = std::chrono::steady_clock::now();
    work();
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

}  // namespace memfabric::measure
