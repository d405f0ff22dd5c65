// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/options.h"

namespace memfabric {

/// What the program that started this process says about its place among its siblings.
struct LaunchEnvironment {
    std::string_view launcher;  // "mf run", "torchrun", "mpirun", "Slurm"
    uint32_t rank = 0;
    uint32_t world_size = 0;
};

/// Reads the variables of `mf run`, torchrun, mpirun (Open MPI, MPICH, PMIx) and Slurm, in this order, since
/// each of the first may run inside the later ones. Variables that are no numbers, or that contradict each
/// other, count as absent. What is found is logged.
std::optional<LaunchEnvironment> detect_launch(const Options::Lookup& lookup);

/// The config store of a program that is given no URL.
struct StorePlace {
    std::string url;
    bool is_served = false;  // by whoever named it; else the first rank does that
};

/// SHMEM_MASTER_ADDR and SHMEM_MASTER_PORT; else MF_STORE_URL, of a store that runs; else MASTER_ADDR, and
/// the port 11 above MASTER_PORT, where torch.distributed may listen itself. A pair whose port is no number
/// counts as absent.
std::optional<StorePlace> store_of_environment(const Options::Lookup& lookup);

}  // namespace memfabric
