// SPDX-License-Identifier: Apache-2.0
#include "trans/engine.h"

#include <utility>

#include "base/attempt.h"
#include "base/log.h"
#include "observe/long_wait.h"
#include "transport/cma/allow_attach.h"

namespace memfabric::trans {
namespace {

/// A store that does not answer at the end hears of it by the end of the connection.
constexpr auto kStorePatience = std::chrono::seconds(2);

SessionRecord new_record(const Incarnation& incarnation) {
    SessionRecord record;
    record.incarnation = incarnation;
    record.instance = random_u64();
    return record;
}

}  // namespace

Engine::Engine(std::shared_ptr<Runtime> runtime, std::string session, Shared shared)
    : runtime_(std::move(runtime)),
      session_(std::move(session)),
      timeout_(std::chrono::milliseconds(runtime_->options().integer(OptionId::kTransTimeout))),
      record_(new_record(runtime_->incarnation())),
      nonce_(random_u64()),
      pool_(runtime_->options()),
      table_(std::move(shared.table)),
      segments_(*runtime_, record_, table_, pool_),
      flights_(std::move(shared.flights)),
      others_(*runtime_, record_.instance, session_),
      peers_(*runtime_, counters_, others_, session_) {
    record_.hand_over = runtime_->mapped().address();
    record_.token = fmt::format("{:016x}{:016x}", random_u64(), random_u64());
    record_.nonce_address = reinterpret_cast<uint64_t>(&nonce_);
    record_.nonce = nonce_;
    record_.fabric = others_.known_reach();
}

Result<std::shared_ptr<Engine>> Engine::open(std::shared_ptr<Runtime> runtime, const Endpoint& session,
                                             Deadline deadline) {
    MF_ASSIGN_OR_RETURN(RegistrationTable table, RegistrationTable::create("mf-trans-table"));
    MF_ASSIGN_OR_RETURN(InFlightBoard flights, InFlightBoard::create("mf-trans-flights"));
    auto engine = std::make_shared<Engine>(std::move(runtime), session.text(),
                                           Shared{std::move(table), std::move(flights)});
    MF_RETURN_IF_ERROR(engine->publish(deadline));
    return engine;
}

Status Engine::publish(Deadline deadline) {
    MF_ASSIGN_OR_RETURN(staging_,
                        StagingServer::create("mf-trans-staging", [this](memory::AddressRange range) {
                            const std::lock_guard lock(mutex_);
                            return serves_ && registrations_.covers(range, leaving_);
                        }));
    transport::MappedTransport& mapped = runtime_->mapped();
    mapped.offer(record_.table_object(), table_.descriptor(), record_.token);
    mapped.offer(record_.flights_object(), flights_.descriptor(), record_.token);
    mapped.offer(record_.staging_object(), staging_->descriptor(), record_.token,
                 [this] { staging_->start(); });
    if (runtime_->options().flag(OptionId::kTransPtracer)) {
        transport::allow_attach_by_all();
    }
    MF_RETURN_IF_ERROR(runtime_->store().set_owned(session_key(session_), encode_record(record_), deadline));
    published_ = true;
    start_fabric();
    return {};
}

void Engine::start_fabric() {
    others_.start(
        [this] {
            const std::lock_guard lock(mutex_);
            others_.exposures().activate(registrations_.offered());
        },
        [this](const FabricReach& reach) {
            SessionRecord record = record_;
            record.fabric = reach;
            return runtime_->store().set_owned(session_key(session_), encode_record(record),
                                               Deadline::after(kStorePatience));
        });
}

Engine::~Engine() {
    static_cast<void>(close(Deadline::after(std::chrono::seconds(1))));
    // Nobody may be handed a descriptor that is closed.
    insist([this] { runtime_->mapped().withdraw(record_.table_object()); });
    insist([this] { runtime_->mapped().withdraw(record_.flights_object()); });
    insist([this] { runtime_->mapped().withdraw(record_.staging_object()); });
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
    others_.end_start();
    ended_.store(true, std::memory_order_relaxed);
    if (published_ && runtime_->store().is_usable()) {
        const Deadline patience = deadline.sooner(Deadline::after(kStorePatience));
        static_cast<void>(attempt_until(
            patience, [&] { return runtime_->store().remove(session_key(session_), patience); }));
    }
    Status idle = attempt_until(deadline, [&] {
        return flights_.wait_until_free({0, UINT64_MAX}, deadline);
    });
    const Status others_idle = others_.exposures().close(deadline);
    idle = idle.is_ok() ? others_idle : idle;
    {
        const std::lock_guard lock(mutex_);
        serves_ = false;
    }
    if (staging_) {
        staging_->drain();
    }
    return idle.is_ok() ? status : idle;
}

Result<uint64_t> Engine::allocate(uint64_t size) {
    const std::lock_guard lock(mutex_);
    return pool_.allocate(size);
}

Status Engine::release(uint64_t address, Deadline deadline) {
    while (true) {
        uint64_t registered = 0;
        {
            const std::lock_guard lock(mutex_);
            const uint64_t size = pool_.size_of(address);
            if (size == 0) {
                return failure(Code::kObjectNotExists, "session {} has no memory that was allocated at {:#x}",
                               session_, address);
            }
            const auto first = pool_starts_.lower_bound(address);
            if (first == pool_starts_.end() || *first >= address + size) {
                pool_.release(address);
                return {};
            }
            registered = *first;
        }
        Status status = deregister_memory(registered, deadline);
        if (!status.is_ok() && status.code() != Code::kObjectNotExists) {
            return status;
        }
    }
}

Status Engine::not_registered(std::string_view session, const Peer::Attempt& attempt) const {
    return failure(Code::kRefused,
                   "session {} has not registered {:#x} (the last {} bytes of a piece begin there), and did "
                   "not by the deadline (MF_TRANS_TIMEOUT); {}",
                   session, attempt.missing.begin, attempt.missing.size,
                   attempt.moved_some
                       ? "it was taken back while the transfer ran, so some bytes may have moved"
                       : "not one byte was moved");
}

Status Engine::check_usable() const {
    if (ended_.load(std::memory_order_relaxed)) {
        return failure(Code::kObjectNotExists, "session {} has been destroyed", session_);
    }
    if (runtime_->store().is_evicted()) {
        return failure(
            Code::kEvicted,
            "session {} was given up as lost, and its name may be another's: destroy it and create "
            "it anew",
            session_);
    }
    return {};
}

Status Engine::transfer(Direction direction, std::string_view session, std::span<const copy::Piece> pieces) {
    Status status = check_usable();
    status = status.is_ok() ? attempt(direction, session, pieces, Deadline::after(timeout_)) : status;
    if (status.is_ok()) [[likely]] {
        return {};
    }
    const bool writes = direction == Direction::kWrite;
    return status.with_context(fmt::format("{} {} {} {} session {}", writes ? "writing" : "reading",
                                           pieces.size(), pieces.size() == 1 ? "piece" : "pieces",
                                           writes ? "to" : "from", session));
}

Status Engine::attempt(Direction direction, std::string_view session, std::span<const copy::Piece> pieces,
                       Deadline deadline) {
    std::optional<Peer::Attempt> missed;  // the latest that lacked a registration
    std::optional<observe::LongWait> wait;
    while (true) {
        MF_ASSIGN_OR_RETURN(const std::shared_ptr<Peer> peer, peers_.find(session, deadline));
        Peer::Attempt attempt = peer->transfer(direction, pieces, deadline);
        switch (attempt.outcome) {
            case Peer::Outcome::kDone:
                if (attempt.status.code() == Code::kPeerLost ||
                    (!attempt.status.is_ok() && !peer->is_alive())) {
                    peers_.forget(session, *peer);
                    if (!peer->is_over()) {
                        return std::move(attempt.status);
                    }
                    return failure(Code::kPeerLost, "the peer's process ended in the middle: {}",
                                   attempt.status.message());
                }
                return std::move(attempt.status);
            case Peer::Outcome::kGone:
                peers_.forget(session, *peer);
                break;
            case Peer::Outcome::kMissing:
                if (deadline.expired()) {
                    return not_registered(session, attempt);
                }
                if (!wait) {
                    wait.emplace();
                }
                wait->look([&] {
                    return fmt::format("a transfer with session {}: it has not registered {:#x} + {} bytes",
                                       session, attempt.missing.begin, attempt.missing.size);
                });
                peer->wait_change(attempt.generation, deadline);
                missed = std::move(attempt);
                break;
            case Peer::Outcome::kNoWord:
                return missed ? not_registered(session, *missed) : std::move(attempt.status);
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
