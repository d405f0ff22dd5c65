// SPDX-License-Identifier: Apache-2.0
// Groups whose members live on several hosts. Inside a host members wait for each other in shared memory, at
// the words of its first member; the first members write to each other.
#pragma once

#include <cstddef>
#include <cstdint>

#include "shmem/host_layout.h"
#include "shmem/mail.h"
#include "shmem/sync_words.h"

namespace memfabric::shmem {

/// One PE's part in it, for the time of one call.
class HostTree {
 public:
    /// The group's members are the PEs start, start + stride, ...; this PE is member `me`.
    struct Group {
        const HostLayout& layout;
        SyncWords words;
        int start;
        int stride;
        int size;
        int me;
        const char* call;
    };

    /// A binomial tree of hosts grows from that one.
    explicit HostTree(const Group& group, int root = 0);

    bool is_first() const { return group_.me == group_.layout.own_first(); }
    bool is_on_root() const { return group_.layout.own == root_; }

    /// All members of this host come; then the first one works alone; then all go on.
    template <typename Work>
    void meet_here(const Work& work) const {
        if (!is_first()) {
            visit(own_barrier(), guests(), others());
            return;
        }
        await_guests(own_barrier(), guests(), others());
        work();
        let_go(own_barrier());
    }
    void meet_here() const {
        meet_here([] {});
    }

    /// All members come, then all go on.
    void meet() const {
        meet_here([&] { meet_first_ones(); });
    }
    /// Of first members only: each comes when all of its host are there.
    void meet_first_ones() const;

    /// Of first members, towards the root: hears of each child, calls on_child(its member number), then tells
    /// the parent. Returns the largest value that any of them gave.
    template <typename OnChild>
    uint32_t up(uint32_t value, const OnChild& on_child) const {
        for_children_upwards([&](int member) {
            const uint32_t given = hear(member);
            value = given > value ? given : value;
            on_child(member);
        });
        if (place() != 0) {
            tell(parent(), value);
        }
        return value;
    }

    /// Of first members, away from the root: hears of the parent, calls on_child(member number) for each
    /// child, and tells it. Returns the root's value.
    template <typename OnChild>
    uint32_t down(uint32_t value, const OnChild& on_child) const {
        value = place() == 0 ? value : hear(parent());
        for_children([&](int member) {
            on_child(member);
            tell(member, value);
        });
        return value;
    }

    /// Members that are first ones of the hosts right below this one, those with most below them first.
    template <typename OnChild>
    void for_children(const OnChild& on_child) const {
        for (int k = children() - 1; k >= 0; --k) {
            on_child(child(k));
        }
    }
    /// In the order of the hosts.
    template <typename OnChild>
    void for_children_upwards(const OnChild& on_child) const {
        for (int k = 0; k < children(); ++k) {
            on_child(child(k));
        }
    }
    /// The first member of the host right above this one. On the root's host there is none.
    int parent() const { return first_at(place() & (place() - 1)); }

    /// Messages between members of different hosts; each group's go by themselves, in their order.
    void tell(int member, uint32_t value, const void* data = nullptr, size_t bytes = 0) const;
    uint32_t hear(int member, void* data = nullptr, size_t bytes = 0) const;

    /// Between this process's memory and a place in the window that is that member's.
    void put(int member, uint64_t place, const void* source, size_t bytes) const;
    void get(int member, void* dest, uint64_t place, size_t bytes) const;
    /// What the member published.
    Publication published(int member) const;

 private:
    uint32_t guests() const { return static_cast<uint32_t>(group_.layout.neighbours().size() - 1); }
    BarrierWords& own_barrier() const { return group_.words.barrier(group_.layout.own_first()); }
    Awaited others() const {
        return {Awaited::What::kMembers, group_.call, &group_.words.barrier(0), group_.start,
                group_.stride,           group_.size};
    }
    int world_pe(int member) const { return group_.start + member * group_.stride; }

    // Hosts are counted from the root on: the children of place p are p + 1, p + 2, p + 4, ... up to p's
    // lowest bit, each with all up to the next one below it.
    int place() const { return (group_.layout.own - root_ + group_.layout.count()) % group_.layout.count(); }
    int children() const;
    int child(int k) const { return first_at(place() + (1 << k)); }
    int first_at(int place) const { return group_.layout.first((place + root_) % group_.layout.count()); }

    Group group_;
    int root_;
    uint64_t key_;  // no other group that is in use has it
};

}  // namespace memfabric::shmem
