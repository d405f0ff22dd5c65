// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "memfabric-shmem/shmem.h"
#include "shmem/host_layout.h"
#include "shmem/sync.h"

namespace memfabric::shmem {

/// PEs start, start + stride, ... of the world.
struct Team {
    int start = 0;
    int stride = 1;
    int size = 0;
    int me = -1;  // in the team
    int num_contexts = 0;
    std::vector<TeamSlot*> slots;              // each member's place of it, which those on its host may touch
    std::unique_ptr<const HostLayout> layout;  // null where all live on one host
    uint32_t own_slot = 0;
    uint32_t posts = 0;  // broadcasts that went through the mailboxes, equal at all members
};

void open_teams();
void close_teams();

/// Null where there is none (any more).
Team* find_team(shmem_team_t team);
/// Ends the job where there is none.
Team& team_of(shmem_team_t team, const char* call);

void barrier_of_world();
/// Whether all PEs say yes; a barrier.
bool all_of_world(bool own);
/// A barrier of the world; with checks on, ends the job where a PE makes another call or has other arguments.
void agree_in_world(const char* call, uint64_t first, uint64_t second);

}  // namespace memfabric::shmem
