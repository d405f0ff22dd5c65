// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "copy/async_queue.h"
#include "runtime/window_copy.h"
#include "shm/assembly.h"
#include "shm/begun_copies.h"
#include "shm/copy_counters.h"
#include "shm/exit_notice.h"
#include "shm/world.h"

namespace memfabric::shm {

/// Ways to reach a rank's memory; the values of smem_shm_data_op_type.
inline constexpr uint32_t kReachLoadStore = 1U << 0;
inline constexpr uint32_t kReachCopyEngine = 1U << 1;
inline constexpr uint32_t kReachFabric = 1U << 2;
inline constexpr uint32_t kReachAll = kReachLoadStore | kReachCopyEngine | kReachFabric;

/// What this process can do at all. Starts what reaches other hosts, where there can be any.
uint32_t supported_reach(Runtime& runtime);

/// What is done to a word, by the numbers of transport::AtomicKind.
struct AtomicUpdate {
    uint32_t size = 8;  // bytes
    uint32_t kind = 0;
    uint64_t operand = 0;
    uint64_t comparand = 0;
};

/// This rank's handle of one object. Any thread may call everything; one barrier or allgather at a time.
class SharedMemory : public std::enable_shared_from_this<SharedMemory> {
 public:
    SharedMemory(std::shared_ptr<World> world, uint32_t id, const ObjectConfig& config, uint64_t generation);

    /// Makes the window, joins, takes memory; all ranks of the object do so at once, and where one cannot,
    /// all fail. `joined` is called when all have joined.
    Status build(const std::shared_ptr<Assembly>& assembly, const std::function<void()>& joined,
                 Deadline deadline);

    uint32_t id() const { return id_; }
    uint32_t rank() const { return rank_; }
    uint32_t rank_size() const { return rank_size_; }
    const memory::Window& window() const { return window_->window(); }
    std::shared_ptr<AttachedWindow> attached_window() const { return window_; }
    Deadline control_deadline() const { return Deadline::after(world_->config().control_timeout); }

    /// Takes memory for more of the own part, [offset, offset + size) of it, where not all of it has some.
    Status commit(uint64_t offset, uint64_t size);
    /// Gives memory of the own part back.
    Status discard(uint64_t offset, uint64_t size);

    /// Gives the own memory back and leaves; waits for the copies of this process that are under way.
    Status close(Deadline deadline);

    /// How to wait for the operations that whoever holds this object has under way on it. Set before anybody
    /// else sees the object.
    using WaitIdle = std::function<bool(Deadline)>;
    void set_wait_idle(WaitIdle wait_idle);

    Status set_context(std::span<const std::byte> context);
    std::vector<std::byte> context() const;

    Status barrier();
    Result<std::vector<std::string>> all_gather(std::string_view own);

    /// Mask of kReach bits; none where the rank has left, is lost or too far.
    Result<uint32_t> reach(uint32_t rank) const;

    /// The lowest rank that lives on the same host as `rank`: names the host, alike at all ranks.
    Result<uint32_t> host(uint32_t rank) const;

    /// Refuses ranges that touch ranks of other hosts: their memory is not mapped here. `what` begins the
    /// failure's text.
    Status check_mapped(const char* what, uint64_t begin, uint64_t size) const;

    /// The side `in_window` lies in the object's window.
    Status put(void* in_window, const void* source, size_t size);
    Status get(void* destination, const void* in_window, size_t size);

    /// put() and get() that may return before they are done: quiet() waits for them, and until then both
    /// sides are in use. Within this host they are done on return.
    Status begin_put(void* in_window, const void* source, size_t size);
    Status begin_get(void* destination, const void* in_window, size_t size);
    /// Returns when all that were begun before the call are done; the first failure of any since the last
    /// call.
    Status quiet();

    /// A put that goes on by itself and that quiet() does not wait for: end_post() or settle_post() is to
    /// follow, and the source is in use until then. Null where it is done already.
    struct Post {
        std::unique_ptr<transport::RemoteTransfer> transfer;
        uint64_t address = 0;  // in the window
        size_t size = 0;
    };
    /// kNone: as RemoteMemory::post().
    enum class Word : uint8_t { kAsked, kNone };
    Result<std::unique_ptr<Post>> post(void* in_window, const void* source, size_t size, Word word);
    /// Waits for it. As put() returns it.
    Status end_post(Post& post);
    /// The caller knows that it arrived, or does not care any more.
    static void settle_post(Post& post) { post.transfer->settle(); }

    /// On a word of `size` bytes (4 or 8) of the object, aligned to its size; the value before. One coherent
    /// set with the atomics of all CPUs of its rank's host.
    Result<uint64_t> update(void* in_window, const AtomicUpdate& update);

