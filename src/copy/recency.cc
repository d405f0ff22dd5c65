// SPDX-License-Identifier: Apache-2.0
#include "copy/recency.h"

#include <algorithm>

namespace memfabric::copy {

Recency::Recency(size_t window) : window_(std::min<uint64_t>(window / kStampUnit + 1, kStampMask / 2)) {}

bool Recency::touch(const std::byte* address) {
    const uint64_t page = reinterpret_cast<uintptr_t>(address) / kPage;
    const uint64_t now = (traffic_.load(std::memory_order_relaxed) / kStampUnit) & kStampMask;
    // Pages a power of two apart, as buffers often are, must not share an entry: the multiplication spreads
    // them.
    std::atomic<uint64_t>& entry = entries_[(page * 0x9E3779B97F4A7C15U) >> (64 - kEntryBits)];
    const uint64_t before = entry.load(std::memory_order_relaxed);
    entry.store(page << kStampBits | now, std::memory_order_relaxed);
    const uint64_t age = (now - before) & kStampMask;
    return before >> kStampBits == (page & (~uint64_t{0} >> kStampBits)) && age <= window_;
}

// A load and a store instead of an atomic addition: concurrent callers may lose each other's bytes, which is
// as good.
void Recency::advance(size_t bytes) {
    traffic_.store(traffic_.load(std::memory_order_relaxed) + bytes, std::memory_order_relaxed);
}

}  // namespace memfabric::copy
