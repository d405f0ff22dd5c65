// SPDX-License-Identifier: Apache-2.0
#include "trans/region_cache.h"

#include <algorithm>

#include "base/attempt.h"

namespace memfabric::trans {

using memory::AddressRange;
using transport::FabricPiece;

struct RegionCache::Known {
    RemoteRange reached;
    uint32_t uses = 0;   // transfers under way; guarded by the cache's mutex
    bool dirty = false;  // one of them failed; likewise
};

namespace {

AddressRange remote_of(Direction direction, const copy::Piece& piece) {
    return {direction == Direction::kWrite ? reinterpret_cast<uint64_t>(piece.destination)
                                           : reinterpret_cast<uint64_t>(piece.source),
            piece.size};
}

std::byte* local_of(Direction direction, const copy::Piece& piece) {
    // A put only reads from it.
    return direction == Direction::kWrite ? const_cast<std::byte*>(piece.source) : piece.destination;
}

/// Neighbours become one, so that a batch of many pieces asks for few ranges.
void add_unknown(std::vector<AddressRange>& unknown, AddressRange range) {
    if (!unknown.empty() && unknown.back().end() == range.begin) {
        unknown.back().size += range.size;
    } else if (unknown.size() < kMostAsked) {
        unknown.push_back(range);
    }
}

}  // namespace

RegionCache::Use::~Use() {
    const std::lock_guard lock(cache_.mutex_);
    for (const std::shared_ptr<Known>& known : known_) {
        --known->uses;
        known->dirty |= failed_;
    }
}

const std::shared_ptr<RegionCache::Known>* RegionCache::find(uint64_t address) const {
    const auto behind = ranges_.upper_bound(address);
    if (behind == ranges_.begin()) {
        return nullptr;
    }
    const std::shared_ptr<Known>& known = std::prev(behind)->second;
    return known->reached.range.contains(address, 1) ? &known : nullptr;
}

bool RegionCache::add_piece(std::byte* local, AddressRange remote, std::vector<FabricPiece>& planned,
                            Use& use, std::vector<AddressRange>& unknown) const {
    while (remote.size != 0) {
        const Known* known = use.known_.empty() ? nullptr : use.known_.back().get();
        if (known == nullptr || !known->reached.range.contains(remote.begin, 1)) {
            const std::shared_ptr<Known>* const found = find(remote.begin);
            if (found == nullptr) {
                add_unknown(unknown, remote);
                return false;
            }
            known = found->get();
            use.known_.push_back(*found);
        }
        const uint64_t offset = remote.begin - known->reached.range.begin;
        const uint64_t size = std::min(remote.size, known->reached.range.size - offset);
        planned.push_back({local, known->reached.region, offset, size});
        local += size;
        remote = {remote.begin + size, remote.size - size};
    }
    return true;
}

bool RegionCache::plan(Direction direction, std::span<const copy::Piece> pieces,
                       std::vector<FabricPiece>& planned, Use& use, std::vector<AddressRange>& unknown) {
    planned.clear();
    unknown.clear();
    const std::lock_guard lock(mutex_);
    bool complete = true;
    const bool had_memory = did_with_memory([&] {
        for (const copy::Piece& piece : pieces) {
            complete &=
                add_piece(local_of(direction, piece), remote_of(direction, piece), planned, use, unknown);
        }
    });
    if (!complete || !had_memory) {
        use.known_.clear();  // they are not in use yet
    }
    if (!had_memory) {
        throw std::bad_alloc();
    }
    if (!complete) {
        return false;
    }
    for (const std::shared_ptr<Known>& known : use.known_) {
        ++known->uses;
    }
    return true;
}

uint64_t RegionCache::revocations() const {
    const std::lock_guard lock(mutex_);
    return revocations_;
}

void RegionCache::forget(Ranges::iterator range) {
    const std::shared_ptr<Known>& known = range->second;
    if (known->uses == 0 && !known->dirty) {
        keys_.erase(known->reached.region.key);
    }
    ranges_.erase(range);
}

void RegionCache::erase_overlapping(AddressRange range) {
    auto next = ranges_.lower_bound(range.begin);
    if (next != ranges_.begin() && std::prev(next)->second->reached.range.end() > range.begin) {
        --next;
    }
    while (next != ranges_.end() && next->first < range.end()) {
        forget(next++);
    }
}

void RegionCache::add(std::span<const RemoteRange> ranges, uint64_t revocations) {
    const std::lock_guard lock(mutex_);
    if (revocations != revocations_) {
        return;
    }
    for (const RemoteRange& reached : ranges) {
        // Another transfer may have asked for the same, and use it by now.
        const auto present = keys_.find(reached.region.key);
        std::shared_ptr<Known> known = present == keys_.end() ? nullptr : present->second;
        erase_overlapping(reached.range);
        if (known == nullptr || known->reached != reached) {
            known = std::make_shared<Known>(Known{reached});
        }
        keys_[reached.region.key] = known;
        ranges_[reached.range.begin] = std::move(known);
    }
}

RevokeAnswer RegionCache::revoke(std::span<const uint64_t> keys) {
    const std::lock_guard lock(mutex_);
    ++revocations_;
    RevokeAnswer answer;
    for (const uint64_t key : keys) {
        const auto found = keys_.find(key);
        if (found == keys_.end()) {
            continue;
        }
        const std::shared_ptr<Known> known = found->second;
        const auto range = ranges_.find(known->reached.range.begin);
        if (range != ranges_.end() && range->second == known) {
            ranges_.erase(range);
        }
        answer.dirty |= known->dirty;
        if (known->uses != 0) {
            answer.busy = true;
        } else {
            keys_.erase(key);
        }
    }
    return answer;
}

void RegionCache::drop(const Use& use) {
    const std::lock_guard lock(mutex_);
    for (const std::shared_ptr<Known>& known : use.known_) {
        const auto range = ranges_.find(known->reached.range.begin);
        if (range != ranges_.end() && range->second == known) {
            ranges_.erase(range);
        }
    }
}

}  // namespace memfabric::trans
