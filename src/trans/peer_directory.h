// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <string>
#include <string_view>

#include "runtime/runtime.h"
#include "trans/counters.h"
#include "trans/peer.h"
#include "trans/remote_sessions.h"

namespace memfabric::trans {

/// The sessions that an engine has transferred with, each as it is published now. Thread-safe.
class PeerDirectory {
 public:
    PeerDirectory(Runtime& runtime, Counters& counters, RemoteSessions& others, std::string own_session)
        : runtime_(runtime),
          counters_(counters),
          others_(others),
          own_session_(std::move(own_session)),
          choice_(static_cast<PathChoice>(runtime.options().integer(OptionId::kTransPath))) {}
    ~PeerDirectory();
    PeerDirectory(const PeerDirectory&) = delete;
    PeerDirectory& operator=(const PeerDirectory&) = delete;

    /// The session's present life. One that was never there is waited for (kTimeout); one that has ended is
    /// kPeerLost until its name is published again.
    Result<std::shared_ptr<Peer>> find(std::string_view session, Deadline deadline);

    /// The peer is of a life that has ended, or its way is broken: the next find() looks for its successor,
    /// or for a new way.
    void forget(std::string_view session, const Peer& peer);

 private:
    /// What is known of one session's publication; shared with the watch that keeps it true.
    struct Publication {
        std::mutex mutex;
        std::condition_variable changed;
        std::optional<SessionRecord> record;
        Status problem;     // where what is published is no record
        uint64_t gone = 0;  // instance of the last life that was there and is no more
    };
    /// The peer that is attached; shared with the watch, too, which lets go of one that has ended, and with
    /// it of the memory that it keeps.
    struct Place {
        explicit Place(std::shared_ptr<std::atomic<size_t>> taken_places) : taken(std::move(taken_places)) {}
        std::shared_mutex mutex;
        std::shared_ptr<Peer> peer;                        // guarded by mutex
        const std::shared_ptr<std::atomic<size_t>> taken;  // of how many places
    };
    struct Entry {
        explicit Entry(std::shared_ptr<Place> its_place) : place(std::move(its_place)) {}
        std::mutex attaching;  // held while the peer is attached, so that it happens once
        std::shared_ptr<Publication> publication;
        const std::shared_ptr<Place> place;
        std::optional<uint64_t> watch;
        uint64_t ended = 0;  // instance of the last life that is known to have ended; guarded by place->mutex
        uint64_t attached = 0;  // instance of the last life that was reached; guarded by attaching
        std::atomic<uint64_t> used{0};
    };

    /// kInvalidParam where no session can have that name.
    Result<Entry*> entry_of(std::string_view session);
    Result<std::shared_ptr<Peer>> attach(std::string_view session, Entry& entry, Deadline deadline);
    /// By the way that leads to it.
    Result<std::shared_ptr<Peer>> attach_to(const std::string& session, SessionRecord record,
                                            Deadline deadline);
    void keep(Entry& entry, const std::shared_ptr<Peer>& peer);
    static void note(Publication& publication, Place& place, const std::optional<std::string>& value);
    /// The store says that this life has ended.
    static void end(Place& place, uint64_t instance);
    /// With the place's mutex held. To be destroyed without it.
    [[nodiscard]] static std::shared_ptr<Peer> take(Place& place);
    bool needs_fabric(const SessionRecord& record) const;
    /// Says already how this process reaches it.
    bool is_complete(const SessionRecord& record) const;
    /// The life that has ended as far as is known: 0 where none has.
    static uint64_t last_ended(Entry& entry);
    Status watch(const std::string& session, Entry& entry, Deadline deadline);
    /// As it is published now, or will be by the deadline; not the life `ended` (0: none has).
    Result<SessionRecord> published(const std::string& session, Entry& entry, uint64_t ended,
                                    Deadline deadline);
    /// For the log.
    std::string not_there_yet(const std::string& session, const std::optional<SessionRecord>& record) const;
    Status not_there(const std::string& session, const std::optional<SessionRecord>& record) const;
    std::shared_ptr<Peer> present(Entry& entry);
    void detach_idle(const Entry& except);

    Runtime& runtime_;
    Counters& counters_;
    RemoteSessions& others_;
    const std::string own_session_;
    const PathChoice choice_;
    std::shared_mutex mutex_;
    std::map<std::string, std::unique_ptr<Entry>, std::less<>> entries_;  // guarded by mutex_
    std::atomic<uint64_t> clock_{0};                                      // orders the uses of entries
    const std::shared_ptr<std::atomic<size_t>> attached_ = std::make_shared<std::atomic<size_t>>(0);
};

}  // namespace memfabric::trans
