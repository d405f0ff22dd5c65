// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "base/endpoint.h"
#include "base/options.h"
#include "base/status.h"

namespace memfabric::bm {

inline constexpr uint32_t kMaxObjectId = 63;
inline constexpr uint32_t kMaxObjects = 64;

/// What smem_bm_init is told, checked by check_world_config.
struct WorldConfig {
    std::string store_url;
    uint32_t world_size = 0;
    uint32_t device_id = 0;
    std::optional<uint32_t> rank;  // none: see auto_ranking
    bool auto_ranking = false;
    bool dynamic_world_size = false;
    bool start_store = true;
    bool start_store_only = false;
    bool unified_address_space = true;
    std::chrono::seconds init_timeout{120};
    std::chrono::seconds create_timeout{120};
    std::chrono::seconds control_timeout{120};
};

/// Refuses what cannot be; takes the rank from the launcher's environment (mf run, Slurm, mpirun, torchrun)
/// where neither a rank nor auto ranking was given.
Status complete_world_config(WorldConfig& config);

/// Regions in a window of this world.
uint32_t slots_of(const WorldConfig& config);

}  // namespace memfabric::bm
