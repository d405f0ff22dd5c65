// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace memfabric::store {

/// Which keys live only as long as the session that set them.
class KeyOwners {
 public:
    struct Owner {
        uint64_t session = 0;
        uint64_t epoch = 0;  // of its claim
    };

    std::optional<Owner> owner_of(const std::string& key) const;
    void claim(const std::string& key, Owner owner);
    void forget(const std::string& key);
    /// The session's keys, which nobody owns from then on.
    std::vector<std::string> take_keys_of(uint64_t session);

 private:
    std::map<std::string, Owner> owners_;
    std::map<uint64_t, std::set<std::string>> keys_;  // by session
};

}  // namespace memfabric::store
