// SPDX-License-Identifier: Apache-2.0
#include "shmem/host_collective.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <vector>

#include "shmem/hot_copy.h"
#include "shmem/state.h"

namespace memfabric::shmem {
namespace {

char* at(uint64_t address) {
    return reinterpret_cast<char*>(address);
}

void copy(void* dest, const void* source, size_t bytes) {
    if (dest != source && bytes != 0) {
        hot_copy(dest, source, bytes);
    }
}

/// Member of this host: its object as a pointer.
char* object_of(const Group& group, int member, const void* object, size_t bytes) {
    return at(group.place_of(object, bytes, member));
}

struct Broadcast {
    const Group& group;
    void* dest;
    const void* source;
    size_t bytes;
    int root;
    bool root_copies;

    bool is_root() const { return group.me() == root; }
    HostTree tree() const { return group.tree(group.layout()->of(root)); }
    /// On the root's host the root sends, on the others the first member.
    bool sends(const HostTree& tree) const { return tree.is_on_root() ? is_root() : tree.is_first(); }
    /// Not of senders on the root's host: who sends to this one.
    int sender_above(const HostTree& tree) const {
        const int parent = tree.parent();
        return group.layout()->of(parent) == group.layout()->of(root) ? root : parent;
    }
    const void* held() const { return is_root() ? source : dest; }
    void send_to(const HostTree& tree, int member) const {
        tree.put(member, group.place_of(dest, bytes, member), held(), bytes);
    }
};

/// Nobody waits for anybody but the one who sends to him: for messages, and destinations that are ready, as
/// the specification asks, before anybody calls.
void push(const Broadcast& broadcast) {
    if (broadcast.bytes == 0) {
        return;
    }
    const Group& group = broadcast.group;
    const HostTree tree = broadcast.tree();
    const bool has_posts = group.has_mailboxes();
    const uint32_t number = has_posts ? group.next_post() : 0;
    if (broadcast.sends(tree)) {
        if (!tree.is_on_root()) {
            tree.hear(broadcast.sender_above(tree), broadcast.dest, broadcast.bytes);
        }
        tree.for_children([&](int member) { tree.tell(member, 0, broadcast.held(), broadcast.bytes); });
        for (const int member : group.layout()->neighbours()) {
            if (member != group.me()) {
                broadcast.send_to(tree, member);
                if (has_posts) {
                    post(group.mailbox(member, number), number);
                }
            }
        }
        if (broadcast.is_root() && broadcast.root_copies) {
            copy(broadcast.dest, broadcast.source, broadcast.bytes);
        }
    } else if (has_posts) {
        group.take_post(number);
    }
    if (!has_posts) {
        tree.meet_here();
    }
}

/// Of senders. On the root's host that need not be the first member.
void send_down(const Broadcast& broadcast, const HostTree& tree) {
    if (!tree.is_on_root()) {
        tree.hear(broadcast.sender_above(tree));
    }
    tree.for_children([&](int member) {
        broadcast.send_to(tree, member);
        tree.tell(member, 0);
    });
}

/// All call before anybody's destination is touched; members take it from the one of their host who has it.
void pull(const Broadcast& broadcast) {
    const Group& group = broadcast.group;
    const size_t bytes = broadcast.bytes;
    const HostTree tree = broadcast.tree();
    group.enter(broadcast.source, bytes, broadcast.dest, bytes, bytes, broadcast.root);
    const auto send = [&] { send_down(broadcast, tree); };
    if (!tree.is_on_root()) {
        tree.meet_here(send);
        if (!tree.is_first()) {
            copy(broadcast.dest, object_of(group, group.layout()->own_first(), broadcast.dest, bytes), bytes);
        }
    } else {
        if (broadcast.is_root()) {
            send();
        }
        if (!broadcast.is_root() || broadcast.root_copies) {
            copy(broadcast.dest, at(group.publication(broadcast.root).source), bytes);
        }
    }
    tree.meet_here();
}

/// Members [first, last) that live on one host, without a gap between them.
struct Run {
    int first;
    int last;
};

std::vector<Run> runs_of(const std::vector<int>& members) {
    std::vector<Run> runs;
    for (const int member : members) {
        if (runs.empty() || runs.back().last != member) {
            runs.push_back({member, member});
        }
        runs.back().last = member + 1;
    }
    return runs;
}

/// Of first members: writes what `dest` has of this host's members to the first ones of the others, and waits
/// until all have. Member m's part begins at offset_of(m).
template <typename Offset>
void exchange(const Group& group, const HostTree& tree, void* dest, const Offset& offset_of) {
    const HostLayout& layout = *group.layout();
    const std::vector<Run> runs = runs_of(layout.neighbours());
    for (int i = 1; i < layout.count(); ++i) {
        const int member = layout.first((layout.own + i) % layout.count());  // not all to the same one
        for (const Run& run : runs) {
            const size_t begin = offset_of(run.first);
            const size_t size = offset_of(run.last) - begin;
            char* part = static_cast<char*>(dest) + begin;
            tree.put(member, group.place_of(part, size, member), part, size);
        }
    }
    tree.meet_first_ones();
}

/// What the host's first member holds now.
void take_from_first(const Group& group, const HostTree& tree, void* dest, size_t bytes) {
    if (!tree.is_first()) {
        group.shared_address(dest, bytes);
        copy(dest, object_of(group, group.layout()->own_first(), dest, bytes), bytes);
    }
    tree.meet_here();
}

/// Of first members: where each one's part begins, and the end.
std::vector<size_t> offsets_of(const Group& group, const std::vector<Publication>& parts) {
    std::vector<size_t> offsets{0};
    for (int member = 0; member < group.size(); ++member) {
        const Publication& part = parts[static_cast<size_t>(member)];
        if (state().checks && part.call != group.name_of_call()) {
            fail(group.call(), "the group's PE {} makes another collective call here", member);
        }
        size_t end = 0;
        if (__builtin_add_overflow(offsets.back(), part.bytes, &end)) {
            fail(group.call(), "the members' parts are more bytes than there can be");
        }
        offsets.push_back(end);
    }
    return offsets;
}

/// Of first members. Returns the bytes of all parts.
size_t collect_all(const Group& group, const HostTree& tree, void* dest) {
    tree.meet_first_ones();  // all have published
    std::vector<Publication> parts;
    for (int member = 0; member < group.size(); ++member) {
        parts.push_back(tree.published(member));
    }
    const std::vector<size_t> offsets = offsets_of(group, parts);
    group.shared_address(dest, offsets.back());
    for (const int member : group.layout()->neighbours()) {
        const auto index = static_cast<size_t>(member);
        copy(static_cast<char*>(dest) + offsets[index], at(parts[index].source), parts[index].bytes);
    }
    exchange(group, tree, dest, [&](int member) { return offsets[static_cast<size_t>(member)]; });
    return offsets.back();
}

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
                copy(dest, other.data(), bytes());
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
            copy(reduction.dest_of(member), reduction.dest, reduction.bytes());
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

void broadcast_over_hosts(const Group& group, void* dest, const void* source, size_t bytes, int root,
                          bool root_copies) {
    const Broadcast broadcast{group, dest, source, bytes, root, root_copies};
    if (!state().checks && bytes <= largest_mail()) {
        push(broadcast);
    } else {
        pull(broadcast);
    }
}

void collect_over_hosts(const Group& group, void* dest, const void* source, size_t bytes) {
    const HostTree tree = group.tree();
    group.publish(source, bytes, nullptr, 0, bytes);
    Publication& told = group.publication(group.layout()->own_first());
    tree.meet_here([&] { told.dest = collect_all(group, tree, dest); });
    take_from_first(group, tree, dest, told.dest);
}

void fcollect_over_hosts(const Group& group, void* dest, const void* source, size_t bytes) {
    const size_t all = group.product(bytes, static_cast<size_t>(group.size()));
    const HostTree tree = group.tree();
    const auto offset_of = [=](int member) { return static_cast<size_t>(member) * bytes; };
    if (state().checks) {
        group.enter(source, bytes, dest, all, bytes);
    }
    // Destinations are ready before anybody calls, as the specification asks.
    copy(object_of(group, group.layout()->own_first(), dest, all) + offset_of(group.me()), source, bytes);
    tree.meet_here([&] { exchange(group, tree, dest, offset_of); });
    take_from_first(group, tree, dest, all);
}

void alltoall_over_hosts(const Group& group, void* dest, const void* source, size_t bytes) {
    const size_t all = group.product(bytes, static_cast<size_t>(group.size()));
    const HostTree tree = group.tree();
    if (state().checks) {
        group.enter(source, all, dest, all, bytes);
    }
    char* const place = static_cast<char*>(dest) + static_cast<size_t>(group.me()) * bytes;
    for (int i = 0; bytes != 0 && i < group.size(); ++i) {
        const int member = (group.me() + i) % group.size();  // not all at the same one
        tree.put(member, group.place_of(place, bytes, member),
                 static_cast<const char*>(source) + static_cast<size_t>(member) * bytes, bytes);
    }
    group.wait();
}

void alltoalls_over_hosts(const Group& group, void* dest, const void* source, ptrdiff_t dst, ptrdiff_t sst,
                          size_t count, size_t element) {
    const HostTree tree = group.tree();
    const size_t from = static_cast<size_t>(group.me()) * count * static_cast<size_t>(sst) * element;
    const size_t span = count == 0 ? 0 : ((count - 1) * static_cast<size_t>(sst) + 1) * element;
    std::vector<char> fetched(span);
    for (int i = 0; count != 0 && i < group.size(); ++i) {
        const int member = (group.me() + i) % group.size();
        tree.get(member, fetched.data(),
                 group.place_of(static_cast<const char*>(source) + from, span, member), span);
        for (size_t k = 0; k < count; ++k) {
            const size_t to = (static_cast<size_t>(member) * count + k) * static_cast<size_t>(dst);
            std::memcpy(static_cast<char*>(dest) + to * element,
                        fetched.data() + k * static_cast<size_t>(sst) * element, element);
        }
    }
    group.wait();
}

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
