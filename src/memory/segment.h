// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "base/fd.h"
#include "base/options.h"
#include "base/status.h"

namespace memfabric::memory {

enum class PageKind { kNormal, kHuge };

/// Sparse memory that processes share by handing its descriptor on: a sealed memfd, so that it can never
/// shrink under a mapping (no SIGBUS). Ranges have pages of their own after commit() and until discard().
class Segment {
 public:
    /// Huge pages by option MF_HUGE_PAGES; `demand` is what the caller will commit, which their pool must
    /// have.
    static Result<Segment> create(const std::string& name, uint64_t size, const Options& options,
                                  uint64_t demand);

    /// A descriptor that came from another process: checked to have exactly `size` bytes that cannot shrink.
    static Result<Segment> adopt(Fd descriptor, uint64_t size);

    /// Takes pages for [offset, offset + size), zeroed where they were not taken before. "Out of memory" is a
    /// failure, and nothing of the range stays taken.
    Status commit(uint64_t offset, uint64_t size);

    /// Gives the pages back; the range reads zeros from then on.
    Status discard(uint64_t offset, uint64_t size);

    int descriptor() const { return descriptor_.get(); }
    uint64_t size() const { return size_; }
    PageKind pages() const { return pages_; }

 private:
    Segment(Fd descriptor, uint64_t size, PageKind pages)
        : descriptor_(std::move(descriptor)), size_(size), pages_(pages) {}
    Status commit_pages(uint64_t offset, uint64_t size);

    Fd descriptor_;
    uint64_t size_;
    PageKind pages_;
};

/// Keeps other processes out of the same byte of a segment while it exists; the kernel lets go of it when its
/// holder dies. Threads of one process do not exclude one another with it.
class SegmentLock {
 public:
    /// Nothing where another process holds it.
    static std::optional<SegmentLock> try_lock(const Segment& segment, uint64_t offset);
    /// Waits for whoever holds it, who must be done soon. Nothing where the kernel has no locks left.
    static std::optional<SegmentLock> wait_for(int descriptor, uint64_t offset);

    SegmentLock(SegmentLock&& other) noexcept;
    SegmentLock& operator=(SegmentLock&&) = delete;
    ~SegmentLock();

 private:
    SegmentLock(int descriptor, uint64_t offset) : descriptor_(descriptor), offset_(offset) {}
    int descriptor_;
    uint64_t offset_;
};

}  // namespace memfabric::memory