    /// put() and get() of rows; the pitches are in bytes, and at least `width`.
    Status put_rows(const copy::Rows& rows);
    Status get_rows(const copy::Rows& rows);

    /// Called after ranks of other hosts may have changed this process's memory, on a thread that moves data:
    /// must be quick, and copy nothing. One a process; ended by null, and by close().
    void set_activity_handler(std::function<void()> handler);
    /// Lets operations of other hosts' ranks that have come in happen now, on this thread. Never waits.
    void poll() const;

    /// Called, on a thread of its own, with each rank that went without having left.
    using LossHandler = std::function<void(uint32_t rank)>;
    void set_loss_handler(LossHandler handler);

    Status set_exit_handler(ExitHandler handler);
    Status announce_exit(int status);

 private:
    Status attach(Deadline deadline);
    Status join_group(const std::shared_ptr<Assembly>& assembly, Deadline deadline);
    Status take_memory();
    void learn_hosts();
    Status offer_to_other_hosts(Deadline deadline);
    Status learn_remote(Deadline deadline);
    Status agree_on_outcome(const Status& own, Deadline deadline);
    void on_member_event(const store::MemberEvent& event);
    void tell_loss(uint32_t rank);
    void give_back(uint32_t rank, uint64_t epoch);
    bool is_idle(Deadline deadline) const;
    std::string context_text(const char* what) const;
    Status check_own(const char* what, uint64_t offset, uint64_t size) const;
    Status check_range(const char* what, const void* place, size_t size) const;
    Status check_ranks(const char* what, uint64_t begin, size_t size) const;
    Status check_put(const char* what, const void* in_window, const void* source, size_t size) const;
    Status check_get(const char* what, const void* destination, const void* in_window, size_t size) const;
    Status copy(const char* what, void* destination, const void* source, size_t size, uint64_t in_window);
    bool is_present(uint32_t rank) const;
    Status describe_absent(const char* what, uint32_t rank, uint64_t begin, size_t size) const;
    bool touches_other_hosts(uint64_t begin, size_t size) const;
    Status check_remote(const char* what, uint64_t in_window, uint64_t other, size_t size) const;
    Status explain(const char* what, const Status& failed, uint64_t begin, size_t size);
    Status copy_remote(const char* what, const copy::Piece& piece, uint64_t in_window);
    Status begin(const char* what, const copy::Piece& piece, uint64_t in_window);
    Result<std::unique_ptr<transport::RemoteTransfer>> begin_remote(const char* what,
                                                                    const RemoteMember& member,
                                                                    const copy::Piece& piece,
                                                                    uint64_t in_window,
                                                                    Word word = Word::kAsked);
    Status copy_rows(const char* what, const copy::Rows& rows, bool is_put);
    Status check_other(const char* what, uint64_t other, size_t size) const;
    const RemoteMember* lone_member(uint64_t in_window, uint64_t other, size_t size) const;
    Status move_remote(const copy::Piece& piece, uint64_t in_window);
    WindowCopy window_copy() const;
    uint64_t epochs_of(uint64_t begin, size_t size) const;
    store::Client& store() const { return world_->runtime().store(); }

    std::shared_ptr<World> world_;
    const uint32_t id_;
    const uint32_t rank_;
    const uint32_t rank_size_;
    const uint64_t symmetric_size_;
    const uint64_t committed_size_;  // from the start
    const std::string name_;  // of the group, the window, and before the keys; no other object has it ever
    const CopyCounters counters_;
    std::shared_ptr<ExitNotice> exit_notice_;
    std::shared_ptr<AttachedWindow> window_;
    std::shared_ptr<RemoteMembers> remote_;  // null where all ranks live here, or nothing reaches the others
    // The ranks of other hosts; set once all ranks have their memory, and never changed: whether one is still
    // there is remote_'s to say. Null without remote_.
    std::shared_ptr<const RemoteTable> remote_table_;
    // Where addresses of other objects lie, which may be of other hosts' ranks; empty where there are none.
    memory::AddressRange foreign_;
    BegunCopies begun_;
    bool listens_ = false;                                // to the transport's activity; guarded by mutex_
    std::vector<uint32_t> hosts_;                         // rank -> lowest rank of its host; once all joined
    LossHandler on_loss_;                                 // guarded by mutex_
    WaitIdle wait_idle_ = [](Deadline) { return true; };  // guarded by mutex_
    std::atomic<uint64_t> epoch_{0};                      // of the own membership; 0: not a member
    std::atomic<bool> has_memory_{false};                 // taken and announced
    mutable std::mutex mutex_;
    std::map<uint32_t, std::string> members_;  // rank -> host; guarded by mutex_
    std::vector<std::byte> context_;           // guarded by mutex_
    // Last, since its thread uses all of the above.
    copy::AsyncQueue janitor_;  // gives memory of members that went back once no copy touches it
};

}  // namespace memfabric::shm
