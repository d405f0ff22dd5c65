// SPDX-License-Identifier: Apache-2.0
#include "trans/other_host_peer.h"

#include <algorithm>
#include <chrono>
#include <optional>

#include "base/log.h"
#include "base/per_thread.h"

namespace memfabric::trans {

using memory::AddressRange;
using transport::FabricPiece;

namespace {

/// Exposing memory takes from microseconds to seconds, depending on the provider.
constexpr auto kAskAgain = std::chrono::microseconds(200);
/// How often to look for memory that is not registered yet.
constexpr auto kLookAgain = std::chrono::milliseconds(5);
/// A target that refuses a key that it has just told does so for another reason.
constexpr int kMostRefusals = 3;

/// Scratch of one thread: a batch of many pieces allocates nothing once it has grown.
struct Scratch {
    std::vector<FabricPiece> planned;
    std::vector<AddressRange> unknown;
};

Scratch& scratch() {
    return per_thread<Scratch>();
}

uint64_t total_of(std::span<const FabricPiece> pieces) {
    uint64_t total = 0;
    for (const FabricPiece& piece : pieces) {
        total += piece.size;
    }
    return total;
}

Peer::Attempt attempt_of(Peer::Outcome outcome, Status status = {}) {
    Peer::Attempt attempt;
    attempt.outcome = outcome;
    attempt.status = std::move(status);
    return attempt;
}

}  // namespace

Result<std::shared_ptr<Peer>> OtherHostPeer::attach(RemoteSessions& sessions, Counters& counters,
                                                    std::string session, SessionRecord record,
                                                    Deadline deadline) {
    const std::string name = fmt::format("session {} on host '{}'", session, record.incarnation.host_id);
    if (!record.fabric.problem.empty()) {
        return failure(Code::kNotSupported, "{} cannot be reached from other hosts: {}", name,
                       record.fabric.problem);
    }
    MF_ASSIGN_OR_RETURN(std::shared_ptr<transport::RemoteMemory> memory, sessions.memory(deadline));
    MF_ASSIGN_OR_RETURN(std::shared_ptr<transport::RemotePeer> peer,
                        memory->connect(record.fabric.address, name));
    Ways ways{std::move(memory), std::move(peer), sessions.cache_of(record.instance),
              sessions.as_initiator()};
    return std::shared_ptr<Peer>(
        std::make_shared<OtherHostPeer>(std::move(ways), counters, std::move(session), std::move(record)));
}

OtherHostPeer::OtherHostPeer(Ways ways, Counters& counters, std::string session, SessionRecord record)
    : Peer(std::move(session), std::move(record)),
      ways_(std::move(ways)),
      counters_(counters),
      peer_counters_(this->session()) {}

bool OtherHostPeer::end() {
    {
        const std::lock_guard lock(mutex_);
        ended_.store(true, std::memory_order_release);
    }
    woken_.notify_all();
    ways_.peer->abandon(
        failure(Code::kPeerLost, "session {} has ended, as the config store says", session()));
    return false;  // it keeps no memory, and to give up its ways may wait for who uses them
}

void OtherHostPeer::pause(std::chrono::microseconds duration, Deadline deadline) {
    std::unique_lock lock(mutex_);
    const auto until = std::min(Deadline::Clock::now() + duration, deadline.when());
    woken_.wait_until(lock, until, [this] { return !is_alive(); });
}

void OtherHostPeer::wait_change(uint32_t, Deadline deadline) {
    pause(kLookAgain, deadline);
}

Peer::Attempt OtherHostPeer::transfer(Direction direction, std::span<const copy::Piece> pieces,
                                      Deadline deadline) {
    int refusals = 0;
    while (is_alive()) {
        if (std::optional<Attempt> attempt = step(direction, pieces, refusals, deadline)) {
            attempt->moved_some = refusals > 0;
            return std::move(*attempt);
        }
    }
    return refusals == 0
               ? attempt_of(Outcome::kGone)
               : attempt_of(Outcome::kDone, failure(Code::kPeerLost, "session {} has ended", session()));
}

std::optional<Peer::Attempt> OtherHostPeer::step(Direction direction, std::span<const copy::Piece> pieces,
                                                 int& refusals, Deadline deadline) {
    Scratch& scratch = trans::scratch();
    {
        RegionCache::Use use(*ways_.regions);
        if (ways_.regions->plan(direction, pieces, scratch.planned, use, scratch.unknown)) {
            return send(direction, scratch.planned, use, refusals, deadline);
        }
    }
    return ask(scratch.unknown, deadline);
}

std::optional<Peer::Attempt> OtherHostPeer::send(Direction direction, std::span<const FabricPiece> planned,
                                                 RegionCache::Use& use, int& refusals, Deadline deadline) {
    transport::RemoteMemory& memory = *ways_.memory;
    const uint64_t bytes = total_of(planned);
    const observe::Timed timed(peer_counters_.of(direction, PathChoice::kFabric), bytes);
    Status status = direction == Direction::kWrite ? memory.put(*ways_.peer, planned, deadline)
                                                   : memory.get(*ways_.peer, planned, deadline);
    if (status.is_ok()) {
        timed.done([&] { return peer_counters_.text(planned.size()); });
        counters_.count(PathChoice::kFabric, bytes);
        return attempt_of(Outcome::kDone);
    }
    use.note_failure();
    if (status.code() == Code::kRefused && ++refusals < kMostRefusals) {
        // It was taken back without a word, which happens to an initiator that did not answer.
        ways_.regions->drop(use);
        log_debug("session {}: {}", session(), status.message());
        return std::nullopt;
    }
    if (status.code() == Code::kTimeout) {
        status = status.with_context("is its process stopped, or the link to its host down?");
    }
    return attempt_of(Outcome::kDone, std::move(status));
}

Peer::Attempt OtherHostPeer::no_answer(const Status& status) {
    if (status.code() == Code::kNotSupported) {  // its process serves no such session any more
        end();
        return attempt_of(Outcome::kGone);
    }
    if (status.code() == Code::kTimeout) {
        return attempt_of(Outcome::kNoWord,
                          failure(Code::kTimeout,
                                  "its process did not answer by the deadline (is it stopped, "
                                  "or the link to its host down?): {}",
                                  status.message()));
    }
    return attempt_of(Outcome::kDone, status);
}

std::optional<Peer::Attempt> OtherHostPeer::ask(std::span<const AddressRange> unknown, Deadline deadline) {
    const uint64_t revocations = ways_.regions->revocations();
    const RegionsRequest request{record().instance, ways_.own, {unknown.begin(), unknown.end()}};
    const auto bytes = ways_.memory->request(*ways_.peer, record().fabric.service, encode(request), deadline);
    if (!bytes.is_ok()) {
        return no_answer(bytes.status());
    }
    Result<RegionsAnswer> answer = decode_regions(*bytes);
    if (!answer.is_ok()) {
        return attempt_of(Outcome::kDone, answer.status());
    }
    switch (answer->outcome) {
        case RegionsOutcome::kCovered:
            ways_.regions->add(answer->regions, revocations);
            break;
        case RegionsOutcome::kMissing: {
            Attempt attempt = attempt_of(Outcome::kMissing);
            attempt.missing = answer->missing;
            return attempt;
        }
        case RegionsOutcome::kLater:
            pause(kAskAgain, deadline);
            break;
        case RegionsOutcome::kClosed:
            end();
            return attempt_of(Outcome::kGone);
        case RegionsOutcome::kFailed:
            return attempt_of(Outcome::kDone, Status(static_cast<Code>(answer->code), answer->text));
    }
    if (deadline.expired()) {
        return attempt_of(Outcome::kDone, failure(Code::kTimeout,
                                                  "session {} did not bring its memory within reach of other "
                                                  "hosts by the deadline (MF_TRANS_TIMEOUT)",
                                                  session()));
    }
    return std::nullopt;
}

}  // namespace memfabric::trans
