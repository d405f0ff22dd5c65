// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "shm/config.h"

namespace memfabric::shm {

/// What one process says about an object that it wants to create together with others.
struct Claim {
    uint32_t world_rank = 0;  // whose it is
    uint64_t epoch = 0;       // of its membership in the group of the creators
    ObjectConfig config;

    std::string encode() const;
    /// Of whatever a member of the group sent; what makes no sense becomes the claim's problem.
    static Claim decode(uint32_t world_rank, uint64_t epoch, std::string_view payload);

    /// "process 1 says: rank 1 of 2, 2097152 bytes a rank".
    std::string text() const;
};

using Claims = std::map<uint32_t, Claim>;  // by world rank

/// Whether they can make one object: no problem, one number of ranks, one size, every rank once. The failure
/// quotes all.
Status check_claims(const Claims& claims);

}  // namespace memfabric::shm
