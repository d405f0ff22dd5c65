// SPDX-License-Identifier: Apache-2.0
#include "shmem/host_collective.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "shmem/hot_copy.h"
#include "shmem/state.h"

namespace memfabric::shmem {
namespace {

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
            copy_if_other(broadcast.dest, broadcast.source, broadcast.bytes);
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
            copy_if_other(broadcast.dest,
                          object_of(group, group.layout()->own_first(), broadcast.dest, bytes), bytes);
        }
    } else {
        if (broadcast.is_root()) {
            send();
        }
        if (!broadcast.is_root() || broadcast.root_copies) {
            copy_if_other(broadcast.dest, at(group.publication(broadcast.root).source), bytes);
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

/// Of first members: what all members have published, by number. All have come so far then.
std::vector<Publication> publications_of_all(const Group& group, const HostTree& tree) {
    const HostLayout& layout = *group.layout();
    std::vector<Publication> all(static_cast<size_t>(group.size()));
    std::vector<Publication> own;
    for (const int member : layout.neighbours()) {
        own.push_back(all[static_cast<size_t>(member)] = group.publication(member));
    }
    const size_t at_once = largest_mail() / sizeof(Publication);
    for (int i = 1; i < layout.count(); ++i) {
        const int to = layout.first((layout.own + i) % layout.count());
        for (size_t first = 0; first < own.size(); first += at_once) {
            const size_t count = std::min(at_once, own.size() - first);
            tree.tell(to, 0, own.data() + first, count * sizeof(Publication));
        }
    }
    std::vector<Publication> heard(at_once);
    for (int i = 1; i < layout.count(); ++i) {
        const auto host = static_cast<size_t>((layout.own + layout.count() - i) % layout.count());
        const std::vector<int>& members = layout.hosts[host];
        for (size_t first = 0; first < members.size(); first += at_once) {
            const size_t count = std::min(at_once, members.size() - first);
            tree.hear(members.front(), heard.data(), count * sizeof(Publication));
            for (size_t k = 0; k < count; ++k) {
                all[static_cast<size_t>(members[first + k])] = heard[k];
            }
        }
    }
    return all;
}

/// Of first members. Returns the bytes of all parts.
size_t collect_all(const Group& group, const HostTree& tree, void* dest) {
    const std::vector<Publication> parts = publications_of_all(group, tree);
    const std::vector<size_t> offsets = offsets_of(group, parts);
    group.shared_address(dest, offsets.back());
    for (const int member : group.layout()->neighbours()) {
        const auto index = static_cast<size_t>(member);
        copy_if_other(static_cast<char*>(dest) + offsets[index], at(parts[index].source), parts[index].bytes);
    }
    exchange(group, tree, dest, [&](int member) { return offsets[static_cast<size_t>(member)]; });
    return offsets.back();
}

}  // namespace

char* object_of(const Group& group, int member, const void* object, size_t bytes) {
    return at(group.place_of(object, bytes, member));
}

void take_from_first(const Group& group, const HostTree& tree, void* dest, size_t bytes) {
    if (!tree.is_first()) {
        group.shared_address(dest, bytes);
        copy_if_other(dest, object_of(group, group.layout()->own_first(), dest, bytes), bytes);
    }
    tree.meet_here();
}

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
    copy_if_other(object_of(group, group.layout()->own_first(), dest, all) + offset_of(group.me()), source,
                  bytes);
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

}  // namespace memfabric::shmem
