// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <vector>

#include "transport/fabric/fabric_operation.h"

namespace memfabric::transport {

/// The places of the operations that an endpoint has outstanding. More than any peer may have, so that one
/// that stands still holds up nobody else. Memory for them is taken as they are needed.
class OperationWindow {
 public:
    static constexpr size_t kPlaces = 128;
    static constexpr size_t kMostOfPeer = 32;

    OperationWindow();

    /// Whether a peer that has `own` operations here may have one more: the fewer places are left, the fewer
    /// each may have of them, and the last ones are for those who have none. False too where there is no
    /// memory for it.
    bool make_room(size_t own) {
        return own < kMostOfPeer && own <= free_places() / kShare && (!free_.empty() || made_block());
    }
    bool is_empty() const { return free_places() == kPlaces; }

    /// Only where room was made.
    size_t take() {
        const size_t place = free_.back();
        free_.pop_back();
        return place;
    }
    void give_back(size_t place) { free_.push_back(place); }
    /// Whether a number is that of a place that has ever been taken.
    bool has(size_t place) const { return place < places_made(); }
    FabricOperation& operator[](size_t place) { return (*blocks_[place / kBlock])[place % kBlock]; }
    const FabricOperation& operator[](size_t place) const {
        return (*blocks_[place / kBlock])[place % kBlock];
    }
    size_t places_made() const { return blocks_made_ * kBlock; }
    /// Whether that holds for the transfer of any operation that is outstanding.
    template <typename Holds>
    bool any_of(const Holds& holds) const {
        for (size_t place = 0; place < places_made(); ++place) {
            const Transfer* const transfer = (*this)[place].transfer;
            if (transfer != nullptr && holds(*transfer)) {
                return true;
            }
        }
        return false;
    }

 private:
    static constexpr size_t kBlock = 32;
    static constexpr size_t kShare = 3;
    using Block = std::array<FabricOperation, kBlock>;

    size_t free_places() const { return free_.size() + kPlaces - places_made(); }
    bool made_block();

    std::array<std::unique_ptr<Block>, kPlaces / kBlock> blocks_;
    size_t blocks_made_ = 0;
    std::vector<size_t> free_;  // of those that are made; the last one is used next
};

}  // namespace memfabric::transport
