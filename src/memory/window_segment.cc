// SPDX-License-Identifier: Apache-2.0
#include "memory/window_segment.h"

#include <algorithm>
#include <new>
#include <utility>

namespace memfabric::memory {

namespace {

constexpr uint64_t kMagic = 0x6d65'6d66'6162'3031;  // "memfab01"
/// One huge page, since a segment of huge pages is mapped in their size only. Just the pages in use are taken
/// otherwise.
constexpr uint64_t kHeaderSize = kRegionGranularity;

}  // namespace

/// Lies at the segment's start; every process of the host maps it. Fixed once the segment was handed on, but
/// for the epochs.
struct WindowSegment::Header {
    uint64_t magic;
    uint64_t base;
    uint64_t slots;
    uint64_t hbm_size;
    uint64_t dram_size;
    std::atomic<uint64_t> epochs[kMaxSlots];
    static_assert(std::atomic<uint64_t>::is_always_lock_free, "shared between processes");
};

uint64_t WindowSegment::window_offset() {
    return kHeaderSize;
}

WindowSegment::WindowSegment(Segment segment, Mapping header)
    : segment_(std::move(segment)),
      header_(std::move(header)),
      epochs_(reinterpret_cast<Header*>(header_.data())->epochs) {}

Result<WindowSegment> WindowSegment::create(const std::string& name, const Window& window,
                                            const Options& options) {
    const uint64_t size = kHeaderSize + window.range().size;
    MF_ASSIGN_OR_RETURN(Segment segment, Segment::create(name, size, options, kHeaderSize + window.stride()));
    const uint64_t header_pages = segment.pages() == PageKind::kHuge ? kHeaderSize : sizeof(Header);
    MF_RETURN_IF_ERROR(segment.commit(0, header_pages));
    MF_ASSIGN_OR_RETURN(Mapping header, Mapping::shared(segment.descriptor(), kHeaderSize));
    auto* const fresh = new (header.data()) Header{};  // in place: the mapping owns the storage
    fresh->base = window.base();
    fresh->slots = window.slots();
    fresh->hbm_size = window.shape().hbm_size;
    fresh->dram_size = window.shape().dram_size;
    fresh->magic = kMagic;
    return WindowSegment(std::move(segment), std::move(header));
}

Result<WindowSegment> WindowSegment::adopt(Fd descriptor, const Window& window) {
    MF_ASSIGN_OR_RETURN(Segment segment,
                        Segment::adopt(std::move(descriptor), kHeaderSize + window.range().size));
    MF_ASSIGN_OR_RETURN(Mapping header, Mapping::shared(segment.descriptor(), kHeaderSize));
    const auto* const theirs = reinterpret_cast<const Header*>(header.data());
    const RegionShape shape{theirs->hbm_size, theirs->dram_size};
    if (theirs->magic != kMagic || theirs->base != window.base() || theirs->slots != window.slots() ||
        shape != window.shape()) {
        return failure(Code::kRefused,
                       "the segment handed over is of another window ({} ranks at {:#x}, {}), wanted are {} "
                       "at {:#x}, {}",
                       theirs->slots, theirs->base, shape.text(), window.slots(), window.base(),
                       window.shape().text());
    }
    return WindowSegment(std::move(segment), std::move(header));
}

uint64_t WindowSegment::region_offset(const Window& window, uint32_t rank) const {
    return kHeaderSize + rank * window.stride();
}

Result<SegmentLock> WindowSegment::commit_region(const Window& window, uint32_t rank, uint64_t size) {
    const uint64_t offset = region_offset(window, rank);
    auto lock = SegmentLock::try_lock(segment_, offset);
    if (!lock) {
        return failure(Code::kResourceInUse,
                       "another process gives the memory of rank {} back just now: try again", rank);
    }
    // A predecessor may have died without giving its pages back.
    slot(rank).store(0);
    MF_RETURN_IF_ERROR(segment_.discard(offset, window.stride()));
    MF_RETURN_IF_ERROR(segment_.commit(offset, std::min(size, window.stride())));
    return std::move(*lock);
}

Status WindowSegment::commit_more(const Window& window, uint32_t rank, uint64_t offset, uint64_t size) {
    return segment_.commit(region_offset(window, rank) + offset, size);
}

Status WindowSegment::discard_part(const Window& window, uint32_t rank, uint64_t offset, uint64_t size) {
    return segment_.discard(region_offset(window, rank) + offset, size);
}

bool WindowSegment::withdraw(uint32_t rank, uint64_t epoch) {
    uint64_t expected = epoch;
    return slot(rank).compare_exchange_strong(expected, 0);
}

Status WindowSegment::discard_region(const Window& window, uint32_t rank) {
    const uint64_t offset = region_offset(window, rank);
    const auto lock = SegmentLock::try_lock(segment_, offset);
    const bool is_nobodys = lock && !is_member(rank);
    return is_nobodys ? segment_.discard(offset, window.stride()) : Status();
}

}  // namespace memfabric::memory
