// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <string>

#include "base/mapping.h"
#include "base/options.h"
#include "memory/segment.h"
#include "memory/window.h"
#include "store/types.h"

namespace memfabric::memory {

/// Ranks in one window at most: the store's limit of a world.
inline constexpr uint32_t kMaxSlots = store::kMaxWorldSize;

/// The memory that the members of one host share for one object: one sparse segment, first a header with the
/// membership, then the window. Every member maps all of it once, so a joiner costs its neighbours nothing.
class WindowSegment {
 public:
    /// Of the first process of the host.
    static Result<WindowSegment> create(const std::string& name, const Window& window,
                                        const Options& options);
    /// Of the others. Refused where the header does not describe the same window.
    static Result<WindowSegment> adopt(Fd descriptor, const Window& window);

    const Segment& segment() const { return segment_; }
    /// Where the window begins in the segment.
    static uint64_t window_offset();

    /// Whether a rank of this host has joined: its epoch, else 0. A plain load, for the hot path.
    uint64_t epoch(uint32_t rank) const { return slot(rank).load(std::memory_order_acquire); }
    bool is_member(uint32_t rank) const { return epoch(rank) != 0; }

    /// Takes memory for the rank's region, or its first `size` bytes, zeroed, and keeps other processes from
    /// taking it for a dead member's until the lock is gone, which is to be after announce(). Fails where
    /// another process is busy with the region (kResourceInUse).
    Result<SegmentLock> commit_region(const Window& window, uint32_t rank, uint64_t size = UINT64_MAX);
    /// Takes memory for more of a region that is this process's: [offset, offset + size) of it.
    Status commit_more(const Window& window, uint32_t rank, uint64_t offset, uint64_t size);
    /// Gives memory of such a part back.
    Status discard_part(const Window& window, uint32_t rank, uint64_t offset, uint64_t size);
    /// From here on copies of all processes of the host may touch the region.
    void announce(uint32_t rank, uint64_t epoch) { slot(rank).store(epoch, std::memory_order_release); }
    /// Refuses new copies that touch the region; false where it is not (any more) the region of that epoch.
    bool withdraw(uint32_t rank, uint64_t epoch);
    /// Gives the memory of a region back that nobody owns; it reads zeros from then on. Leaves it alone where
    /// a successor is there or comes just now.
    Status discard_region(const Window& window, uint32_t rank);

 private:
    struct Header;
    WindowSegment(Segment segment, Mapping header);
    std::atomic<uint64_t>& slot(uint32_t rank) const { return epochs_[rank]; }
    uint64_t region_offset(const Window& window, uint32_t rank) const;

    Segment segment_;
    Mapping header_;
    std::atomic<uint64_t>* epochs_;  // in the header, one a rank
};

}  // namespace memfabric::memory
