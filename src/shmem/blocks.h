// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

namespace memfabric::shmem {

/// Bytes at some offset of the heap.
struct HeapRange {
    uint64_t offset = 0;
    uint64_t size = 0;
    uint64_t end() const { return offset + size; }
};

/// What of a heap is given out, what is free, and what has memory; offsets only. Same calls in the same order
/// give the same offsets. Not thread-safe.
class Blocks {
 public:
    /// Memory is taken in steps of this size.
    static constexpr uint64_t kStep = uint64_t{2} << 20;

    Blocks() = default;
    /// All free and without memory.
    explicit Blocks(uint64_t heap_size);

    /// The smallest free block that fits, where `heap_begin` + offset is a multiple of `alignment`.
    std::optional<uint64_t> take(uint64_t size, uint64_t alignment, uint64_t heap_begin);
    /// The block that begins there becomes smaller, or larger where what follows it is free.
    bool resize(uint64_t offset, uint64_t size);
    void give_back(uint64_t offset);

    /// The block with `offset` in it.
    std::optional<HeapRange> block_at(uint64_t offset) const;
    uint64_t largest_free() const;

    /// Whole steps, cut off at the heap's end, that touch the range and have no memory.
    std::vector<HeapRange> without_memory(HeapRange range) const;
    void has_memory_now(const std::vector<HeapRange>& ranges);

 private:
    void add_free(uint64_t offset, uint64_t size);

    uint64_t heap_size_ = 0;
    std::map<uint64_t, uint64_t> free_;  // offset -> size; no two touch
    std::map<uint64_t, uint64_t> used_;
    std::vector<bool> has_memory_;  // by step
};

}  // namespace memfabric::shmem
