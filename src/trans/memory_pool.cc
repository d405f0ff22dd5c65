// SPDX-License-Identifier: Apache-2.0
#include "trans/memory_pool.h"

#include <algorithm>

namespace memfabric::trans {
namespace {

/// Every page size of the supported machines divides it.
constexpr uint64_t kAlignment = uint64_t{64} << 10;
/// Address space of a segment that many allocations share; it takes memory only for what is allocated.
constexpr uint64_t kArenaSize = uint64_t{1} << 30;

}  // namespace

Result<MemoryPool::Arena*> MemoryPool::add_arena(uint64_t size) {
    MF_ASSIGN_OR_RETURN(memory::Segment segment, memory::Segment::create("mf-trans-pool", size, options_, 0));
    MF_ASSIGN_OR_RETURN(Mapping mapping, Mapping::shared(segment.descriptor(), size));
    const uint64_t base = mapping.address();
    auto arena = std::make_unique<Arena>(Arena{std::move(segment), std::move(mapping), {}});
    arena->free.emplace(0, size);
    return arenas_.emplace(base, std::move(arena)).first->second.get();
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

Result<uint64_t> MemoryPool::allocate(uint64_t size) {
    if (size == 0 || size > uint64_t{1} << 46) {
        return failure(Code::kInvalidParam, "allocating {} bytes of transferable memory: impossible size",
                       size);
    }
    const uint64_t rounded = (size + kAlignment - 1) / kAlignment * kAlignment;
    Arena* home = nullptr;
    uint64_t offset = 0;
    for (const auto& [base, arena] : arenas_) {
        if (take(*arena, rounded, offset)) {
            home = arena.get();
            break;
        }
    }
    if (home == nullptr) {
        MF_ASSIGN_OR_RETURN(home, add_arena(std::max(rounded, kArenaSize)));
        take(*home, rounded, offset);
    }
    Status committed = home->segment.commit(offset, rounded);
    if (!committed.is_ok()) {
        give(*home, offset, rounded);
        return committed.with_context(fmt::format("allocating {} bytes of transferable memory", size));
    }
    const uint64_t address = home->mapping.address() + offset;
    allocations_.emplace(address, rounded);
    return address;
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
