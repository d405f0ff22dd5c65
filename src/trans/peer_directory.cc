// SPDX-License-Identifier: Apache-2.0
#include "trans/peer_directory.h"

#include <algorithm>
#include <chrono>
#include <vector>

#include "base/attempt.h"
#include "base/endpoint.h"
#include "base/log.h"
#include "observe/long_wait.h"
#include "trans/other_host_peer.h"
#include "trans/same_host_peer.h"

namespace memfabric::trans {
namespace {

/// Each attached peer holds a descriptor: beyond this number those that were used longest ago are let go, and
/// attached again when they are needed.
constexpr size_t kMaxAttached = 256;
constexpr size_t kDetachAtOnce = 64;
/// For taking back the watches at the end.
constexpr auto kUnwatchPatience = std::chrono::seconds(1);

bool wait_changed(std::condition_variable& changed, std::unique_lock<std::mutex>& lock, Deadline deadline) {
    if (deadline.is_never()) {
        changed.wait(lock);
        return true;
    }
    return changed.wait_until(lock, deadline.when()) == std::cv_status::no_timeout;
}

}  // namespace

PeerDirectory::~PeerDirectory() {
    const Deadline deadline = Deadline::after(kUnwatchPatience);
    for (const auto& [session, entry] : entries_) {
        if (entry->watch && runtime_.store().is_usable() && !deadline.expired()) {
            static_cast<void>(attempt_until(
                deadline, [&, watch = *entry->watch] { return runtime_.store().unwatch(watch, deadline); }));
        }
        // A watch that could not be taken back keeps the place.
        std::shared_ptr<Peer> last;
        const std::lock_guard lock(entry->place->mutex);
        if (entry->place->peer) {
            last = take(*entry->place);
        }
    }
}

std::shared_ptr<Peer> PeerDirectory::present(Entry& entry) {
    entry.used.store(clock_.load(std::memory_order_relaxed), std::memory_order_relaxed);
    const std::shared_lock lock(entry.place->mutex);
    return entry.place->peer;
}

Result<std::shared_ptr<Peer>> PeerDirectory::find(std::string_view session, Deadline deadline) {
    MF_ASSIGN_OR_RETURN(Entry* const entry, entry_of(session));
    if (std::shared_ptr<Peer> peer = present(*entry)) {
        return peer;
    }
    return attach(session, *entry, deadline);
}

Result<PeerDirectory::Entry*> PeerDirectory::entry_of(std::string_view session) {
    {
        const std::shared_lock lock(mutex_);
        if (const auto found = entries_.find(session); found != entries_.end()) {
            return found->second.get();
        }
    }
    const Result<Endpoint> name = parse_endpoint(session);
    if (!name.is_ok()) {
        return name.status().with_context("a session's name is \"host:port\"");
    }
    const std::lock_guard lock(mutex_);
    std::unique_ptr<Entry>& entry = entries_[std::string(session)];
    if (!entry) {
        entry = std::make_unique<Entry>(std::make_shared<Place>(attached_));
    }
    return entry.get();
}

void PeerDirectory::forget(std::string_view session, const Peer& peer) {
    const Result<Entry*> entry = entry_of(session);
    if (!entry.is_ok()) {
        return;
    }
    std::shared_ptr<Peer> forgotten;
    Place& place = *(*entry)->place;
    const std::lock_guard lock(place.mutex);
    if (peer.is_over() && (place.peer == nullptr || place.peer.get() == &peer)) {
        (*entry)->ended = peer.record().instance;
    }
    if (place.peer.get() == &peer) {
        forgotten = take(place);
    }
}

std::shared_ptr<Peer> PeerDirectory::take(Place& place) {
    place.taken->fetch_sub(1, std::memory_order_relaxed);
    return std::exchange(place.peer, nullptr);
}

void PeerDirectory::end(Place& place, uint64_t instance) {
    std::shared_ptr<Peer> peer;
    {
        const std::shared_lock lock(place.mutex);
        // The watch may tell of a former life's end after its successor was reached.
        peer = place.peer && place.peer->record().instance == instance ? place.peer : nullptr;
    }
    if (!peer || !peer->end()) {
        return;
    }
    const std::lock_guard lock(place.mutex);
    if (place.peer == peer) {
        static_cast<void>(take(place));  // `peer` is destroyed without the lock, or by who still uses it
    }
}

Result<std::shared_ptr<Peer>> PeerDirectory::attach(std::string_view session, Entry& entry,
                                                    Deadline deadline) {
    const std::lock_guard lock(entry.attaching);
    if (std::shared_ptr<Peer> peer = present(entry)) {
        return peer;
    }
    const std::string name(session);
    MF_RETURN_IF_ERROR(watch(name, entry, deadline));
    uint64_t ended = last_ended(entry);
    Status unreachable;
    while (true) {
        Result<SessionRecord> record = published(name, entry, ended, deadline);
        if (!record.is_ok()) {
            return unreachable.is_ok() ? std::move(record).status()
                                       : failure(record.status().code(), "{}; it was not reached: {}",
                                                 record.status().message(), unreachable.message());
        }
        const uint64_t instance = record->instance;
        Result<std::shared_ptr<Peer>> peer = attach_to(name, std::move(record).value(), deadline);
        if (peer.is_ok()) {
            keep(entry, *peer);
            return peer;
        }
        if (peer.status().code() != Code::kPeerLost) {
            return peer.status().with_context(fmt::format("reaching session {}", name));
        }
        // It was published by a process that has gone since: the store will say so, or has its successor.
        // Not remembered: should it be there all the same, the next call reaches it.
        ended = instance;
        unreachable = std::move(peer).status();
    }
}

bool PeerDirectory::needs_fabric(const SessionRecord& record) const {
    return choice_ == PathChoice::kFabric || record.incarnation.host_id != runtime_.host_id();
}

bool PeerDirectory::is_complete(const SessionRecord& record) const {
    return !needs_fabric(record) || record.fabric.is_known();
}

Result<std::shared_ptr<Peer>> PeerDirectory::attach_to(const std::string& session, SessionRecord record,
                                                       Deadline deadline) {
    if (!needs_fabric(record)) {
        return SameHostPeer::attach(runtime_, counters_, session, std::move(record), own_session_, deadline);
    }
    if (choice_ != PathChoice::kAuto && choice_ != PathChoice::kFabric) {
        return failure(
            Code::kNotSupported,
            "session {} is on host '{}', this process on '{}', and MF_TRANS_PATH allows '{}' alone, "
            "which stays on one host",
            session, record.incarnation.host_id, runtime_.host_id(),
            runtime_.options().text(OptionId::kTransPath));
    }
    return OtherHostPeer::attach(others_, counters_, session, std::move(record), deadline);
}

uint64_t PeerDirectory::last_ended(Entry& entry) {
    uint64_t ended = 0;
    {
        const std::shared_lock lock(entry.place->mutex);
        ended = entry.ended;
    }
    const std::lock_guard lock(entry.publication->mutex);
    const bool attached_ended = entry.attached != 0 && entry.publication->gone == entry.attached;
    return attached_ended ? entry.attached : ended;
}

void PeerDirectory::keep(Entry& entry, const std::shared_ptr<Peer>& peer) {
    entry.used.store(clock_.fetch_add(1, std::memory_order_relaxed) + 1, std::memory_order_relaxed);
    entry.attached = peer->record().instance;
    {
        const std::lock_guard lock(entry.place->mutex);
        entry.place->peer = peer;
    }
    const size_t others = attached_->fetch_add(1, std::memory_order_relaxed);
    bool is_gone = false;
    {
        const std::lock_guard lock(entry.publication->mutex);
        is_gone = entry.publication->gone == entry.attached;
    }
    if (is_gone) {
        end(*entry.place, entry.attached);
    }
    if (others >= kMaxAttached) {
        detach_idle(entry);
    }
}

void PeerDirectory::detach_idle(const Entry& except) {
    const std::shared_lock lock(mutex_);
    std::vector<Entry*> attached;
    for (const auto& [session, entry] : entries_) {
        const std::shared_lock place_lock(entry->place->mutex);
        if (entry->place->peer && entry.get() != &except) {
            attached.push_back(entry.get());
        }
    }
    std::sort(attached.begin(), attached.end(),
              [](const Entry* a, const Entry* b) { return a->used.load() < b->used.load(); });
    for (size_t i = 0; i < std::min(kDetachAtOnce, attached.size()); ++i) {
        std::shared_ptr<Peer> detached;  // operations under way keep it alive
        Place& place = *attached[i]->place;
        const std::lock_guard place_lock(place.mutex);
        if (place.peer) {
            detached = take(place);
        }
    }
}

void PeerDirectory::note(Publication& publication, Place& place, const std::optional<std::string>& value) {
    uint64_t ended = 0;
    {
        const std::lock_guard lock(publication.mutex);
        const uint64_t before = publication.record ? publication.record->instance : 0;
        publication.record.reset();
        publication.problem = {};
        if (value) {
            Result<SessionRecord> record = decode_record(*value);
            if (record.is_ok()) {
                publication.record = std::move(record).value();
            } else {
                publication.problem = record.status();
            }
        }
        if (before != 0 && (!publication.record || publication.record->instance != before)) {
            publication.gone = before;
            ended = before;
        }
        publication.changed.notify_all();
    }
    if (ended != 0) {
        end(place, ended);
    }
}

Status PeerDirectory::watch(const std::string& session, Entry& entry, Deadline deadline) {
    if (entry.watch) {
        return {};
    }
    entry.publication = std::make_shared<Publication>();
    auto handler = [publication = entry.publication, place = entry.place](
                       std::string_view, const std::optional<std::string>& value) {
        note(*publication, *place, value);
    };
    Result<uint64_t> watch = runtime_.store().watch(session_key(session), std::move(handler), deadline);
    if (!watch.is_ok()) {
        return watch.status().with_context(
            fmt::format("looking for session {} in the config store", session));
    }
    entry.watch = *watch;
    return {};
}

Result<SessionRecord> PeerDirectory::published(const std::string& session, Entry& entry, uint64_t ended,
                                               Deadline deadline) {
    Publication& publication = *entry.publication;
    if (ended != 0) {
        // A life of it has ended: what the store says now counts, not what the watch has not told yet.
        MF_ASSIGN_OR_RETURN(const std::optional<std::string> now,
                            runtime_.store().find(session_key(session), deadline));
        std::optional<SessionRecord> successor;
        if (now) {
            MF_ASSIGN_OR_RETURN(successor, decode_record(*now));
        }
        if (!successor || successor->instance == ended) {
            return failure(Code::kPeerLost,
                           "session {} has ended (its process is gone or has closed it); it can be used "
                           "again once it is opened again under this name",
                           session);
        }
        if (is_complete(*successor)) {
            return std::move(*successor);
        }
    }
    std::unique_lock lock(publication.mutex);
    const auto is_there = [&] {
        return publication.record && publication.record->instance != ended &&
               is_complete(*publication.record);
    };
    observe::LongWait wait;
    while (!is_there() && publication.problem.is_ok()) {
        wait.look([&] { return not_there_yet(session, publication.record); });
        if (!wait_changed(publication.changed, lock, wait.stretch(deadline)) && !is_there() &&
            deadline.expired()) {
            return not_there(session, publication.record);
        }
    }
    return is_there() ? Result<SessionRecord>(*publication.record) : publication.problem;
}

std::string PeerDirectory::not_there_yet(const std::string& session,
                                         const std::optional<SessionRecord>& record) const {
    return record && !is_complete(*record)
               ? fmt::format("a transfer with session {}, whose process on host '{}' starts its fabric",
                             session, record->incarnation.host_id)
               : fmt::format("a transfer with session {}, which no process has opened at the config store {}",
                             session, runtime_.store().endpoint().text());
}

Status PeerDirectory::not_there(const std::string& session,
                                const std::optional<SessionRecord>& record) const {
    if (record && !is_complete(*record)) {
        return failure(Code::kTimeout,
                       "session {} is on host '{}', and its process did not start its fabric by the deadline "
                       "(MF_TRANS_TIMEOUT); is it stopped?",
                       session, record->incarnation.host_id);
    }
    return failure(Code::kTimeout,
                   "session {} is not there: no process has opened it at the config store {} by the deadline "
                   "(MF_TRANS_TIMEOUT)",
                   session, runtime_.store().endpoint().text());
}

}  // namespace memfabric::trans
