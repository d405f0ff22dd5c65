// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "store/messages.h"

namespace memfabric::store {

/// A barrier or an all_gather that waits for its reply.
struct OpenRound {
    uint64_t request = 0;
    Operation operation = Operation::kBarrier;
    std::string_view body;
};

/// The barriers and all_gathers whose end this client has seen, the last one of each kind of each group, to
/// be told to a store that was started again: others may have missed the end.
class ClientRounds {
 public:
    void note_end(Operation operation, std::string_view request, std::string_view reply);
    /// The call ended without a reply: whether the round ended is not known, and the next call is for another
    /// one.
    void note_given_up(Operation operation, std::string_view request);
    void forget_group(const std::string& group);

    /// `since`: from when on this client takes part in a group.
    using Since = std::function<uint64_t(const std::string& group)>;
    /// With the requests among `open` that the earlier store has got.
    std::vector<RestoreRound> messages(const std::vector<OpenRound>& open, const Since& since) const;

 private:
    struct Key {
        std::string group;
        uint8_t kind = 0;
        uint32_t rank = 0;
        // NOLINTNEXTLINE(modernize-use-nullptr): clang-tidy sees a 0 in there
        auto operator<=>(const Key&) const = default;
    };
    struct Round {
        uint32_t size = 0;
        uint64_t epoch = 0;  // 0: no end was seen yet
        std::string payload;
        bool was_given_up = false;  // a later one
    };

    Round& round_named(Key key);

    std::map<Key, Round> rounds_;
};

}  // namespace memfabric::store
