// SPDX-License-Identifier: Apache-2.0
// Groups whose members live on several hosts. Inside a host members wait for each other in shared memory, at
// the words of its first member; the first members form a binomial tree and write to each other.
#pragma once

#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>

#include "shmem/host_layout.h"
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
        int me;
        const char* call;
    };

    /// The tree grows from that host.
    explicit HostTree(const Group& group, int root = 0) : group_(group), root_(root) {}

    bool is_first() const { return group_.me == group_.layout.own_first(); }
    bool is_on_root() const { return group_.layout.own == root_; }

    /// All members of this host come; then the first one works alone; then all go on.
    template <typename Work>
    void meet_here(const Work& work) const {
        if (!is_first()) {
            visit(own_barrier(), guests());
            return;
        }
        await_guests(own_barrier(), guests());
        work();
        let_go(own_barrier());
    }

    /// All members come, then all go on.
    void meet() const {
        meet_here([&] { meet_first_ones(); });
    }
    /// Of first members only: each comes when all of its host are there.
    void meet_first_ones() const { down(up()); }

    /// Of first members, towards the root: waits for each child, calls on_child(its member number), then
    /// tells the parent. Returns the largest value that any of them gave; values are above 0.
    template <typename OnChild>
    uint32_t up(uint32_t value, const OnChild& on_child) const {
        for (int k = 0; k < children(); ++k) {
            const uint32_t given = take(own_tree().up[k]);
            value = given > value ? given : value;
            on_child(child(k));
        }
        if (place() != 0) {
            tell_parent(value);
        }
        return value;
    }
    uint32_t up(uint32_t value = 1) const {
        return up(value, [](int) {});
    }

    /// Of first members, away from the root: waits for the parent, calls on_child(member number) for each
    /// child, and tells it. Returns the root's value. Each call follows an up() of all.
    template <typename OnChild>
    uint32_t down(uint32_t value, const OnChild& on_child) const {
        return tell_all_below(&TreeWords::down, value, on_child);
    }
    uint32_t down(uint32_t value) const {
        return down(value, [](int) {});
    }
    /// The same, after a down(). On the root's host another member than the first may be the one who calls.
    template <typename OnChild>
    void relay(const OnChild& on_child) const {
        tell_all_below(&TreeWords::relayed, 1, on_child);
    }

    /// Members that are first ones of the hosts right below this one, those with most below them first.
    template <typename OnChild>
    void for_children(const OnChild& on_child) const {
        for (int k = children() - 1; k >= 0; --k) {
            on_child(child(k));
        }
    }

    /// Between this process's memory and a place in the window that is that member's.
    void put(int member, uint64_t place, const void* source, size_t bytes) const;
    void get(int member, void* dest, uint64_t place, size_t bytes) const;
    /// A word of that member's slot or pSync array.
    void set(int member, const std::atomic<uint32_t>& word, uint32_t value) const;
    /// What the member published.
    Publication published(int member) const;

 private:
    uint32_t guests() const { return static_cast<uint32_t>(group_.layout.neighbours().size() - 1); }
    BarrierWords& own_barrier() const { return group_.words.barrier(group_.layout.own_first()); }
    TreeWords& own_tree() const { return group_.words.tree(group_.layout.own_first()); }

    // Hosts are counted from the root on: the children of place p are p + 1, p + 2, p + 4, ... up to p's
    // lowest bit, each with all up to the next one below it.
    int place() const { return (group_.layout.own - root_ + group_.layout.count()) % group_.layout.count(); }
    int children() const;
    int child(int k) const { return first_at(place() + (1 << k)); }
    int place_below_parent() const { return std::countr_zero(static_cast<unsigned>(place())); }
    int parent() const { return first_at(place() & (place() - 1)); }
    int first_at(int place) const { return group_.layout.first((place + root_) % group_.layout.count()); }

    using Word = std::atomic<uint32_t> TreeWords::*;
    template <typename OnChild>
    uint32_t tell_all_below(Word word, uint32_t value, const OnChild& on_child) const {
        value = place() == 0 ? value : take(own_tree().*word);
        for_children([&](int member) {
            on_child(member);
            set(member, group_.words.tree(member).*word, value);
        });
        return value;
    }
    /// Waits until another host has written a value.
    static uint32_t take(std::atomic<uint32_t>& word);
    void tell_parent(uint32_t value) const;

    Group group_;
    int root_;
};

}  // namespace memfabric::shmem
