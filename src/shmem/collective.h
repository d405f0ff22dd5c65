// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>

#include "shmem/host_layout.h"
#include "shmem/host_tree.h"
#include "shmem/sync_words.h"
#include "shmem/team.h"
#include "shmem/threads.h"

namespace memfabric::shmem {

/// What a publication says, as a pointer.
inline char* at(uint64_t address) {
    return reinterpret_cast<char*>(address);
}

/// Those who take part in one collective: a team, or an active set with its pSync array.
class Group {
 public:
    Group(shmem_team_t team, const char* call);
    /// Ends the job where the set is none, or this PE is not in it.
    Group(int start, int log_stride, int size, long* psync, const char* call);

    int me() const { return me_; }
    int size() const { return size_; }
    const char* call() const { return call_; }
    /// Of a member on this host.
    Publication& publication(int member) const { return words_.publication(member); }
    void wait() const {
        if (layout_ == nullptr) [[likely]] {
            wait_at(*barrier_, static_cast<uint32_t>(size_), others());
        } else {
            tree().meet();
        }
    }
    /// A call that is nothing but a barrier.
    void meet() const;
    /// For what a long wait says.
    Awaited others() const {
        return {Awaited::What::kMembers, call_, &words_.barrier(0), start_, stride_, size_};
    }

    /// Null where all members live on one host; else only those of this host can be waited for, or looked at,
    /// in shared memory.
    const HostLayout* layout() const { return layout_; }
    HostTree tree(int root_host = 0) const {
        return HostTree({*layout_, words_, start_, stride_, size_, me_, call_}, root_host);
    }

    bool has_mailboxes() const { return words_.have_mailboxes(); }
    /// For a call in which one member posts to all others: its number, the same at all members, and where a
    /// member finds it. Whoever has found it calls take_post().
    uint32_t next_post() const;
    Mailbox& mailbox(int member, uint32_t post) const { return words_.mailbox(member, post); }
    void take_post(uint32_t post) const;

    /// The member's number in the world.
    int world_pe(int member) const { return start_ + member * stride_; }

    /// The object's address for all processes; `bytes` of it are symmetric, or the job ends.
    uint64_t shared_address(const void* object, size_t bytes) const;

    /// Ends the job where no number can say it.
    size_t product(size_t a, size_t b) const;
    uint64_t name_of_call(int root = 0) const;

    /// The place in the window where that member has the object; `bytes` of it are symmetric, or the job
    /// ends.
    uint64_t place_of(const void* object, size_t bytes, int member) const;

    void publish(const void* source, size_t source_bytes, const void* dest, size_t dest_bytes, uint64_t bytes,
                 int root = 0) const;
    /// Publishes and waits for all; with checks on, ends the job where somebody does something else.
    void enter(const void* source, size_t source_bytes, const void* dest, size_t dest_bytes, uint64_t bytes,
               int root = 0) const;

 private:
    const char* call_;
    LongCall whole_{call_};
    BarrierWords* barrier_ = nullptr;  // where all members live on one host
    SyncWords words_;
    const HostLayout* layout_ = nullptr;
    uint32_t* posts_ = nullptr;  // of a team
    int start_ = 0;
    int stride_ = 1;
    int me_ = 0;
    int size_ = 0;
};

/// accumulated[i] = accumulated[i] OP values[i]
using Combine = void (*)(void* accumulated, const void* values, size_t count);

void broadcast(const Group& group, void* dest, const void* source, size_t bytes, int root, bool root_copies);
void collect(const Group& group, void* dest, const void* source, size_t bytes);
void fcollect(const Group& group, void* dest, const void* source, size_t bytes);
void alltoall(const Group& group, void* dest, const void* source, size_t bytes);
void alltoalls(const Group& group, void* dest, const void* source, ptrdiff_t dst, ptrdiff_t sst, size_t count,
               size_t element);
void reduce(const Group& group, void* dest, const void* source, size_t count, size_t element,
            Combine combine);

}  // namespace memfabric::shmem
