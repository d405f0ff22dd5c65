// SPDX-License-Identifier: Apache-2.0
#include "common/report.h"

#include <cstdio>
#include <nlohmann/json.hpp>

namespace memfabric::bench {

double ratio_of(const Metric& metric) {
    if (metric.value <= 0 || metric.reference <= 0) {
        return 0;
    }
    return metric.better == Better::kLarger ? metric.value / metric.reference
                                            : metric.reference / metric.value;
}

void Report::print(const Metric& metric) const {
    if (json_) {
        const nlohmann::ordered_json object = {{"metric", metric.name},
                                               {"value", metric.value},
                                               {"unit", metric.unit},
                                               {"reference", metric.reference},
                                               {"ratio", ratio_of(metric)}};
        std::printf("%s\n", object.dump().c_str());
    } else {
        std::printf("%s\t%.4g\t%s\t%.4g\t%.3f\n", metric.name.c_str(), metric.value, metric.unit.c_str(),
                    metric.reference, ratio_of(metric));
    }
    std::fflush(stdout);
}

}  // namespace memfabric::bench
