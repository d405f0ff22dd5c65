// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/deadline.h"
#include "base/endpoint.h"
#include "base/options.h"
#include "base/status.h"
#include "store/tls.h"
#include "store/types.h"

namespace memfabric::store {

struct ClientConfig {
    Endpoint endpoint;
    std::optional<TlsSettings> tls;  // none: plaintext
    Incarnation incarnation;         // who calls; its host_id decides who is a neighbour
    Options options;
};

/// The connection of one process to one config store. All calls may come from any thread and block until the
/// answer is there or the deadline passed; a call that a lost connection interrupts goes on after the client
/// has reconnected, and is applied once. Destroying the client says goodbye: its memberships, ranks and
/// windows end at once.
class Client {
 public:
    /// Tries until somebody answers at the endpoint or the deadline passes. Something that answers but is no
    /// config store, or wants TLS where we have none, or the reverse, is a failure at once.
    static Result<std::shared_ptr<Client>> connect(ClientConfig config, Deadline deadline);
    virtual ~Client() = default;

    // Keys: 1 to kMaxKeyLength bytes. Values: any bytes.
    virtual Status set(std::string_view key, std::string_view value, Deadline deadline) = 0;
    /// The key goes when this client does (its goodbye, or it is lost), and no other client may change it
    /// until then (kDuplicatedObject). Where the owner is away, waits until it is back or given up: its
    /// successor has to set it anew.
    virtual Status set_owned(std::string_view key, std::string_view value, Deadline deadline) = 0;
    /// Waits until the key exists.
    virtual Result<std::string> get(std::string_view key, Deadline deadline) = 0;
    /// What is there now.
    virtual Result<std::optional<std::string>> find(std::string_view key, Deadline deadline) = 0;
    /// Adds to a decimal counter (0 where the key is missing); returns the sum.
    virtual Result<int64_t> add(std::string_view key, int64_t delta, Deadline deadline) = 0;
    /// Returns the size of the value afterwards.
    virtual Result<uint64_t> append(std::string_view key, std::string_view value, Deadline deadline) = 0;
    /// `expected` empty: the key must not exist.
    virtual Result<SwapResult> compare_and_swap(std::string_view key, std::string_view expected,
                                                std::string_view desired, Deadline deadline) = 0;
    virtual Status remove(std::string_view key, Deadline deadline) = 0;
    /// Returns how many keys went.
    virtual Result<uint64_t> remove_prefix(std::string_view prefix, Deadline deadline) = 0;
    /// Keys that begin with `prefix` and their values, in order of the keys.
    virtual Result<std::vector<std::pair<std::string, std::string>>> list(std::string_view prefix,
                                                                          Deadline deadline) = 0;

    /// Calls `handler` with key and value now where the key exists, and at every change from then on, until
    /// unwatch. nullopt: the key was removed. On the client's own thread; must not block.
    using WatchHandler = std::function<void(std::string_view key, const std::optional<std::string>& value)>;
    virtual Result<uint64_t> watch(std::string_view key, WatchHandler handler, Deadline deadline) = 0;
    virtual Status unwatch(uint64_t watch_id, Deadline deadline) = 0;

    // Groups: done by the server in one round each.
    /// Returns when `size` different ranks have called it for this group. A call that ends by its deadline
    /// takes its rank out of the round again. A participant that is lost fails the round for all (kPeerLost,
    /// naming it).
    virtual Status barrier(std::string_view group, uint32_t size, uint32_t rank, Deadline deadline) = 0;
    /// The payloads of all ranks in the order of ranks.
    virtual Result<std::vector<std::string>> all_gather(std::string_view group, uint32_t size, uint32_t rank,
                                                        std::string_view payload, Deadline deadline) = 0;
    /// Joins a group with members that come and go; `handler` hears of every later change until leave.
    virtual Result<JoinReply> join(const JoinRequest& request, MemberEventHandler handler,
                                   Deadline deadline) = 0;
    virtual Status leave(std::string_view group, Deadline deadline) = 0;

    virtual Result<RankReply> assign_rank(const RankRequest& request, Deadline deadline) = 0;
    virtual Status release_rank(std::string_view world, Deadline deadline) = 0;
    virtual Result<ArenaReply> agree_arena(const ArenaOffer& offer, Deadline deadline) = 0;
    /// Waits while another process of the caller's host makes the segment.
    virtual Result<WindowReply> acquire_window(const WindowRequest& request, Deadline deadline) = 0;
    virtual Status publish_window_holder(std::string_view object, std::string_view hand_over_address,
                                         Deadline deadline) = 0;
    virtual Status release_window(std::string_view object, Deadline deadline) = 0;

    /// Returns when the handlers have heard everything that the store told before the call; replies may be
    /// ahead of them. Not on a handler's thread.
    virtual Status hear_all(Deadline deadline) = 0;

    /// False once every further call fails at once: the store was stopped or restarted, or gave this process
    /// up.
    virtual bool is_usable() const = 0;
    /// Whether the store gave this process up while it was away: for the others it is dead. A plain load.
    virtual bool is_evicted() const = 0;

    virtual const Endpoint& endpoint() const = 0;
    /// The local address of the connection: the one that routes to the store, and so the default to
    /// advertise.
    virtual std::string local_address() const = 0;
    /// Random, made when the store started: tells another store at the same URL from its own one restarted.
    virtual uint64_t store_instance() const = 0;
};

}  // namespace memfabric::store
