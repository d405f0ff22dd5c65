// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "store/client_rounds.h"
#include "store/messages.h"

namespace memfabric::store {

/// What a store has granted to this client, to be told to the store should that be started again. Learned
/// from requests and their replies, in the order in which the replies come.
class ClientHoldings {
 public:
    /// The store has done what was asked; `reply` is what followed the outcome.
    void note(Operation operation, std::string_view request, std::string_view reply);
    void note_event(Operation operation, std::string_view body);

    /// The request was sent, and nobody waits for its reply any more.
    void note_given_up(Operation operation, std::string_view request);

    /// Everything that is held, as messages, in the order in which the store has to hear them. `open`: what
    /// was sent to the earlier store and waits for its reply. `since`: the epoch at which the session began.
    std::vector<std::pair<Operation, std::string>> messages(const std::vector<OpenRound>& open,
                                                            uint64_t since) const;

 private:
    /// Another member. Of a thousand of them many have their host in common.
    struct Other {
        uint64_t epoch = 0;
        std::shared_ptr<const std::string> host_id;
        uint64_t ticket = 0;
        ProcessId process = {};
    };
    using Others = std::map<uint32_t, Other>;  // by rank
    struct Membership {
        JoinRequest request;
        uint64_t epoch = 0;
        uint64_t told_since = 0;  // joins from before are of a membership that it had earlier
        Others others;
    };
    struct Rank {
        RankRequest request;
        RankReply reply;
    };
    struct HeldWindow {
        WindowRequest request;
        WindowReply reply;
        std::string address;
    };
    struct OwnedKey {
        std::string value;
        uint64_t epoch = 0;
    };
    struct Watched {
        std::string key;
        bool exists = false;
    };

    void note_key(Operation operation, std::string_view request, std::string_view reply);
    void note_swap(std::string_view request, std::string_view reply);
    void note_removed_prefix(std::string_view request);
    void note_watch(Operation operation, std::string_view request);
    void note_membership(Operation operation, std::string_view request, std::string_view reply);
    void note_rank(Operation operation, std::string_view request, std::string_view reply);
    void note_window(Operation operation, std::string_view request, std::string_view reply);
    void note_arena(std::string_view request, std::string_view reply);
    void note_member_event(std::string_view body);
    static void note_other(Others& others, const MemberView& member);
    static void note_member_change(Membership& group, const MemberChangeView& change);
    RestoreWindow message_of(const HeldWindow& window) const;

    std::optional<RestoreArena> arena_;
    std::map<std::string, HeldWindow> windows_;  // by object
    std::map<std::string, Rank> ranks_;          // by world
    std::map<std::string, Membership> groups_;   // by name
    // By name: events that came before the reply to the own join, as they do where that was sent again.
    std::map<std::string, std::vector<std::string>> early_;
    std::map<std::string, OwnedKey, std::less<>> keys_;
    std::map<uint64_t, Watched> watches_;
    ClientRounds rounds_;
};

}  // namespace memfabric::store
