// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/options.h"

namespace memfabric {

/// What the program that started this process says about its place among its siblings.
struct LaunchEnvironment {
    std::string launcher;  // "mf run", "torchrun", "mpirun", "Slurm"
    uint32_t rank = 0;
    uint32_t world_size = 0;
    uint32_t local_rank = 0;  // among the siblings on this host; 0 where nothing is said
    std::optional<std::string>
        store_url;  // where the siblings can agree on a config store without being told
};

/// SHMEM's store lies this many ports above MASTER_PORT, which torch's own store occupies.
inline constexpr uint16_t kMasterPortOffset = 11;

/// Reads the variables of `mf run`, torchrun, mpirun (Open MPI, MPICH, PMIx) and Slurm, in this order, since
/// each of the first may run inside the later ones. Variables that are no numbers, or that contradict each
/// other, count as absent.
std::optional<LaunchEnvironment> detect_launch(const Options::Lookup& lookup);

}  // namespace memfabric
