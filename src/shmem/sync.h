// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>

#include "shmem/told_wait.h"

namespace memfabric::shmem {

/// A barrier of several processes in shared memory, all zero at first. The last one to arrive lets all go on.
struct BarrierWords {
    std::atomic<uint32_t> arrived;
    std::atomic<uint32_t> generation;  // a futex
    std::atomic<uint32_t> sleepers;
    std::atomic<uint32_t> hosts_sleepers;  // that await `arrived`
};

/// Waits for `count` processes: spins, yields, sleeps. What they wrote before is seen afterwards. `others`,
/// here and below: for what a long wait says.
void wait_at(BarrierWords& barrier, uint32_t count, const Awaited& others);

/// The same in two halves, with work of one process, the host, between them: it awaits its `guests` and lets
/// them go.
void await_guests(BarrierWords& barrier, uint32_t guests, const Awaited& others);
void let_go(BarrierWords& barrier);
/// A guest's part; returns when it was let go.
void visit(BarrierWords& barrier, uint32_t guests, const Awaited& others);

/// A word of one process that another one posts a number in; zero at first.
struct Mailbox {
    std::atomic<uint32_t> value;  // a futex
    std::atomic<uint32_t> sleepers;
};

/// What the caller wrote before is seen by whoever has waited for `value`.
void post(Mailbox& box, uint32_t value);
/// Waits until `value` is there: spins, yields, sleeps.
void wait_for(Mailbox& box, uint32_t value, const Awaited& others);

/// What a PE tells the others of its group about the collective that it is in.
struct Publication {
    uint64_t source;  // as a pointer that all processes can use
    uint64_t dest;
    uint64_t bytes;  // of one PE's contribution
    uint64_t call;   // which collective, and its root
};

/// As many broadcasts may be under way in a team at once.
inline constexpr uint32_t kTeamBoxes = 4;

/// One a team at every PE.
struct alignas(64) TeamSlot {
    BarrierWords barrier;  // that of the team's first PE is used
    int64_t offered;       // slot number in a team that is being made; -1: none
    Mailbox boxes[kTeamBoxes];
    std::atomic<uint32_t> blamed;  // in the world's: 1 + the PE that a neighbour ended for; see loss.h
    alignas(64) Publication publication;
    WaitMark mark;  // in the world's
};

inline constexpr uint32_t kTeamSlots = 4096;
inline constexpr uint64_t kSyncAreaSize = kTeamSlots * sizeof(TeamSlot);

}  // namespace memfabric::shmem
