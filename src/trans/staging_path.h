// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "base/fd.h"
#include "base/mapping.h"
#include "memory/segment.h"
#include "trans/path.h"
#include "trans/staging_layout.h"

namespace memfabric::trans {

/// An initiator's side of a target's staging ring: bytes go into the ring here, and the target takes them
/// out. One operation at a time; others wait.
class StagingPath final : public PeerPath {
 public:
    using IsAlive = std::function<bool()>;

    /// `descriptor` is the target's ring, as it was handed over.
    static Result<std::unique_ptr<PeerPath>> open(Fd descriptor, IsAlive target_is_alive);
    /// Use open().
    StagingPath(memory::Segment segment, Fd own, IsAlive target_is_alive)
        : segment_(std::move(segment)), own_(std::move(own)), target_is_alive_(std::move(target_is_alive)) {}

    PathChoice kind() const override { return PathChoice::kStaging; }
    Status move(Direction direction, std::span<const copy::Piece> pieces, Deadline deadline) override;

 private:
    /// What one request carries: stretches of the pieces.
    struct Chunk {
        std::vector<copy::Piece> stretches;
        bool in_ring = false;
    };
    /// Where an operation has got to.
    struct Progress {
        size_t piece = 0;
        size_t offset = 0;
    };

    Status claim_lane();
    Status run(Direction direction, std::span<const copy::Piece> pieces, Deadline deadline);
    void fill(Direction direction, std::span<const copy::Piece> pieces, Progress& progress, uint32_t cell);
    void request(uint32_t cell);
    Status finish(Direction direction, uint32_t cell, Deadline deadline);
    Status await(staging::Cell& cell, Deadline deadline);
    Status explain(Direction direction, const staging::Answer& answer, const Chunk& chunk) const;
    bool take_back(uint32_t cell);
    void give_lane_up();
    staging::Cell& cell_at(uint32_t cell) const {
        return reinterpret_cast<staging::Cell*>(lane_mapping_.data())[cell];
    }
    std::byte* data_at(uint32_t cell) const {
        return lane_mapping_.data() + staging::kControlSpace + cell * staging::kDataSize;
    }
    staging::Header& header() const { return *reinterpret_cast<staging::Header*>(header_mapping_.data()); }

    memory::Segment segment_;
    Fd own_;  // an open file of our own, whose lock keeps the lane; never mapped
    IsAlive target_is_alive_;
    std::mutex mutex_;  // one operation at a time; guards what follows
    Mapping header_mapping_;
    Mapping lane_mapping_;
    Chunk chunks_[staging::kCells];
};

}  // namespace memfabric::trans
