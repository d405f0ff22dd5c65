// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>

#include "copy/engine.h"
#include "memory/window.h"
#include "observe/timed.h"
#include "runtime/remote_members.h"

namespace memfabric::bm {

/// Where one object's copies are counted: by the rank that is the other side, which is the destination's
/// where that is another rank's memory, else the source's.
class CopyCounters {
 public:
    CopyCounters(uint32_t object, const memory::Window& layout, uint32_t rank);

    /// Of a copy within this host.
    observe::Counted mapped(uint64_t source, uint64_t destination) const {
        return counted(source, destination, mapped_, observe::Path::kMapped);
    }
    /// Of any copy: one that touches other hosts went by fabric. The table may be null.
    observe::Counted of(uint64_t source, uint64_t destination, const RemoteTable* table) const;
    observe::Counted of(const copy::Piece& piece, const RemoteTable* table) const;
    /// Of all but the first piece, which who takes the time counts.
    void count_rest(std::span<const copy::Piece> pieces, const RemoteTable* table) const;

 private:
    struct Cells {
        uint32_t put = 0;  // rank 0's; those of the others follow
        uint32_t get = 0;
    };
    observe::Counted counted(uint64_t source, uint64_t destination, const Cells& cells,
                             observe::Path path) const {
        const memory::AddressRange range = layout_.range();
        if (destination - range.begin < range.size) {
            const uint32_t rank = layout_.rank_of(destination);
            if (rank != rank_) {
                return {observe::Operation::kBmPut, path, cells.put + rank};
            }
        }
        if (source - range.begin < range.size) {
            const uint32_t rank = layout_.rank_of(source);
            if (rank != rank_) {
                return {observe::Operation::kBmGet, path, cells.get + rank};
            }
        }
        return {observe::Operation::kBmLocal, observe::Path::kMapped, local_};
    }

    const memory::Window layout_;
    const uint32_t rank_;
    Cells mapped_;
    Cells fabric_;
    uint32_t local_ = 0;
};

}  // namespace memfabric::bm
