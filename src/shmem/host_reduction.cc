// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <bit>
#include <cstring>
#include <vector>

#include "shmem/host_collective.h"
#include "shmem/hot_copy.h"
#include "shmem/state.h"

namespace memfabric::shmem {
namespace {

struct Reduction {
    const Group& group;
    void* dest;
    size_t count;
    size_t element;
    Combine combine;

    static constexpr size_t kBlock = 16384;              // bytes that stay in the cache
    static constexpr size_t kFetched = size_t{1} << 20;  // bytes at once from another host

    char* dest_of(int member) const { return at(group.publication(member).dest); }
    size_t bytes() const { return count * element; }

    /// Elements [begin, end) of the host's members, in the order of their numbers, into the first one's
    /// destination. Nobody else looks at that part, so sources and destinations may be the same.
    void combine_here(size_t begin, size_t end) const {
        alignas(64) char block[kBlock];
        const std::vector<int>& members = group.layout()->neighbours();
        const size_t step = kBlock / element;
        for (size_t first = begin; first < end; first += step) {
            const size_t length = std::min(step, end - first);
            const size_t offset = first * element;
            std::memcpy(block, at(group.publication(members[0]).source) + offset, length * element);
            for (size_t i = 1; i < members.size(); ++i) {
                combine(block, at(group.publication(members[i]).source) + offset, length);
            }
            std::memcpy(dest_of(members[0]) + offset, block, length * element);
        }
    }

    /// Of first members: the parts of all hosts, in one order, so that all have one result.
    void combine_hosts(const HostTree& tree) const {
        if (bytes() > largest_mail()) {
            combine_large(tree);
        } else if (std::has_single_bit(static_cast<unsigned>(group.layout()->count()))) {
            combine_in_pairs(tree);
        } else {
            combine_small(tree);
        }
    }

 private:
    /// Partners exchange what they have; after each round that is of twice as many hosts.
    void combine_in_pairs(const HostTree& tree) const {
        const HostLayout& layout = *group.layout();
        std::vector<char> other(bytes());
        for (int distance = 1; distance < layout.count(); distance *= 2) {
            const int partner = layout.first(layout.own ^ distance);
            tree.tell(partner, 0, dest, bytes());
            tree.hear(partner, other.data(), bytes());
            if ((layout.own & distance) == 0) {
                combine(dest, other.data(), count);
            } else {
                combine(other.data(), dest, count);
                copy_if_other(dest, other.data(), bytes());
            }
        }
    }

    void combine_small(const HostTree& tree) const {
        std::vector<char> part(bytes());
        tree.for_children_upwards([&](int member) {
            tree.hear(member, part.data(), bytes());
            combine(dest, part.data(), count);
        });
        if (!tree.is_on_root()) {
            tree.tell(tree.parent(), 0, dest, bytes());
            tree.hear(tree.parent(), dest, bytes());
        }
        tree.for_children([&](int member) { tree.tell(member, 0, dest, bytes()); });
    }

    /// A parent takes the parts out of its children's destinations, and puts the result there.
    void combine_large(const HostTree& tree) const {
        tree.up(0, [&](int member) { combine_from(tree, member); });
        tree.down(
            0, [&](int member) { tree.put(member, group.place_of(dest, bytes(), member), dest, bytes()); });
    }

    void combine_from(const HostTree& tree, int member) const {
        const size_t step = std::min(count, kFetched / element);
        std::vector<char> fetched(step * element);
        const uint64_t place = group.place_of(dest, bytes(), member);
        for (size_t first = 0; first < count; first += step) {
            const size_t length = std::min(step, count - first);
            tree.get(member, fetched.data(), place + first * element, length * element);
            combine(static_cast<char*>(dest) + first * element, fetched.data(), length);
        }
    }
};

/// The first member does all.
void reduce_small(const Reduction& reduction, const HostTree& tree) {
    const Group& group = reduction.group;
    tree.meet_here([&] {
        reduction.combine_here(0, reduction.count);
        reduction.combine_hosts(tree);
        for (const int member : group.layout()->neighbours()) {
            copy_if_other(reduction.dest_of(member), reduction.dest, reduction.bytes());
        }
    });
}

/// Each member of the host works out a share.
void reduce_large(const Reduction& reduction, const HostTree& tree) {
    const std::vector<int>& members = reduction.group.layout()->neighbours();
    const auto place =
        static_cast<size_t>(std::ranges::find(members, reduction.group.me()) - members.begin());
    tree.meet_here();  // all have published
    const size_t share = (reduction.count + members.size() - 1) / members.size();
    const size_t begin = std::min(reduction.count, place * share);
    reduction.combine_here(begin, std::min(reduction.count, begin + share));
    tree.meet_here([&] { reduction.combine_hosts(tree); });
    take_from_first(reduction.group, tree, reduction.dest, reduction.bytes());
}

}  // namespace

void reduce_over_hosts(const Group& group, void* dest, const void* source, size_t count, size_t element,
                       Combine combine) {
    const size_t bytes = group.product(count, element);
    const HostTree tree = group.tree();
    if (state().checks) {
        group.enter(source, bytes, dest, bytes, bytes);
    } else {
        group.publish(source, bytes, dest, bytes, bytes);
    }
    const Reduction reduction{group, dest, count, element, combine};
    if (bytes <= Reduction::kBlock) {
        reduce_small(reduction, tree);
    } else {
        reduce_large(reduction, tree);
    }
}

}  // namespace memfabric::shmem
