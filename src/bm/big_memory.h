// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <string>

#include "base/pin.h"
#include "bm/copy_counters.h"
#include "bm/copy_request.h"
#include "bm/world.h"
#include "copy/async_queue.h"
#include "copy/engine.h"
#include "runtime/window_copy.h"

namespace memfabric::bm {

/// Which memory an address or size is asked for; the values of smem_bm_mem_type.
enum class MemoryType : uint32_t { kLocalDevice = 0, kLocalHost = 1, kDevice = 2, kHost = 3, kCount };

struct CopyOptions {
    copy::Temperature temperature = copy::Temperature::kAuto;
    bool asynchronous = false;
};

/// This rank's handle of one object. Any thread may call everything; control calls (join, leave) exclude one
/// another.
class BigMemory : public std::enable_shared_from_this<BigMemory> {
 public:
    /// Takes part in the object's window. Waits for no other rank's create.
    static Result<std::shared_ptr<BigMemory>> create(std::shared_ptr<World> world, uint32_t id,
                                                     uint32_t member_size, const memory::RegionShape& shape,
                                                     Deadline deadline);
    /// Use create().
    BigMemory(std::shared_ptr<World> world, uint32_t id, uint32_t member_size,
              std::shared_ptr<AttachedWindow> window, std::shared_ptr<RemoteMembers> remote);
    ~BigMemory();
    BigMemory(const BigMemory&) = delete;
    BigMemory& operator=(const BigMemory&) = delete;

    uint32_t id() const { return id_; }
    const memory::Window& window() const { return layout_; }
    std::shared_ptr<AttachedWindow> attached_window() const { return window_; }
    std::chrono::seconds control_timeout() const { return world_->config().control_timeout; }

    /// Returns the address of the own region, also where already joined.
    Result<uint64_t> join(Deadline deadline);

    /// Takes the own region out of the pool; waits for the copies of this process that are under way.
    Status leave(Deadline deadline);

    /// Leaves where joined, and joins no more: the handle is gone.
    Status close(Deadline deadline);

    /// How to wait for the operations that whoever holds this object has under way on it; true once there are
    /// none. Set before the first join.
    using WaitIdle = std::function<bool(Deadline)>;
    void set_wait_idle(WaitIdle wait_idle) { wait_idle_ = std::move(wait_idle); }

    uint64_t local_size(MemoryType type) const;
    /// 0 where the rank is outside the world or has no such memory.
    uint64_t address_of(MemoryType type, uint32_t rank) const;

    /// The parameters one by one, not as CopyRequest: in registers they cost nothing.
    Status copy(const void* source, void* destination, size_t size, Direction direction, CopyOptions options);
    Status copy_rows(const RowsRequest& request, Direction direction, CopyOptions options);
    Status copy_batch(std::span<const copy::Piece> pieces, Direction direction, CopyOptions options);
    Status wait(Deadline deadline);

    /// Whether pointers into [address, address + size) of the window reach what they name: refused where that
    /// is memory of ranks on other hosts, or of ranks that are not there and may come from other hosts.
    Status check_mapped(const char* what, uint64_t address, uint64_t size) const;

 private:
    /// Joined, and not given up by the others meanwhile.
    bool is_joined() const {
        const uint64_t epoch = epoch_.load(std::memory_order_relaxed);
        return epoch != 0 && segment_.epoch(rank_) == epoch;
    }
    /// Neighbours on the host withdraw whom the store gave up; where there are none it has to be asked.
    bool is_given_up() const { return remote_ && world_->runtime()->store().is_evicted(); }
    bool side_is_fine(bool global, uint64_t begin, uint64_t size) const;
    bool is_fine(uint64_t source, uint64_t source_size, uint64_t destination, uint64_t destination_size,
                 Direction direction) const;
    Status check(uint64_t source, uint64_t source_size, uint64_t destination, uint64_t destination_size,
                 Direction direction) const;
    Status check_slowly(uint64_t source, uint64_t source_size, uint64_t destination,
                        uint64_t destination_size, Direction direction) const;
    Status check_side(const char* side, bool global, uint64_t address, uint64_t size,
                      Direction direction) const;
    bool is_present(uint32_t rank) const;
    Status check_foreign(const char* side, uint64_t address, uint64_t size) const;
    Status check_members(const char* side, uint64_t address, uint64_t size) const;
    Status describe_absent(const char* side, uint32_t rank, uint64_t address, uint64_t size) const;
    Status check_joined() const;
    void submit(std::function<Status()> operation);
    bool is_remote(const RemoteTable& table, const void* place, uint64_t size) const;
    std::shared_ptr<const RemoteTable> remote_table() const;
    WindowCopy remote_copy(std::shared_ptr<const RemoteTable> table, CopyOptions options,
                           Deadline deadline) const;
    uint64_t membership_of(uint64_t address, uint64_t size, const RemoteTable* table) const;
    template <typename Membership, typename Check, typename Operation>
    Status run_watched(const Membership& membership, const Check& check_all,
                       const Operation& operation) const;
    Status check_pieces(std::span<const copy::Piece> pieces, Direction direction) const;
    Status copy_slowly(const CopyRequest& request, Direction direction, CopyOptions options);
    void copy_measured(const CopyRequest& request, CopyOptions options) const;
    Status evicted(const char* what) const;
    Result<memory::SegmentLock> commit_region(Deadline deadline);
    Status join_with_memory(Deadline deadline);
    Status leave_with_lock(Deadline deadline);
    Status leave_group(Deadline deadline);
    Result<store::JoinReply> join_group(Deadline deadline);
    Status enter_remote(Deadline deadline);
    void take_over(const store::JoinReply& reply);
    void on_member_event(const store::MemberEvent& event);
    bool is_idle(Deadline deadline) const;
    void give_back(uint32_t rank, uint64_t epoch);

    std::shared_ptr<World> world_;
    uint32_t id_;
    uint32_t member_size_;
    std::string group_;
    std::shared_ptr<AttachedWindow> window_;
    // What every copy reads lies together.
    const memory::Window layout_;
    const memory::WindowSegment& segment_;
    copy::Engine& engine_;
    const uint32_t rank_;
    const CopyCounters counters_;
    // Where addresses of other objects lie, which may be of other hosts' ranks; empty where there are none.
    const memory::AddressRange foreign_;
    std::atomic<uint64_t> epoch_{0};               // of the own membership; 0: not joined
    const std::shared_ptr<RemoteMembers> remote_;  // null where nothing reaches other hosts
    WaitIdle wait_idle_ = [](Deadline) { return true; };
    std::mutex control_mutex_;
    bool closed_ = false;  // guarded by control_mutex_
    mutable std::mutex members_mutex_;
    struct Known {
        std::string host;
        bool reaches_hosts;  // and is reached from others
    };
    // By rank, for the texts of failures; guarded by members_mutex_
    std::map<uint32_t, Known> members_;
    // Last, since their threads use all of the above.
    copy::AsyncQueue queue_;    // the user's asynchronous copies
    copy::AsyncQueue janitor_;  // gives memory of members that went back once no copy touches it
};

}  // namespace memfabric::bm
