// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "fabric/raw_tcp.h"
#include "smem_bm.h"

namespace memfabric::bench {

/// This process as one of the two ranks of a pool, each on a host of its own, through the public interface.
/// Failures are exceptions that carry the library's text.
class BmRank {
 public:
    BmRank(const std::string& url, uint16_t rank, uint64_t region_size);
    ~BmRank();
    BmRank(const BmRank&) = delete;
    BmRank& operator=(const BmRank&) = delete;

    /// Waits until the other rank has joined. Empty where its memory can be reached, else why not.
    std::string reach_peer() const;

    /// All pieces in one call; offsets are those in the peer's region.
    void put(std::span<const RawPiece> pieces) const { copy(pieces, true); }
    void get(std::span<const RawPiece> pieces) const { copy(pieces, false); }
    void put_one(std::byte* local, uint64_t offset, size_t size) const;
    void get_one(std::byte* local, uint64_t offset, size_t size) const;

 private:
    void copy(std::span<const RawPiece> pieces, bool to_peer) const;
    std::byte* peer_region() const;

    uint16_t rank_;
    smem_bm_t handle_ = nullptr;
};

}  // namespace memfabric::bench
