// SPDX-License-Identifier: Apache-2.0
#include "store/key_owners.h"

namespace memfabric::store {

std::optional<KeyOwners::Owner> KeyOwners::owner_of(const std::string& key) const {
    const auto owner = owners_.find(key);
    return owner == owners_.end() ? std::nullopt : std::optional(owner->second);
}

void KeyOwners::claim(const std::string& key, Owner owner) {
    forget(key);
    owners_.emplace(key, owner);
    keys_[owner.session].insert(key);
}

void KeyOwners::forget(const std::string& key) {
    const auto owner = owners_.find(key);
    if (owner == owners_.end()) {
        return;
    }
    const auto keys = keys_.find(owner->second.session);
    keys->second.erase(key);
    if (keys->second.empty()) {
        keys_.erase(keys);
    }
    owners_.erase(owner);
}

std::vector<std::string> KeyOwners::take_keys_of(uint64_t session) {
    const auto keys = keys_.find(session);
    if (keys == keys_.end()) {
        return {};
    }
    std::vector<std::string> taken(keys->second.begin(), keys->second.end());
    keys_.erase(keys);
    for (const std::string& key : taken) {
        owners_.erase(key);
    }
    return taken;
}

}  // namespace memfabric::store
