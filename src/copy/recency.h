// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

namespace memfabric::copy {

/// Remembers which memory this process copied of late, to tell whether it may still lie in the caches: a copy
/// of 64 KiB is several times faster through the caches where its buffers lie there, and slower where they do
/// not, and its size does not tell which it is. Lossy (a wrong guess costs time, nothing else), free of
/// locks, a few nanoseconds.
class Recency {
 public:
    /// Memory that was touched within the last `window` bytes of traffic counts as recent.
    explicit Recency(size_t window);

    /// Whether the page at `address` was touched recently; touches it.
    bool touch(const std::byte* address);

    /// Counts traffic.
    void advance(size_t bytes);

 private:
    // Few enough to stay in the caches while copies stream past: 8 KiB.
    static constexpr unsigned kEntryBits = 10;
    static constexpr size_t kEntries = size_t{1} << kEntryBits;
    static constexpr size_t kPage = 4096;
    static constexpr size_t kStampUnit = size_t{64} * 1024;

    // An entry: the page's number (45 bits reach over every address), and the traffic at its last touch.
    static constexpr unsigned kStampBits = 19;
    static constexpr uint64_t kStampMask = (uint64_t{1} << kStampBits) - 1;

    const uint64_t window_;             // in stamp units
    std::atomic<uint64_t> traffic_{0};  // bytes
    std::array<std::atomic<uint64_t>, kEntries> entries_{};
};

}  // namespace memfabric::copy
