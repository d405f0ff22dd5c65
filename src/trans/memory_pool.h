// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "base/mapping.h"
#include "base/options.h"
#include "memory/segment.h"

namespace memfabric::trans {

/// Memory that an engine gives to its program, in segments that peers can map. Not thread-safe.
class MemoryPool {
 public:
    explicit MemoryPool(const Options& options) : options_(options) {}

    /// A piece of a segment, as peers need to know it.
    struct Place {
        uint64_t segment_base = 0;  // address of the segment's first byte here
        uint64_t segment_size = 0;
        int descriptor = -1;
    };

    /// Zeroed, aligned to 64 KiB, in pages of its own: huge ones by MF_HUGE_PAGES.
    Result<uint64_t> allocate(uint64_t size);
    /// The allocation's size; 0 where none begins at `address`.
    uint64_t size_of(uint64_t address) const;
    /// Gives the pages back.
    void release(uint64_t address);
    /// The segment that `address` lies in; descriptor -1 where it is not of this pool.
    Place place_of(uint64_t address) const;

 private:
    struct Arena {
        memory::Segment segment;
        Mapping mapping;
        std::map<uint64_t, uint64_t> free;  // offset -> size, merged
    };

    Result<std::unique_ptr<Arena>> make_arena(uint64_t size) const;
    /// The address; nullopt where the arena has no room.
    std::optional<Result<uint64_t>> allocate_in(Arena& arena, uint64_t size);
    Result<uint64_t> allocate_in_new_arena(uint64_t size);
    static bool take(Arena& arena, uint64_t size, uint64_t& offset);
    static void give(Arena& arena, uint64_t offset, uint64_t size);

    Options options_;
    std::map<uint64_t, std::unique_ptr<Arena>> arenas_;  // by address
    std::map<uint64_t, uint64_t> allocations_;           // address -> size
};

}  // namespace memfabric::trans
