// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace memfabric::bench {

enum class Better { kLarger, kSmaller };

struct Metric {
    std::string name;
    double value = 0;
    std::string unit;
    double reference = 0;  // measured in the same run; 0: there is none
    Better better = Better::kLarger;
};

/// Larger is better and 1 means equal to the reference, whatever the unit; 0 where there is no reference.
double ratio_of(const Metric& metric);

/// Prints metrics to standard output, a line each: tab-separated, or as JSON objects.
class Report {
 public:
    explicit Report(bool json) : json_(json) {}
    void print(const Metric& metric) const;

 private:
    bool json_;
};

}  // namespace memfabric::bench
