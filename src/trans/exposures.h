// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "base/deadline.h"
#include "memory/address_range.h"
#include "trans/holder.h"
#include "trans/remote_messages.h"
#include "transport/remote_memory.h"

namespace memfabric::trans {

/// A session's memory as other hosts reach it. What is registered is exposed to the fabric once somebody
/// there asks for it, range by range; until the first of them comes, nothing here costs anything.
/// Thread-safe.
class Exposures {
 public:
    /// Calls activate() with all ranges that are registered, in a lock under which change() is called too.
    using Load = std::function<void()>;

    explicit Exposures(uint64_t instance) : instance_(instance) {}
    ~Exposures();
    Exposures(const Exposures&) = delete;
    Exposures& operator=(const Exposures&) = delete;

    void start(std::shared_ptr<transport::RemoteMemory> memory, Load load);

    /// Never waits: what takes time is done by a thread of its own, and the initiator asks again.
    RegionsAnswer answer(const RegionsRequest& request);

    void activate(std::span<const memory::AddressRange> registered);
    /// The ranges that are registered change. `removed` are ranges as they were added. From now on nobody is
    /// told how to reach them; retire() then takes them back.
    void change(std::span<const memory::AddressRange> removed, std::span<const memory::AddressRange> added);
    bool is_active() const { return active_.load(std::memory_order_acquire); }

    /// On success no other host touches what change() has removed of these ranges any more, and none can.
    /// kResourceInUse names who still transfers at the deadline: then it stays within its reach, until a
    /// later call succeeds.
    Status retire(std::span<const memory::AddressRange> ranges, Deadline deadline);
    /// Nobody is told anything any more; takes back all, as retire() does, and in the end by force.
    Status close(Deadline deadline);

 private:
    /// One range with its key, from the first request for it to its end.
    struct Exposure {
        enum class State { kOpening, kOpen, kFailed, kEnding, kEnded };

        memory::AddressRange range;
        State state = State::kOpening;                     // guarded by mutex_, as is what follows
        Status problem;                                    // of kFailed
        std::unique_ptr<transport::ExposedMemory> memory;  // of kOpen; whoever made it kEnding has it
        std::vector<std::shared_ptr<Holder>> holders;
    };
    using SharedExposure = std::shared_ptr<Exposure>;
    struct Registered {
        uint64_t end = 0;
        SharedExposure exposure;  // null: nobody has asked yet
    };
    using Ranges = std::map<uint64_t, Registered>;  // by begin; nothing overlaps

    // With mutex_ held.
    bool find(memory::AddressRange wanted, std::vector<Ranges::iterator>& found,
              memory::AddressRange& missing);
    RegionsAnswer tell(std::span<const Ranges::iterator> found, const Initiator& to);
    std::shared_ptr<Holder> holder_of(const Initiator& initiator);
    void wake_worker();
    void withdraw(Ranges::iterator range);
    std::vector<SharedExposure> ending_in(std::span<const memory::AddressRange> ranges) const;

    void work(const std::stop_token& stop);
    void open(const SharedExposure& exposure);
    Status wait_until_open(std::span<const SharedExposure> exposures, Deadline deadline);
    /// Whether nobody can have left anything on its way.
    Result<bool> revoke(std::span<const SharedExposure> exposures, Deadline deadline);
    void end(std::span<const SharedExposure> exposures, bool clean);
    /// Whether the caller is the one to end it; else returns once it has ended.
    bool begin_to_end(const SharedExposure& exposure);

    const uint64_t instance_;
    std::atomic<bool> active_{false};
    std::mutex mutex_;
    std::condition_variable_any changed_;
    std::shared_ptr<transport::RemoteMemory> memory_;  // guarded by mutex_, as is what follows
    Load load_;
    bool load_wanted_ = false;
    bool closed_ = false;
    Ranges ranges_;
    std::vector<SharedExposure> ending_;  // not registered any more
    std::deque<SharedExposure> opening_;
    std::map<uint64_t, std::shared_ptr<Holder>> holders_;  // by the initiator's instance
    std::jthread worker_;  // last: it uses all of the above; started by the first request
};

}  // namespace memfabric::trans
