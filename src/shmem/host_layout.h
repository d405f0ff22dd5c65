// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <vector>

namespace memfabric::shmem {

/// Which members of a group live on which host, where they live on several. A host's first member speaks for
/// it.
struct HostLayout {
    std::vector<std::vector<int>> hosts;  // members of each, in the order of the first ones
    std::vector<int> host_of_member;      // indices of `hosts`
    int own = 0;                          // this PE's host

    int first(int host) const { return hosts[static_cast<size_t>(host)].front(); }
    int own_first() const { return first(own); }
    const std::vector<int>& neighbours() const { return hosts[static_cast<size_t>(own)]; }
    int count() const { return static_cast<int>(hosts.size()); }

    int of(int member) const { return host_of_member[static_cast<size_t>(member)]; }
    bool is_here(int member) const { return of(member) == own; }
};

/// Of `size` PEs, start, start + stride, ... of the world. Null where one host has them all.
std::unique_ptr<const HostLayout> make_layout(int start, int stride, int size);

/// The same, kept until forget_layouts().
const HostLayout* known_layout(int start, int stride, int size);
void forget_layouts();

/// PEs start, start + stride, ..., `size` of them, this PE among them, which all share memory.
struct Neighbours {
    int start = 0;
    int stride = 1;
    int size = 1;
};
/// All PEs of this host where their numbers are a progression, else those from the first to the last one
/// around this PE without a gap.
Neighbours neighbours_of_world();

}  // namespace memfabric::shmem
