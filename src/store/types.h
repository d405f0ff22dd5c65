// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/incarnation.h"

namespace memfabric::store {

/// A process among those of its host.
struct ProcessId {
    int64_t pid = 0;
    uint64_t start_time = 0;  // clock ticks after boot: a pid may be given to another one
    // NOLINTNEXTLINE(modernize-use-nullptr): clang-tidy sees a 0 in there
    auto operator<=>(const ProcessId&) const = default;
    bool is_stopped() const { return process_state(pid, start_time) == ProcessState::kStopped; }
};

/// A member of a group, as the store knows it.
struct Member {
    uint32_t rank = 0;
    uint64_t epoch = 0;  // unique over the life of a store: tells a rank's successor from its predecessor
    std::string host_id;
    std::string payload;  // whatever the member said of itself when it joined; the store does not read it
    uint64_t ticket = 0;  // of its request
    ProcessId process = {};
};

enum class MemberEventKind { kJoined, kLeft, kLost };

struct MemberEvent {
    MemberEventKind kind = MemberEventKind::kJoined;
    Member member;
};

/// Called on the client's own thread, one event at a time and in the store's order; must not block.
using MemberEventHandler = std::function<void(const MemberEvent&)>;

struct JoinRequest {
    std::string group;
    uint32_t rank = 0;
    uint32_t max_members = 0;  // a join that would make more is refused, with both numbers
    std::string payload;
    /// Members hear of each other once there are so many of them, or the first of them goes, and then of all
    /// that comes later: a group whose members wait until all are there costs no messages until then.
    uint32_t told_from = 0;
    uint64_t ticket = 0;  // tells two requests apart; the client chooses it
};

struct JoinReply {
    uint64_t epoch = 0;  // the joiner's own
    /// Joins from this epoch on are told as events. The joiner's own epoch; a lower one where the group is
    /// told once it is complete: then the joiner hears of those who were there before together with all.
    uint64_t told_since = 0;
    /// The joiner, and who was there before: all of them or, where they are told as events, one.
    std::vector<Member> members;
};

/// How a process gets its rank in a world (one world a module: "bm", "shm", ...).
struct RankRequest {
    std::string world;
    uint32_t world_size = 0;
    bool dynamic = false;  // ranks come and go up to kMaxWorldSize; a request is answered at once
    std::optional<uint32_t>
        rank;                // a wanted rank: refused where somebody else holds it; none: the store chooses
    uint32_t device_id = 0;  // the store sorts by host, device id, arrival
};

struct RankReply {
    uint32_t rank = 0;
    uint32_t world_size = 0;
    uint64_t epoch = 0;  // of the grant: the later one wins where two claim the rank from a restarted store
};

/// The arena: every process says which of the candidate bases it can reserve; the store keeps the
/// intersection until the first window is assigned, which fixes the base.
struct ArenaOffer {
    uint64_t size = 0;
    std::vector<uint64_t> usable_bases;  // in order of preference
};

struct ArenaReply {
    uint64_t base = 0;
    uint64_t size = 0;
    bool fixed = false;  // windows exist already: this base or none
};

/// Part of the arena that belongs to one object. The first request of an id fixes its shape; a later one that
/// asks for another is refused with both.
struct WindowRequest {
    std::string object;   // "bm/3"
    uint64_t stride = 0;  // bytes a rank
    uint64_t slots = 0;   // ranks
    std::string shape;    // compared as a whole; readable, since the refusal quotes it: "HBM 2097152, DRAM 0"
};

/// Who makes the segment that the object's members on one host share, and who has it already.
struct WindowReply {
    uint64_t base = 0;     // absolute address
    bool creator = false;  // the caller makes the segment, then calls publish_window_holder
    std::vector<std::string>
        holders;         // else: hand-over addresses of processes on the caller's host that have it
    std::string token;   // the secret that a hand-over server asks for, the same for all of the object
    uint64_t epoch = 0;  // of the window, the same for all of the object
};

struct SwapResult {
    bool swapped = false;
    std::string previous;  // empty where the key did not exist
};

inline constexpr uint32_t kMaxWorldSize = 1024;
inline constexpr size_t kMaxKeyLength = 1024;

}  // namespace memfabric::store
