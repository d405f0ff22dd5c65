// SPDX-License-Identifier: Apache-2.0
#include "shmem/blocks.h"

#include <algorithm>
#include <iterator>

namespace memfabric::shmem {

Blocks::Blocks(uint64_t heap_size)
    : heap_size_(heap_size), free_{{0, heap_size}}, has_memory_((heap_size + kStep - 1) / kStep) {}

std::optional<uint64_t> Blocks::take(uint64_t size, uint64_t alignment, uint64_t heap_begin) {
    auto best = free_.end();
    uint64_t best_at = 0;
    for (auto block = free_.begin(); block != free_.end(); ++block) {
        const uint64_t begin = heap_begin + block->first;
        const uint64_t at = (begin + alignment - 1) / alignment * alignment - heap_begin;
        const uint64_t end = block->first + block->second;
        if (at < end && end - at >= size && (best == free_.end() || block->second < best->second)) {
            best = block;
            best_at = at;
        }
    }
    if (best == free_.end()) {
        return std::nullopt;
    }
    const HeapRange whole{best->first, best->second};
    free_.erase(best);
    if (best_at > whole.offset) {
        free_[whole.offset] = best_at - whole.offset;
    }
    if (whole.end() > best_at + size) {
        free_[best_at + size] = whole.end() - best_at - size;
    }
    used_[best_at] = size;
    return best_at;
}

bool Blocks::resize(uint64_t offset, uint64_t size) {
    uint64_t& own = used_.at(offset);
    if (size <= own) {
        const uint64_t rest = own - size;
        own = size;
        if (rest != 0) {
            add_free(offset + size, rest);
        }
        return true;
    }
    const auto next = free_.find(offset + own);
    const uint64_t more = size - own;
    if (next == free_.end() || next->second < more) {
        return false;
    }
    const uint64_t rest = next->second - more;
    free_.erase(next);
    own = size;
    if (rest != 0) {
        free_[offset + size] = rest;
    }
    return true;
}

void Blocks::give_back(uint64_t offset) {
    if (const auto found = used_.find(offset); found != used_.end()) {
        const uint64_t size = found->second;
        used_.erase(found);
        add_free(offset, size);
    }
}

void Blocks::add_free(uint64_t offset, uint64_t size) {
    auto next = free_.lower_bound(offset);
    if (next != free_.end() && next->first == offset + size) {
        size += next->second;
        next = free_.erase(next);
    }
    if (next != free_.begin()) {
        const auto before = std::prev(next);
        if (before->first + before->second == offset) {
            before->second += size;
            return;
        }
    }
    free_[offset] = size;
}

std::optional<HeapRange> Blocks::block_at(uint64_t offset) const {
    const auto after = used_.upper_bound(offset);
    if (after == used_.begin()) {
        return std::nullopt;
    }
    const auto& [begin, size] = *std::prev(after);
    return offset - begin < size ? std::optional(HeapRange{begin, size}) : std::nullopt;
}

uint64_t Blocks::largest_free() const {
    uint64_t largest = 0;
    for (const auto& [offset, size] : free_) {
        largest = std::max(largest, size);
    }
    return largest;
}

std::vector<HeapRange> Blocks::without_memory(HeapRange range) const {
    std::vector<HeapRange> found;
    const uint64_t end = (range.end() + kStep - 1) / kStep;
    for (uint64_t step = range.offset / kStep; step < end; ++step) {
        if (has_memory_[step]) {
            continue;
        }
        const uint64_t begin = step * kStep;
        const uint64_t size = std::min(kStep, heap_size_ - begin);
        if (!found.empty() && found.back().end() == begin) {
            found.back().size += size;
        } else {
            found.push_back({begin, size});
        }
    }
    return found;
}

void Blocks::has_memory_now(const std::vector<HeapRange>& ranges) {
    for (const HeapRange& range : ranges) {
        for (uint64_t step = range.offset / kStep; step * kStep < range.end(); ++step) {
            has_memory_[step] = true;
        }
    }
}

}  // namespace memfabric::shmem
