// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <chrono>
#include <memory>
#include <mutex>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "copy/async_queue.h"
#include "runtime/runtime.h"
#include "trans/counters.h"
#include "trans/in_flight.h"
#include "trans/memory_pool.h"
#include "trans/peer_directory.h"
#include "trans/registration_table.h"
#include "trans/registrations.h"
#include "trans/remote_sessions.h"
#include "trans/session_record.h"
#include "trans/shared_segments.h"
#include "trans/staging_server.h"

namespace memfabric::trans {

/// One transfer session: memory that its process lets peers write and read, and transfers with other
/// sessions. Thread-safe; registrations exclude one another, transfers do not.
class Engine {
 public:
    /// Publishes the session. kDuplicatedObject where a living process has one of that name.
    static Result<std::shared_ptr<Engine>> open(std::shared_ptr<Runtime> runtime, const Endpoint& session,
                                                Deadline deadline);
    /// Use open().
    struct Shared {
        RegistrationTable table;
        InFlightBoard flights;
    };
    Engine(std::shared_ptr<Runtime> runtime, std::string session, Shared shared);
    ~Engine();
    Engine(const Engine&) = delete;
    Engine& operator=(const Engine&) = delete;

    const std::string& session() const { return session_; }
    const std::shared_ptr<Runtime>& runtime() const { return runtime_; }
    const Counters& counters() const { return counters_; }
    std::chrono::milliseconds operation_timeout() const { return timeout_; }

    /// All ranges, or none. Inside memory that is registered already it costs nothing; ranges may overlap: a
    /// byte can be transferred while any registration covers it.
    Status register_memory(std::span<const memory::AddressRange> ranges);
    /// Undoes the last registration that began at `address`. Waits for the transfers that use bytes which no
    /// other registration covers; where they do not end by the deadline the registration stays.
    Status deregister_memory(uint64_t address, Deadline deadline);

    /// Zeroed memory that peers on this host copy to and from directly once it is registered.
    Result<uint64_t> allocate(uint64_t size);
    /// Undoes every registration that began in it, then gives it back; kResourceInUse where transfers use it
    /// until the deadline.
    Status release(uint64_t address, Deadline deadline);

    /// Returns when every byte is in its place, or none was moved (unless the peer's memory turns out to be
    /// gone in the middle). Remote addresses are the peer's own.
    Status transfer(Direction direction, std::string_view session, std::span<const copy::Piece> pieces);
    void submit(Direction direction, std::string session, std::vector<copy::Piece> pieces);
    Status wait(Deadline deadline) { return queue_.wait(deadline); }

    /// Takes the session and its memory back: peers' transfers that run end first, later ones are refused.
    Status close(Deadline deadline);

 private:
    Status publish(Deadline deadline);
    void start_fabric();
    /// With mutex_ held.
    Status change_table(std::span<const Run> removed, std::span<const Run> added);
    Status expect_memory(size_t registrations) const;
    void note_in_pool(const memory::AddressRange& range);
    void forget_in_pool(uint64_t address);
    Status wait_for_transfers(std::span<const memory::AddressRange> ranges, Deadline deadline) const;
    void forget_leaving(std::span<const memory::AddressRange> ranges);
    /// Neither ended, nor given up by the config store.
    Status check_usable() const;
    Status attempt(Direction direction, std::string_view session, std::span<const copy::Piece> pieces,
                   Deadline deadline);
    Status not_registered(std::string_view session, const Peer::Attempt& attempt) const;

    const std::shared_ptr<Runtime> runtime_;
    const std::string session_;
    const std::chrono::milliseconds timeout_;
    SessionRecord record_;
    const uint64_t nonce_;  // peers read it in our memory to be sure of the process
    std::mutex mutex_;
    MemoryPool pool_;  // guarded by mutex_, as is what follows up to closed_
    RegistrationTable table_;
    SharedSegments segments_;
    Registrations registrations_;
    std::vector<memory::AddressRange> leaving_;  // being deregistered: their transfers run to their end
    bool serves_ = true;  // until the session closes; registrations are taken back later, too
    std::multiset<uint64_t> pool_starts_;  // of the registrations that begin in memory of the pool
    bool closed_ = false;
    bool published_ = false;          // the store's key is ours to remove; of open() and close()
    std::atomic<bool> ended_{false};  // what is still queued fails
    const InFlightBoard flights_;
    std::unique_ptr<StagingServer> staging_;  // set by publish()
    Counters counters_;
    RemoteSessions others_;
    PeerDirectory peers_;
    copy::AsyncQueue queue_;  // last: its thread uses all of the above
};

}  // namespace memfabric::trans
