// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "runtime/held_rank.h"
#include "runtime/runtime.h"
#include "shm/config.h"
#include "store/server.h"

namespace memfabric::shm {

/// This process as a rank of the SHM world: holds the rank, the runtime, and the config store where it serves
/// one.
class World {
 public:
    World(WorldConfig config, std::shared_ptr<store::Server> server)
        : config_(std::move(config)), server_(std::move(server)) {}
    ~World() { release_rank(); }
    World(const World&) = delete;
    World& operator=(const World&) = delete;

    /// Takes the configured rank over the runtime's store.
    Status take_rank(std::shared_ptr<Runtime> runtime, Deadline deadline);

    /// Lets another process have the rank, also while an operation under way keeps this alive. Later calls do
    /// nothing.
    void release_rank();

    /// Keys "shm/wanted/RANK/ID" hold what a process of the world wanted to create, until it has it: for the
    /// texts of those who waited for it in vain.
    static constexpr const char* kWantedPrefix = "shm/wanted/";
    std::string wanted_prefix() const { return fmt::format("{}{}/", kWantedPrefix, config_.rank); }

    const WorldConfig& config() const { return config_; }
    Runtime& runtime() const { return *runtime_; }

 private:
    WorldConfig config_;
    std::shared_ptr<store::Server> server_;  // outlives the runtime's connection to it
    std::shared_ptr<Runtime> runtime_;
    HeldRank rank_;
};

}  // namespace memfabric::shm
