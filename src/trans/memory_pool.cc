// SPDX-License-Identifier: Apache-2.0
#include "trans/memory_pool.h"

#include <algorithm>

namespace memfabric::trans {
namespace {

/// Every normal page size of the supported machines divides it.
constexpr uint64_t kAlignment = uint64_t{64} << 10;
constexpr uint64_t kHugePage = uint64_t{2} << 20;
/// Address space of a segment that many allocations share; it takes memory only for what is allocated.
constexpr uint64_t kArenaSize = uint64_t{1} << 30;

uint64_t round_up(uint64_t value, uint64_t unit) {
    return (value + unit - 1) / unit * unit;
}

uint64_t unit_of(const memory::Segment& segment) {
    return segment.pages() == memory::PageKind::kHuge ? kHugePage : kAlignment;
}

}  // namespace

Result<std::unique_ptr<MemoryPool::Arena>> MemoryPool::make_arena(uint64_t size) const {
    const uint64_t demand = round_up(size, kHugePage);
    // One unit more, since the kernel aligns the mapping to normal pages only.
    const uint64_t whole = std::max(demand, kArenaSize) + kHugePage;
    MF_ASSIGN_OR_RETURN(memory::Segment segment,
                        memory::Segment::create("mf-trans-pool", whole, options_, demand));
    MF_ASSIGN_OR_RETURN(Mapping mapping, Mapping::shared(segment.descriptor(), whole));
    const uint64_t unit = unit_of(segment);
    const uint64_t begin = round_up(mapping.address(), unit) - mapping.address();
    auto arena = std::make_unique<Arena>(Arena{std::move(segment), std::move(mapping), {}});
    arena->free.emplace(begin, (whole - begin) / unit * unit);
    return arena;
}

bool MemoryPool::take(Arena& arena, uint64_t size, uint64_t& offset) {
    for (auto range = arena.free.begin(); range != arena.free.end(); ++range) {
        if (range->second < size) {
            continue;
        }
        offset = range->first;
        const uint64_t rest = range->second - size;
        arena.free.erase(range);
        if (rest != 0) {
            arena.free.emplace(offset + size, rest);
        }
        return true;
    }
    return false;
}

void MemoryPool::give(Arena& arena, uint64_t offset, uint64_t size) {
    auto next = arena.free.lower_bound(offset);
    if (next != arena.free.end() && next->first == offset + size) {
        size += next->second;
        next = arena.free.erase(next);
    }
    if (next != arena.free.begin()) {
        const auto before = std::prev(next);
        if (before->first + before->second == offset) {
            before->second += size;
            return;
        }
    }
    arena.free.emplace(offset, size);
}

std::optional<Result<uint64_t>> MemoryPool::allocate_in(Arena& arena, uint64_t size) {
    const uint64_t rounded = round_up(size, unit_of(arena.segment));
    uint64_t offset = 0;
    if (!take(arena, rounded, offset)) {
        return std::nullopt;
    }
    Status committed = arena.segment.commit(offset, rounded);
    if (!committed.is_ok()) {
        give(arena, offset, rounded);
        return committed.with_context(fmt::format("allocating {} bytes of transferable memory", size));
    }
    const uint64_t address = arena.mapping.address() + offset;
    allocations_.emplace(address, rounded);
    return address;
}

Result<uint64_t> MemoryPool::allocate_in_new_arena(uint64_t size) {
    Result<std::unique_ptr<Arena>> made = make_arena(size);
    if (!made.is_ok()) {
        return made.status().with_context(fmt::format("allocating {} bytes of transferable memory", size));
    }
    const std::unique_ptr<Arena>& arena = *made;
    std::optional<Result<uint64_t>> address = allocate_in(*arena, size);
    if (address->is_ok()) {
        const uint64_t base = arena->mapping.address();
        arenas_.emplace(base, std::move(made).value());
    }
    return *std::move(address);
}

Result<uint64_t> MemoryPool::allocate(uint64_t size) {
    if (size == 0 || size > uint64_t{1} << 46) {
        return failure(Code::kInvalidParam, "allocating {} bytes of transferable memory: impossible size",
                       size);
    }
    for (const auto& [base, arena] : arenas_) {
        std::optional<Result<uint64_t>> address = allocate_in(*arena, size);
        // Where the huge pages are used up, another segment may have normal ones.
        if (address && (address->is_ok() || arena->segment.pages() == memory::PageKind::kNormal)) {
            return *std::move(address);
        }
    }
    return allocate_in_new_arena(size);
}

uint64_t MemoryPool::size_of(uint64_t address) const {
    const auto found = allocations_.find(address);
    return found == allocations_.end() ? 0 : found->second;
}

void MemoryPool::release(uint64_t address) {
    const auto found = allocations_.find(address);
    if (found == allocations_.end()) {
        return;
    }
    Arena& arena = *std::prev(arenas_.upper_bound(address))->second;
    const uint64_t offset = address - arena.mapping.address();
    static_cast<void>(arena.segment.discard(offset, found->second));
    give(arena, offset, found->second);
    allocations_.erase(found);
}

MemoryPool::Place MemoryPool::place_of(uint64_t address) const {
    const auto after = arenas_.upper_bound(address);
    if (after == arenas_.begin()) {
        return {};
    }
    const Arena& arena = *std::prev(after)->second;
    const uint64_t base = arena.mapping.address();
    if (address - base >= arena.mapping.size()) {
        return {};
    }
    return {base, arena.mapping.size(), arena.segment.descriptor()};
}

}  // namespace memfabric::trans
