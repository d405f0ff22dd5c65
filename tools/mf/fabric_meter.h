// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "measure/buffer.h"
#include "probe.h"

namespace mf {

/// What `mf bench fabric` measures of each peer.
struct FabricShape {
    std::vector<size_t> sizes = {size_t{64} << 10, size_t{1} << 20, size_t{16} << 20};
    size_t outstanding = 0;  // blocks of one call; 0: by size
    std::string operation = "both";
    double seconds = 1;     // of each number
    uint32_t count = 2000;  // single operations of each latency
    bool verify = false;

    bool puts() const { return operation != "get"; }
    bool gets() const { return operation != "put"; }
    size_t blocks_of(size_t size) const;
};

/// Measures one peer after the other, walking over local memory and what the peer offers.
class FabricMeter {
 public:
    FabricMeter(const Probe& probe, const FabricShape& shape, size_t memory)
        : probe_(probe), shape_(shape), local_(memory) {}

    /// {"peer", "path", "latencies": [...], "bandwidths": [...], "verified", "problem"}
    nlohmann::ordered_json measure(const nlohmann::ordered_json& peer);

 private:
    nlohmann::ordered_json latencies(uint32_t peer) const;
    nlohmann::ordered_json bandwidth(uint32_t peer, size_t memory, size_t size, bool put) const;
    bool verify(uint32_t peer, size_t memory, size_t size) const;

    const Probe& probe_;
    const FabricShape& shape_;
    memfabric::measure::Buffer local_;
};

}  // namespace mf
