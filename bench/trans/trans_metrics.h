// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "common/report.h"
#include "measure/buffer.h"
#include "smem_trans.h"
#include "trans/target.h"

namespace memfabric::bench {

/// The metrics of the transfer engine, each beside its reference, in turns.
class TransMetrics {
 public:
    /// `shared`: memory that both processes map, for plain copies as a reference.
    TransMetrics(std::string store_url, smem_trans_t engine, Target& target, TargetPlaces places,
                 std::byte* shared, size_t size, size_t rounds);

    Metric kv(const std::string& name, bool pool);
    /// Blocks of the pool's memory that this process writes for the first time: before anything else does.
    Metric kv_first(const std::string& name);
    Metric write_64_mib(const std::string& name);
    Metric write_8(const std::string& name);
    Metric register_many(const std::string& name);
    Metric register_large(const std::string& name);
    Metric initialize(const std::string& name);
    Metric first_write(const std::string& name);

 private:
    using Contender = std::function<void(size_t place)>;
    /// Median seconds of one call of each, called in turns, each time at another place.
    std::vector<double> in_turns(const std::vector<Contender>& contenders, size_t step) const;
    void write_block(size_t place, uint64_t base);
    double registering_seconds(size_t regions);

    std::string store_url_;
    smem_trans_t engine_;
    Target& target_;
    TargetPlaces places_;
    std::byte* shared_;
    size_t size_;
    size_t rounds_;
    measure::Buffer source_;
};

}  // namespace memfabric::bench
