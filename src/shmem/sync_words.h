// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "memfabric-shmem/shmem.h"
#include "shmem/sync.h"

namespace memfabric::shmem {

/// A pSync array: the barrier's words, then what the PE publishes.
struct SyncArray {
    BarrierWords barrier;
    Publication publication;
};
static_assert(sizeof(SyncArray) <= SHMEM_SYNC_SIZE * sizeof(long));

/// Where each member of a group has the words by which members wait for each other: in the slots of a team,
/// or in a pSync array. Of members on other hosts these are places of the window, which nobody can look at.
class SyncWords {
 public:
    SyncWords() = default;
    explicit SyncWords(TeamSlot* const* slots) : slots_(slots) {}
    /// The array of the first member, and the distance from one to the next member's.
    SyncWords(uint64_t psync, uint64_t step) : psync_(psync), step_(step) {}

    BarrierWords& barrier(int member) const {
        return slots_ != nullptr ? slots_[member]->barrier : array(member).barrier;
    }
    Publication& publication(int member) const {
        return slots_ != nullptr ? slots_[member]->publication : array(member).publication;
    }
    /// Whether a member can post to others without waiting for them; the words of a pSync array can not tell
    /// the posts of two roots apart.
    bool have_mailboxes() const { return slots_ != nullptr; }
    Mailbox& mailbox(int member, uint32_t post) const { return slots_[member]->boxes[post % kTeamBoxes]; }

 private:
    SyncArray& array(int member) const {
        // NOLINTNEXTLINE(clang-analyzer-core.uninitialized.UndefReturn): who has neither has no members
        return *reinterpret_cast<SyncArray*>(psync_ + static_cast<uint64_t>(member) * step_);
    }

    TeamSlot* const* slots_ = nullptr;
    uint64_t psync_ = 0;
    uint64_t step_ = 0;
};

}  // namespace memfabric::shmem
