// SPDX-License-Identifier: Apache-2.0
#include "common/turns.h"

#include "measure/statistics.h"

namespace memfabric::bench {

std::vector<double> take_turns(size_t rounds, const std::vector<std::function<double()>>& contenders) {
    std::vector<std::vector<double>> samples(contenders.size());
    for (const auto& contender : contenders) {
        contender();  // warm-up, not counted
    }
    for (size_t round = 0; round < rounds; ++round) {
        for (size_t turn = 0; turn < contenders.size(); ++turn) {
            const size_t which = (round + turn) % contenders.size();
            samples[which].push_back(contenders[which]());
        }
    }
    std::vector<double> medians;
    medians.reserve(samples.size());
    for (const std::vector<double>& of_one : samples) {
        medians.push_back(measure::median(of_one));
    }
    return medians;
}

}  // namespace memfabric::bench
