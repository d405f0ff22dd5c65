// SPDX-License-Identifier: Apache-2.0
#include "trans/engine.h"

#include <utility>

#include "base/log.h"

namespace memfabric::trans {
namespace {

Status check_range(const memory::AddressRange& range) {
    if (range.begin == 0 || range.size == 0 || range.begin + range.size < range.begin) {
        return failure(Code::kInvalidParam, "{:#x} + {} bytes is no range of memory{}", range.begin,
                       range.size, range.begin == 0 ? " (null address)" : "");
    }
    return {};
}

}  // namespace

Engine::Engine(std::shared_ptr<Runtime> runtime, std::string session, RegistrationTable table,
               InFlightBoard flights)
    : runtime_(std::move(runtime)),
      session_(std::move(session)),
      timeout_(std::chrono::milliseconds(runtime_->options().integer(OptionId::kTransTimeout))),
      record_{.incarnation = runtime_->incarnation(),
              .instance = random_u64(),
              .hand_over = runtime_->mapped().address(),
              .token = fmt::format("{:016x}{:016x}", random_u64(), random_u64())},
      nonce_(random_u64()),
      pool_(runtime_->options()),
      table_(std::move(table)),
      segments_(*runtime_, record_, table_, pool_),
      flights_(std::move(flights)),
      peers_(*runtime_, counters_, session_) {
    record_.nonce_address = reinterpret_cast<uint64_t>(&nonce_);
    record_.nonce = nonce_;
}

Result<std::shared_ptr<Engine>> Engine::open(std::shared_ptr<Runtime> runtime, const Endpoint& session,
                                             Deadline deadline) {
    MF_ASSIGN_OR_RETURN(RegistrationTable table, RegistrationTable::create("mf-trans-table"));
    MF_ASSIGN_OR_RETURN(InFlightBoard flights, InFlightBoard::create("mf-trans-flights"));
    auto engine =
        std::make_shared<Engine>(std::move(runtime), session.text(), std::move(table), std::move(flights));
    MF_RETURN_IF_ERROR(engine->publish(deadline));
    return engine;
}

Status Engine::publish(Deadline deadline) {
    transport::MappedTransport& mapped = runtime_->mapped();
    mapped.offer(record_.table_object(), table_.descriptor(), record_.token);
    mapped.offer(record_.flights_object(), flights_.descriptor(), record_.token);
    return runtime_->store().set_owned(session_key(session_), encode_record(record_), deadline);
}

Engine::~Engine() {
    static_cast<void>(close(Deadline::after(std::chrono::seconds(1))));
    runtime_->mapped().withdraw(record_.table_object());
    runtime_->mapped().withdraw(record_.flights_object());
}

Status Engine::close(Deadline deadline) {
    {
        const std::lock_guard lock(mutex_);
        if (std::exchange(closed_, true)) {
            return {};
        }
        table_.close();
    }
    Status status = queue_.wait(deadline);
    if (runtime_->store().is_usable()) {
        static_cast<void>(runtime_->store().remove(session_key(session_), deadline));
    }
    const Status idle = flights_.wait_until_free({0, UINT64_MAX}, deadline);
    return idle.is_ok() ? status : idle;
}

Status Engine::register_memory(std::span<const memory::AddressRange> ranges) {
    for (size_t i = 0; i < ranges.size(); ++i) {
        if (const Status status = check_range(ranges[i]); !status.is_ok()) {
            return ranges.size() == 1 ? status
                                      : status.with_context(fmt::format("range {} of {}", i, ranges.size()));
        }
    }
    const std::lock_guard lock(mutex_);
    if (closed_) {
        return failure(Code::kObjectNotExists, "session {} is closed", session_);
    }
    Registrations::Change change;
    for (const memory::AddressRange& range : ranges) {
        registrations_.add(range, change);
    }
    Status added = add_to_table(change);
    if (!added.is_ok()) {
        Registrations::Change undone;
        for (size_t i = ranges.size(); i-- > 0;) {
            registrations_.remove(ranges[i], undone);
        }
    }
    return added;
}

Status Engine::add_to_table(const Registrations::Change& change) {
    if (change.added.empty()) {
        return {};
    }
    MF_ASSIGN_OR_RETURN(const std::vector<Run> runs, segments_.cut(change.added));
    MF_RETURN_IF_ERROR(table_.apply({}, runs));
    segments_.note_added(runs);
    return {};
}

Status Engine::wait_for_transfers(const Registrations::Change& change, Deadline deadline) const {
    for (const memory::AddressRange& range : change.removed) {
        MF_RETURN_IF_ERROR(flights_.wait_until_free(range, deadline));
    }
    return {};
}

Status Engine::deregister_memory(uint64_t address, Deadline deadline) {
    std::unique_lock lock(mutex_);
    const std::optional<memory::AddressRange> range = registrations_.find(address);
    if (!range) {
        return failure(Code::kObjectNotExists, "no registration of session {} begins at {:#x}", session_,
                       address);
    }
    Registrations::Change change;
    registrations_.remove(*range, change);
    if (change.removed.empty()) {
        return {};
    }
    MF_ASSIGN_OR_RETURN(const std::vector<Run> runs, segments_.cut(change.removed));
    MF_RETURN_IF_ERROR(table_.apply(runs, {}));
    // Others may register meanwhile: one transfer that does not end must not hold them up.
    lock.unlock();
    const Status idle = wait_for_transfers(change, deadline);
    lock.lock();
    if (!idle.is_ok()) {
        Registrations::Change again;
        registrations_.add(*range, again);
        MF_RETURN_IF_ERROR(add_to_table(again));
        segments_.note_removed(runs);
        return idle.with_context(fmt::format("{:#x} + {} bytes stay registered with session {}", range->begin,
                                             range->size, session_));
    }
    segments_.note_removed(runs);
    return {};
}

Result<uint64_t> Engine::allocate(uint64_t size) {
    const std::lock_guard lock(mutex_);
    return pool_.allocate(size);
}

Status Engine::release(uint64_t address, Deadline deadline) {
    while (true) {
        std::optional<uint64_t> registered;
        {
            const std::lock_guard lock(mutex_);
            const uint64_t size = pool_.size_of(address);
            if (size == 0) {
                return failure(Code::kObjectNotExists, "session {} has no memory that was allocated at {:#x}",
                               session_, address);
            }
            registered = registrations_.first_in({address, size});
            if (!registered) {
                pool_.release(address);
                return {};
            }
        }
        const Status status = deregister_memory(*registered, deadline);
        if (!status.is_ok() && status.code() != Code::kObjectNotExists) {
            return status;
        }
    }
}

Status Engine::not_registered(std::string_view session, memory::AddressRange missing) const {
    return failure(Code::kRefused,
                   "session {} has not registered {:#x} (the last {} bytes of a piece begin there), and did "
                   "not by the deadline (MF_TRANS_TIMEOUT); not one byte was moved",
                   session, missing.begin, missing.size);
}

Status Engine::transfer(Direction direction, std::string_view session, std::span<const copy::Piece> pieces) {
    const Status status = attempt(direction, session, pieces, Deadline::after(timeout_));
    return status.is_ok()
               ? Status()
               : status.with_context(fmt::format(
                     "{} {} {} of session {}", direction == Direction::kWrite ? "writing" : "reading",
                     pieces.size(), pieces.size() == 1 ? "piece" : "pieces", session));
}

Status Engine::attempt(Direction direction, std::string_view session, std::span<const copy::Piece> pieces,
                       Deadline deadline) {
    while (true) {
        MF_ASSIGN_OR_RETURN(const std::shared_ptr<Peer> peer, peers_.find(session, deadline));
        Peer::Attempt attempt = peer->transfer(direction, pieces, deadline);
        switch (attempt.outcome) {
            case Peer::Outcome::kDone:
                if (attempt.status.code() == Code::kPeerLost ||
                    (!attempt.status.is_ok() && !peer->is_alive())) {
                    peers_.forget(session, *peer);
                    return failure(Code::kPeerLost, "the peer's process ended in the middle: {}",
                                   attempt.status.message());
                }
                return std::move(attempt.status);
            case Peer::Outcome::kGone:
                peers_.forget(session, *peer);
                break;
            case Peer::Outcome::kMissing:
                if (deadline.expired()) {
                    return not_registered(session, attempt.missing);
                }
                peer->wait_change(attempt.generation, deadline);
                break;
            case Peer::Outcome::kBusy:
                return failure(Code::kTimeout,
                               "the session's process began to change its registrations and did not end by "
                               "the deadline; is it stopped?");
        }
    }
}

void Engine::submit(Direction direction, std::string session, std::vector<copy::Piece> pieces) {
    queue_.submit([this, direction, session = std::move(session), pieces = std::move(pieces)] {
        return transfer(direction, session, pieces);
    });
}

}  // namespace memfabric::trans
