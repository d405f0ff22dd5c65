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
#include "bm/copy_request.h"
#include "bm/world.h"
#include "copy/async_queue.h"
#include "copy/engine.h"

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
              std::shared_ptr<AttachedWindow> window);
    ~BigMemory();
    BigMemory(const BigMemory&) = delete;
    BigMemory& operator=(const BigMemory&) = delete;

    uint32_t id() const { return id_; }
    const memory::Window& window() const { return layout_; }
    std::shared_ptr<AttachedWindow> attached_window() const { return window_; }
    std::chrono::seconds control_timeout() const { return world_->config().control_timeout; }

    /// Returns the address of the own region, also where already joined.
    Result<uint64_t> join(Deadline deadline);

    /// `wait_idle` waits for the copies of this process that are under way.
    using WaitIdle = std::function<bool(Deadline)>;
    Status leave(const WaitIdle& wait_idle, Deadline deadline);

    uint64_t local_size(MemoryType type) const;
    /// 0 where the rank is outside the world or has no such memory.
    uint64_t address_of(MemoryType type, uint32_t rank) const;

    /// The parameters one by one, not as CopyRequest: in registers they cost nothing.
    Status copy(const void* source, void* destination, size_t size, Direction direction, CopyOptions options);
    Status copy_rows(const RowsRequest& request, Direction direction, CopyOptions options);
    Status copy_batch(std::span<const copy::Piece> pieces, Direction direction, CopyOptions options);
    Status wait(Deadline deadline) { return queue_.wait(deadline); }

 private:
    bool side_is_fine(bool global, uint64_t begin, uint64_t size) const;
    bool is_fine(uint64_t source, uint64_t source_size, uint64_t destination, uint64_t destination_size,
                 Direction direction) const;
    Status check(uint64_t source, uint64_t source_size, uint64_t destination, uint64_t destination_size,
                 Direction direction) const;
    Status check_slowly(uint64_t source, uint64_t source_size, uint64_t destination,
                        uint64_t destination_size, Direction direction) const;
    Status check_side(const char* side, bool global, uint64_t address, uint64_t size,
                      Direction direction) const;
    Status check_members(const char* side, uint64_t address, uint64_t size) const;
    Status describe_absent(const char* side, uint32_t rank, uint64_t address, uint64_t size) const;
    Status check_joined() const;
    Status copy_slowly(const CopyRequest& request, Direction direction, CopyOptions options);
    Result<uint64_t> join_with_memory(Deadline deadline);
    Status commit_region(Deadline deadline);
    void on_member_event(const store::MemberEvent& event);

    std::shared_ptr<World> world_;
    uint32_t id_;
    uint32_t member_size_;
    std::string group_;
    std::shared_ptr<AttachedWindow> window_;
    // What every copy reads lies together.
    const memory::Window layout_;
    const memory::WindowSegment& segment_;
    copy::Engine& engine_;
    std::atomic<bool> joined_{false};
    std::mutex control_mutex_;
    mutable std::mutex members_mutex_;
    std::map<uint32_t, std::string>
        members_;             // rank -> host, for the texts of failures; guarded by members_mutex_
    copy::AsyncQueue queue_;  // last: its thread uses all of the above
};

}  // namespace memfabric::bm
