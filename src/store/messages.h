// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "store/types.h"
#include "store/wire.h"

namespace memfabric::store {

struct Hello {
    Incarnation incarnation;
    uint64_t store_instance = 0;  // with `session`: the store that the session is of
    uint64_t run = 0;             // likewise
    uint64_t session = 0;         // to resume; 0: a new one
};

struct Welcome {
    uint64_t store_instance = 0;  // survives the store's process where that is started again
    uint64_t run = 0;             // one start of the store; another one than the client's: it has to restore
    uint64_t session = 0;
    uint64_t max_message = 0;
    uint64_t epoch = 0;  // lower than that of anything that will be granted
};

/// The body of kRefusal, and the beginning of every reply: what follows a code of 0 is the operation's own.
struct Outcome {
    int32_t code = 0;
    std::string text;
};

struct KeyMessage {
    std::string key;
};

struct KeyValueMessage {
    std::string key;
    std::string value;
};

struct AddMessage {
    std::string key;
    int64_t delta = 0;
};

struct SwapMessage {
    std::string key;
    std::string expected;
    std::string desired;
};

struct FoundMessage {
    bool exists = false;
    std::string value;
};

struct WatchMessage {
    uint64_t watch = 0;  // chosen by the client, unique in its session
    std::string key;
};

struct WatchEventMessage {
    uint64_t watch = 0;
    std::string key;
    bool exists = false;
    std::string value;
};

struct RoundMessage {
    std::string group;
    uint32_t size = 0;
    uint32_t rank = 0;
    std::string payload;
};

struct MemberChange {
    uint8_t kind = 0;  // MemberEventKind
    Member member;
};

/// A Member as it stands in a message.
struct MemberView {
    uint32_t rank = 0;
    uint64_t epoch = 0;
    std::string_view host_id;
    std::string_view payload;
    uint64_t ticket = 0;
    ProcessId process = {};
};

struct MemberChangeView {
    uint8_t kind = 0;
    MemberView member;
};

struct MemberEventMessage {
    std::string group;
    std::vector<MemberChange> changes;  // in the order in which they happened
};

/// Of a request that still waits.
struct WaitNoticeMessage {
    bool warns = false;
    std::string text;
};

struct PublishMessage {
    std::string object;
    std::string address;
};

/// The reply to a barrier, whose payloads are none, and to an all_gather.
struct GatheredMessage {
    uint64_t epoch = 0;  // of the round
    std::vector<std::string> payloads;
};

/// What a client knows of another member.
struct KnownMember {
    uint32_t rank = 0;
    uint64_t epoch = 0;
    std::string host_id;
    uint64_t ticket = 0;
    ProcessId process = {};
};

/// The body of kVouch is a ProcessId; of the answer:
struct VouchedMessage {
    ProcessId process = {};
    bool is_stopped = false;
};

struct RestoreArena {
    ArenaOffer offer;
    ArenaReply agreed;
};

struct RestoreWindow {
    WindowRequest request;
    uint64_t arena_base = 0;
    uint64_t arena_size = 0;
    uint64_t base = 0;
    uint64_t epoch = 0;
    std::string token;
    std::string address;  // empty: not published yet
};

struct RestoreRank {
    RankRequest request;
    uint32_t rank = 0;
    uint64_t epoch = 0;
};

struct RestoreMember {
    JoinRequest request;
    uint64_t epoch = 0;
    std::vector<KnownMember> known;
};

struct RestoreKey {
    std::string key;
    std::string value;
    uint64_t epoch = 0;
};

struct RestoreWatch {
    uint64_t watch = 0;
    std::string key;
    bool exists = false;  // what the watcher heard last
};

/// How far a rank of a group has come. Rounds end at the store, whose word some may not have got before it
/// died: those ask again, and are not to be taken for participants of the next round.
struct RestoreRound {
    std::string group;
    uint8_t kind = 0;   // RoundKind
    uint32_t size = 0;  // of the group
    uint32_t rank = 0;
    uint64_t epoch = 0;     // of the last round that it has seen the end of; else since when it takes part
    bool has_seen = false;  // the end of that round
    std::string payload;    // what it gave to that round
    uint64_t request = 0;   // made before the store died, and waiting for an answer since; 0: none
};

template <typename T>
struct Value {
    T value{};
};

#define MF_STORE_FIELDS(Type, ...)                                \
    template <>                                                   \
    struct Fields<Type> {                                         \
        static auto of(auto& m) { return std::tie(__VA_ARGS__); } \
    };

MF_STORE_FIELDS(Incarnation, m.host_id, m.pid, m.start_time, m.random_id)
MF_STORE_FIELDS(Hello, m.incarnation, m.store_instance, m.run, m.session)
MF_STORE_FIELDS(Welcome, m.store_instance, m.run, m.session, m.max_message, m.epoch)
MF_STORE_FIELDS(Outcome, m.code, m.text)
MF_STORE_FIELDS(KeyMessage, m.key)
MF_STORE_FIELDS(KeyValueMessage, m.key, m.value)
MF_STORE_FIELDS(AddMessage, m.key, m.delta)
MF_STORE_FIELDS(SwapMessage, m.key, m.expected, m.desired)
MF_STORE_FIELDS(FoundMessage, m.exists, m.value)
MF_STORE_FIELDS(WatchMessage, m.watch, m.key)
MF_STORE_FIELDS(WatchEventMessage, m.watch, m.key, m.exists, m.value)
MF_STORE_FIELDS(RoundMessage, m.group, m.size, m.rank, m.payload)
MF_STORE_FIELDS(ProcessId, m.pid, m.start_time)
MF_STORE_FIELDS(Member, m.rank, m.epoch, m.host_id, m.payload, m.ticket, m.process)
MF_STORE_FIELDS(MemberChange, m.kind, m.member)
MF_STORE_FIELDS(MemberView, m.rank, m.epoch, m.host_id, m.payload, m.ticket, m.process)
MF_STORE_FIELDS(MemberChangeView, m.kind, m.member)
MF_STORE_FIELDS(MemberEventMessage, m.group, m.changes)
MF_STORE_FIELDS(WaitNoticeMessage, m.warns, m.text)
MF_STORE_FIELDS(PublishMessage, m.object, m.address)
MF_STORE_FIELDS(JoinRequest, m.group, m.rank, m.max_members, m.payload, m.told_from, m.ticket)
MF_STORE_FIELDS(JoinReply, m.epoch, m.told_since, m.members)
MF_STORE_FIELDS(RankRequest, m.world, m.world_size, m.dynamic, m.rank, m.device_id)
MF_STORE_FIELDS(RankReply, m.rank, m.world_size, m.epoch)
MF_STORE_FIELDS(ArenaOffer, m.size, m.usable_bases)
MF_STORE_FIELDS(ArenaReply, m.base, m.size, m.fixed)
MF_STORE_FIELDS(WindowRequest, m.object, m.stride, m.slots, m.shape)
MF_STORE_FIELDS(WindowReply, m.base, m.creator, m.holders, m.token, m.epoch)
MF_STORE_FIELDS(SwapResult, m.swapped, m.previous)
MF_STORE_FIELDS(GatheredMessage, m.epoch, m.payloads)
MF_STORE_FIELDS(KnownMember, m.rank, m.epoch, m.host_id, m.ticket, m.process)
MF_STORE_FIELDS(VouchedMessage, m.process, m.is_stopped)
MF_STORE_FIELDS(RestoreArena, m.offer, m.agreed)
MF_STORE_FIELDS(RestoreWindow, m.request, m.arena_base, m.arena_size, m.base, m.epoch, m.token, m.address)
MF_STORE_FIELDS(RestoreRank, m.request, m.rank, m.epoch)
MF_STORE_FIELDS(RestoreMember, m.request, m.epoch, m.known)
MF_STORE_FIELDS(RestoreKey, m.key, m.value, m.epoch)
MF_STORE_FIELDS(RestoreWatch, m.watch, m.key, m.exists)
MF_STORE_FIELDS(RestoreRound, m.group, m.kind, m.size, m.rank, m.epoch, m.has_seen, m.payload, m.request)

#undef MF_STORE_FIELDS

template <typename T>
struct Fields<Value<T>> {
    static auto of(auto& m) { return std::tie(m.value); }
};

/// A list of messages within a message, read where it stands: a list of a thousand members that is taken
/// apart as a whole costs several allocations for each.
template <typename T>
class ListView {
 public:
    /// Of the list that `reader` comes to, which stands behind it afterwards. Empty where it is not whole.
    explicit ListView(Reader& reader) {
        reader.get(size_);
        const std::string_view begin = reader.rest();
        for (uint32_t i = 0; i < size_ && !reader.failed(); ++i) {
            reader.get(last_);
        }
        if (reader.failed()) {
            size_ = 0;
            return;
        }
        bytes_ = begin.substr(0, begin.size() - reader.rest().size());
    }

    bool is_empty() const { return size_ == 0; }
    /// Where it is not empty.
    const T& last() const { return last_; }

    void for_each(const auto& action) const {
        Reader reader(bytes_);
        T element;
        for (uint32_t i = 0; i < size_; ++i) {
            reader.get(element);
            action(element);
        }
    }

 private:
    uint32_t size_ = 0;
    std::string_view bytes_;
    T last_{};
};

/// A MemberEventMessage, read where it stands.
struct MemberEventView {
    std::string group;
    ListView<MemberChangeView> changes;
};

inline Result<MemberEventView> view_member_event(std::string_view body) {
    Reader reader(body);
    std::string group;
    reader.get(group);
    const ListView<MemberChangeView> changes(reader);
    MF_RETURN_IF_ERROR(reader.finish());
    return MemberEventView{std::move(group), changes};
}

}  // namespace memfabric::store
