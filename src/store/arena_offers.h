// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <utility>
#include <vector>

namespace memfabric::store {

/// The bases of the arena that each session can reserve, and those that all of them can. Counted, since every
/// process of a pool asks.
class ArenaOffers {
 public:
    using Bases = std::set<uint64_t>;

    void put(uint64_t session, Bases bases) {
        erase(session);
        for (const uint64_t base : bases) {
            ++sessions_with_[base];
        }
        offers_.emplace(session, std::move(bases));
    }

    void erase(uint64_t session) {
        const auto found = offers_.find(session);
        if (found == offers_.end()) {
            return;
        }
        for (const uint64_t base : found->second) {
            if (--sessions_with_[base] == 0) {
                sessions_with_.erase(base);
            }
        }
        offers_.erase(found);
    }

    bool empty() const { return offers_.empty(); }

    /// Those of `preference`, in its order, that all sessions can reserve.
    std::vector<uint64_t> common(const std::vector<uint64_t>& preference) const {
        std::vector<uint64_t> bases;
        for (const uint64_t base : preference) {
            const auto found = sessions_with_.find(base);
            if ((found == sessions_with_.end() ? 0 : found->second) == offers_.size()) {
                bases.push_back(base);
            }
        }
        return bases;
    }

 private:
    std::map<uint64_t, Bases> offers_;          // by session
    std::map<uint64_t, size_t> sessions_with_;  // by base
};

}  // namespace memfabric::store
