// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "bm/config.h"
#include "runtime/held_rank.h"
#include "runtime/runtime.h"
#include "store/server.h"

namespace memfabric::bm {

/// This process as a rank of the BM world: holds the rank, the runtime, and the config store where it serves
/// one.
class World {
 public:
    World(WorldConfig config, std::shared_ptr<store::Server> server)
        : config_(std::move(config)), server_(std::move(server)) {}
    /// Takes a rank over the runtime's store.
    Status take_rank(std::shared_ptr<Runtime> runtime, Deadline deadline);

    /// Lets another process have the rank, also while an operation under way keeps this alive. Later calls do
    /// nothing.
    void release_rank() { rank_.release(); }

    const WorldConfig& config() const { return config_; }
    /// Null where this process serves the store only.
    const std::shared_ptr<Runtime>& runtime() const { return runtime_; }
    uint32_t rank() const { return rank_.number(); }
    uint32_t slots() const { return slots_of(config_); }

 private:
    WorldConfig config_;
    std::shared_ptr<store::Server> server_;  // outlives the runtime's connection to it
    std::shared_ptr<Runtime> runtime_;
    HeldRank rank_;
};

}  // namespace memfabric::bm
