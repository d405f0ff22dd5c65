// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>
#include <unordered_map>

namespace memfabric {

/// What others own, by key. Entries whose values are gone are dropped as it grows, so that it has at most
/// twice as many as there are values at a time; a few always fit.
template <typename Key, typename Value>
class WeakMap {
 public:
    /// Null where there is none, or it is gone.
    std::shared_ptr<Value> find(const Key& key) const {
        const auto found = entries_.find(key);
        return found == entries_.end() ? nullptr : found->second.lock();
    }
    void put(const Key& key, const std::shared_ptr<Value>& value) {
        if (entries_.size() >= look_at_) {
            std::erase_if(entries_, [](const auto& entry) { return entry.second.expired(); });
            look_at_ = std::max(kFew, 2 * entries_.size());
        }
        entries_[key] = value;
    }
    size_t size() const { return entries_.size(); }

 private:
    static constexpr size_t kFew = 16;

    std::unordered_map<Key, std::weak_ptr<Value>> entries_;
    size_t look_at_ = kFew;  // entries
};

}  // namespace memfabric
