// SPDX-License-Identifier: Apache-2.0
#include "transport/fabric/fabric_peer.h"

#include <algorithm>

namespace memfabric::transport {

FabricPeer::FabricPeer(std::string name, std::vector<Way> ways, std::unique_ptr<PeerContact> contact)
    : name_(std::move(name)), ways_(std::move(ways)), contact_(std::move(contact)), lanes_(best_lanes(0)) {}

/// Where all that lead there are silent, they are used all the same: they may come back.
uint64_t FabricPeer::best_lanes(uint64_t silent_rails) const {
    uint64_t lanes = 0;
    int best = UINT8_MAX + 1;
    for (size_t i = 0; i < ways_.size(); ++i) {
        const Way& way = ways_[i];
        if (way.address.empty() || (silent_rails >> way.rail & 1) != 0 || way.grade > best) {
            continue;
        }
        lanes = way.grade < best ? 0 : lanes;
        best = way.grade;
        lanes |= uint64_t{1} << i;
    }
    return lanes == 0 && silent_rails != 0 ? best_lanes(0) : lanes;
}

void FabricPeer::note_silent(const std::shared_ptr<PeerSigns>& signs) {
    const uint64_t silent = signs->silent_rails();
    if (silent == silent_rails()) {
        return;
    }
    const std::lock_guard lock(mutex_);
    signs_ = silent != 0 ? signs : nullptr;
    lanes_.store(best_lanes(silent), std::memory_order_release);
    silent_.store(silent, std::memory_order_release);
}

void FabricPeer::look_again() {
    std::shared_ptr<PeerSigns> signs;
    {
        const std::lock_guard lock(mutex_);
        signs = signs_;
    }
    if (signs != nullptr && signs->may_look_again()) {
        static_cast<void>(signs->look(PeerSigns::Clock::now()));  // waiting calls find out about its end
        note_silent(signs);
    }
}

}  // namespace memfabric::transport
