// SPDX-License-Identifier: Apache-2.0
#include "transport/fabric/device_staging.h"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "base/deadline.h"

namespace memfabric::transport {
namespace {

// Of a half: long enough that the way there and back does not count.
constexpr size_t kHalf = 1U << 20;

using Pieces = std::vector<FabricPiece>;

/// Loads that fit into a half each.
std::vector<Pieces> cut(std::span<const FabricPiece> pieces) {
    std::vector<Pieces> loads(1);
    size_t room = kHalf;
    for (FabricPiece piece : pieces) {
        while (piece.size > 0) {
            if (room == 0) {
                loads.emplace_back();
                room = kHalf;
            }
            const size_t size = std::min(piece.size, room);
            loads.back().push_back({piece.local, piece.region, piece.offset, size});
            piece.local += size;
            piece.offset += size;
            piece.size -= size;
            room -= size;
        }
    }
    return loads;
}

class Staging {
 public:
    Staging(memory::DeviceMemory& device, std::shared_ptr<std::byte[]> pinned, const BeginTransfer& begin)
        : device_(device), pinned_(std::move(pinned)), begin_(begin) {}

    Status put(const std::vector<Pieces>& loads) {
        for (size_t i = 0; i < loads.size(); ++i) {
            MF_RETURN_IF_ERROR(wait(i));
            const Pieces staged = in_half(loads[i], i);
            for (size_t k = 0; k < staged.size(); ++k) {
                MF_RETURN_IF_ERROR(device_.to_host(staged[k].local, loads[i][k].local, staged[k].size));
            }
            MF_RETURN_IF_ERROR(begin(staged, i));
        }
        MF_RETURN_IF_ERROR(wait(loads.size()));
        return wait(loads.size() + 1);
    }

    Status get(const std::vector<Pieces>& loads) {
        MF_RETURN_IF_ERROR(begin(in_half(loads[0], 0), 0));
        for (size_t i = 0; i < loads.size(); ++i) {
            if (i + 1 < loads.size()) {
                MF_RETURN_IF_ERROR(begin(in_half(loads[i + 1], i + 1), i + 1));
            }
            MF_RETURN_IF_ERROR(wait(i));
            const Pieces staged = in_half(loads[i], i);
            for (size_t k = 0; k < staged.size(); ++k) {
                MF_RETURN_IF_ERROR(device_.to_device(loads[i][k].local, staged[k].local, staged[k].size));
            }
        }
        return {};
    }

 private:
    Pieces in_half(const Pieces& load, size_t number) const {
        std::byte* place = pinned_.get() + (number % 2) * kHalf;
        Pieces staged = load;
        for (FabricPiece& piece : staged) {
            piece.local = std::exchange(place, place + piece.size);
        }
        return staged;
    }
    Status begin(const Pieces& staged, size_t number) {
        MF_ASSIGN_OR_RETURN(under_way_.at(number % 2), begin_(staged));
        return {};
    }
    /// For what is under way with the load's half.
    Status wait(size_t number) {
        const auto transfer = std::move(under_way_.at(number % 2));
        return transfer ? transfer->wait(Deadline::never()) : Status();
    }

    memory::DeviceMemory& device_;
    const std::shared_ptr<std::byte[]> pinned_;
    const BeginTransfer& begin_;
    // Destroyed first: that waits until nobody touches the halves.
    std::array<std::unique_ptr<RemoteTransfer>, 2> under_way_;
};

}  // namespace

Status move_through_host(memory::DeviceMemory& device, FabricFlow flow, std::span<const FabricPiece> pieces,
                         const BeginTransfer& begin) {
    const std::vector<Pieces> loads = cut(pieces);
    MF_ASSIGN_OR_RETURN(auto pinned, device.pinned(2 * kHalf));
    Staging staging(device, std::move(pinned), begin);
    return flow == FabricFlow::kPut ? staging.put(loads) : staging.get(loads);
}

}  // namespace memfabric::transport
