// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "base/status.h"

namespace memfabric::shm {

inline constexpr uint32_t kMaxObjectId = 63;
inline constexpr uint32_t kMaxObjects = 64;
inline constexpr uint32_t kMaxContextSize = 65536;  // bytes
inline constexpr uint32_t kMaxGatherSize = 65536;   // bytes of one rank

/// What smem_shm_init is told.
struct WorldConfig {
    std::string store_url;
    uint32_t world_size = 0;
    uint32_t rank = 0;
    uint32_t device_id = 0;
    bool start_store = true;
    std::chrono::seconds init_timeout{120};
    std::chrono::seconds create_timeout{120};
    std::chrono::seconds control_timeout{120};
};

/// Refuses what cannot be.
Status check_world_config(const WorldConfig& config);

/// What smem_shm_create is told, but for the id.
struct ObjectConfig {
    uint32_t rank = 0;
    uint32_t rank_size = 0;
    uint64_t symmetric_size = 0;           // bytes
    std::string problem;                   // why the caller cannot take part; empty: it can
    uint64_t committed_size = UINT64_MAX;  // how much of it has memory from the start
};

}  // namespace memfabric::shm
