// SPDX-License-Identifier: Apache-2.0
#include "shmem/host_tree.h"

#include <cstring>

#include "shmem/hot_copy.h"
#include "shmem/remote.h"
#include "shmem/startup.h"
#include "shmem/state.h"
#include "shmem/waiting.h"
#include "smem.h"
#include "smem_shm.h"

namespace memfabric::shmem {

uint32_t HostTree::take(std::atomic<uint32_t>& word) {
    uint32_t value = 0;
    wait_until([&] { return (value = word.load(std::memory_order_acquire)) != 0; });
    word.store(0, std::memory_order_relaxed);  // its writer waits for us before it writes again
    return value;
}

int HostTree::children() const {
    int count = 0;
    const int own = place();
    const int below = own == 0 ? group_.layout.count() : own & -own;
    while ((1 << count) < below && own + (1 << count) < group_.layout.count()) {
        ++count;
    }
    return count;
}

void HostTree::tell_parent(uint32_t value) const {
    set(parent(), group_.words.tree(parent()).up[place_below_parent()], value);
}

void HostTree::put(int member, uint64_t place, const void* source, size_t bytes) const {
    if (group_.layout.is_here(member)) {
        hot_copy(reinterpret_cast<void*>(place), source, bytes);
    } else if (bytes != 0) {
        expect_done(smem_shm_put(heap_object(), reinterpret_cast<void*>(place), source, bytes), "put", bytes,
                    group_.start + member * group_.stride, group_.call);
    }
}

void HostTree::get(int member, void* dest, uint64_t place, size_t bytes) const {
    if (group_.layout.is_here(member)) {
        hot_copy(dest, reinterpret_cast<const void*>(place), bytes);
    } else if (bytes != 0) {
        expect_done(smem_shm_get(heap_object(), dest, reinterpret_cast<const void*>(place), bytes), "get",
                    bytes, group_.start + member * group_.stride, group_.call);
    }
}

void HostTree::set(int member, const std::atomic<uint32_t>& word, uint32_t value) const {
    put(member, reinterpret_cast<uint64_t>(&word), &value, sizeof value);
}

Publication HostTree::published(int member) const {
    Publication found{};
    get(member, &found, reinterpret_cast<uint64_t>(&group_.words.publication(member)), sizeof found);
    return found;
}

}  // namespace memfabric::shmem
