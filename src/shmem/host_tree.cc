// SPDX-License-Identifier: Apache-2.0
#include "shmem/host_tree.h"

#include <bit>

#include "shmem/hot_copy.h"
#include "shmem/remote.h"
#include "shmem/startup.h"
#include "shmem/state.h"
#include "smem.h"
#include "smem_shm.h"

namespace memfabric::shmem {

/// A team's words are its own; those of a pSync array may be used by one set after the other, where strides
/// are powers of two.
HostTree::HostTree(const Group& group, int root)
    : group_(group),
      root_(root),
      key_(reinterpret_cast<uint64_t>(&group.words.barrier(0)) ^ static_cast<uint64_t>(group.size) << 48 ^
           static_cast<uint64_t>(std::countr_zero(static_cast<unsigned>(group.stride))) << 59) {}

int HostTree::children() const {
    int count = 0;
    const int own = place();
    const int below = own == 0 ? group_.layout.count() : own & -own;
    while ((1 << count) < below && own + (1 << count) < group_.layout.count()) {
        ++count;
    }
    return count;
}

/// By dissemination: after each round twice as many hosts are known to have come.
void HostTree::meet_first_ones() const {
    const HostLayout& layout = group_.layout;
    for (int distance = 1; distance < layout.count(); distance *= 2) {
        tell(layout.first((layout.own + distance) % layout.count()), 0);
        hear(layout.first((layout.own - distance + layout.count()) % layout.count()));
    }
}

void HostTree::tell(int member, uint32_t value, const void* data, size_t bytes) const {
    send_mail(world_pe(member), key_, value, data, bytes, group_.call);
}

uint32_t HostTree::hear(int member, void* data, size_t bytes) const {
    return receive_mail(world_pe(member), key_, data, bytes, group_.call);
}

void HostTree::put(int member, uint64_t place, const void* source, size_t bytes) const {
    if (group_.layout.is_here(member)) {
        hot_copy(reinterpret_cast<void*>(place), source, bytes);
    } else if (bytes != 0) {
        expect_done(smem_shm_put(heap_object(), reinterpret_cast<void*>(place), source, bytes), "put", bytes,
                    world_pe(member), group_.call);
    }
}

void HostTree::get(int member, void* dest, uint64_t place, size_t bytes) const {
    if (group_.layout.is_here(member)) {
        hot_copy(dest, reinterpret_cast<const void*>(place), bytes);
    } else if (bytes != 0) {
        expect_done(smem_shm_get(heap_object(), dest, reinterpret_cast<const void*>(place), bytes), "get",
                    bytes, world_pe(member), group_.call);
    }
}

Publication HostTree::published(int member) const {
    Publication found{};
    get(member, &found, reinterpret_cast<uint64_t>(&group_.words.publication(member)), sizeof found);
    return found;
}

}  // namespace memfabric::shmem
