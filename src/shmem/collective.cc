// SPDX-License-Identifier: Apache-2.0
// Collectives by pulling: each PE says where its source is, waits for all, and reads what it needs from
// there.
#include "shmem/collective.h"

#include <algorithm>
#include <cstring>
#include <string_view>

#include "shmem/host_collective.h"
#include "shmem/hot_copy.h"
#include "shmem/short_memory.h"
#include "shmem/state.h"

namespace memfabric::shmem {
namespace {

constexpr size_t kPushed = 32768;         // bytes to all members that a broadcast's root writes itself
constexpr size_t kSmallReduction = 2048;  // bytes; each PE reads everything
constexpr size_t kBlock = 16384;          // bytes that a reduction works on at once: they stay in the cache

}  // namespace

Group::Group(shmem_team_t team, const char* call) : call_(call) {
    Team& members = team_of(team, call);
    words_ = SyncWords(members.slots.data());
    barrier_ = &words_.barrier(0);
    layout_ = members.layout.get();
    posts_ = &members.posts;
    start_ = members.start;
    stride_ = members.stride;
    me_ = members.me;
    size_ = members.size;
}

Group::Group(int start, int log_stride, int size, long* psync, const char* call) : call_(call), size_(size) {
    check_up(call);
    const int64_t stride = log_stride >= 0 && log_stride < 31 ? int64_t{1} << log_stride : -1;
    if (stride < 0 || size < 1 || start < 0 || start + (size - 1) * stride >= state().pes) {
        fail(call, "PE_start {}, logPE_stride {}, PE_size {} is no set of PEs 0 to {}", start, log_stride,
             size, state().pes - 1);
    }
    const int64_t distance = state().me - start;
    if (distance < 0 || distance % stride != 0 || distance / stride >= size) {
        fail(call, "this PE is not in the set PE_start {}, logPE_stride {}, PE_size {}", start, log_stride,
             size);
    }
    start_ = start;
    stride_ = static_cast<int>(stride);
    me_ = static_cast<int>(distance / stride);
    layout_ = known_layout(start_, stride_, size_);
    constexpr size_t kBytes = SHMEM_SYNC_SIZE * sizeof(long);
    const uint64_t first = layout_ == nullptr
                               ? reinterpret_cast<uint64_t>(remote_bytes(psync, kBytes, start, call))
                               : place_of(psync, kBytes, 0);
    words_ = SyncWords(first, static_cast<uint64_t>(stride) * state().stride);
    barrier_ = &words_.barrier(0);
}

/// None of the boxes is used again before all members have emptied it.
uint32_t Group::next_post() const {
    if (++*posts_ % kTeamBoxes == 0) {
        if (layout_ == nullptr) [[likely]] {
            wait();
        } else {
            tree().meet_here();  // posts stay on a host
        }
    }
    if (*posts_ == 0) {  // after 2^32 of them: 0 is what an empty box has
        ++*posts_;
    }
    return *posts_;
}

void Group::take_post(uint32_t post) const {
    Mailbox& box = mailbox(me_, post);
    wait_for(box, post, others());
    box.value.store(0, std::memory_order_relaxed);
}

uint64_t Group::shared_address(const void* object, size_t bytes) const {
    return bytes == 0 ? 0 : reinterpret_cast<uint64_t>(remote_bytes(object, bytes, state().me, call_));
}

uint64_t Group::place_of(const void* object, size_t bytes, int member) const {
    return bytes == 0 ? 0 : window_address(object, bytes, world_pe(member), call_);
}

size_t Group::product(size_t a, size_t b) const {
    size_t result = 0;
    if (__builtin_mul_overflow(a, b, &result)) {
        fail(call_, "{} times {} bytes are more than there can be", a, b);
    }
    return result;
}

void Group::meet() const {
    if (state().checks) {
        enter(nullptr, 0, nullptr, 0, 0);
    }
    wait();
}

uint64_t Group::name_of_call(int root) const {
    return std::hash<std::string_view>()(call_) + static_cast<uint64_t>(root);
}

void Group::publish(const void* source, size_t source_bytes, const void* dest, size_t dest_bytes,
                    uint64_t bytes, int root) const {
    publication(me_) = {shared_address(source, source_bytes), shared_address(dest, dest_bytes), bytes,
                        name_of_call(root)};
}

void Group::enter(const void* source, size_t source_bytes, const void* dest, size_t dest_bytes,
                  uint64_t bytes, int root) const {
    publish(source, source_bytes, dest, dest_bytes, bytes, root);
    wait();
    if (!state().checks) {
        return;
    }
    const Publication first = layout_ == nullptr ? publication(0) : tree().published(0);
    if (first.call != name_of_call(root)) {
        fail(call_,
             "the group's PE 0 makes another collective call here, or has another root; all PEs of a team "
             "call "
             "collectives in one order");
    }
    if (first.bytes != bytes) {
        fail(call_, "called with {} bytes a PE, by the group's PE 0 with {}; all PEs give the same size",
             bytes, first.bytes);
    }
    if (layout_ != nullptr) {
        wait();  // not all of what follows ends only when all hosts have come so far
    }
}

namespace {

/// The root writes to all. In a team it goes on then, and the others wait for it alone.
void push(const Group& group, void* dest, const void* source, size_t bytes, int root, bool root_copies) {
    if (bytes == 0) {
        return;
    }
    const uint32_t number = group.has_mailboxes() ? group.next_post() : 0;
    for (int i = 1; group.me() == root && i < group.size(); ++i) {
        const int member = (root + i) % group.size();
        std::memcpy(remote_bytes(dest, bytes, group.world_pe(member), group.call()), source, bytes);
        if (group.has_mailboxes()) {
            post(group.mailbox(member, number), number);
        }
    }
    if (group.me() == root && root_copies) {
        copy_if_other(dest, source, bytes);
    }
    if (!group.has_mailboxes()) {
        group.wait();
    } else if (group.me() != root) {
        group.take_post(number);
    }
}

}  // namespace

void broadcast(const Group& group, void* dest, const void* source, size_t bytes, int root, bool root_copies) {
    if (root < 0 || root >= group.size()) {
        fail(group.call(), "root {} is outside 0 to {}", root, group.size() - 1);
    }
    if (group.layout() != nullptr) [[unlikely]] {
        take_memory_or_end(group.call(),
                           [&] { broadcast_over_hosts(group, dest, source, bytes, root, root_copies); });
        return;
    }
    if (!state().checks && bytes <= kPushed / static_cast<size_t>(group.size())) {
        push(group, dest, source, bytes, root, root_copies);
        return;
    }
    group.enter(source, bytes, dest, bytes, bytes, root);
    if (bytes != 0 && (group.me() != root || root_copies)) {
        copy_if_other(dest, at(group.publication(root).source), bytes);
    }
    group.wait();
}

namespace {

/// Writes the member's block where it belongs at every PE, which have their destinations ready before anybody
/// calls, as the specification asks; so one barrier, at the end, is enough. `block` gives the source for a
/// member.
template <typename Block>
void scatter(const Group& group, void* dest, size_t bytes, const Block& block) {
    char* const place = static_cast<char*>(dest) + static_cast<size_t>(group.me()) * bytes;
    for (int i = 0; bytes != 0 && i < group.size(); ++i) {
        const int member = (group.me() + i) % group.size();  // not all at the same one
        copy_if_other(remote_bytes(place, bytes, group.world_pe(member), group.call()), block(member), bytes);
    }
    group.wait();
}

}  // namespace

void fcollect(const Group& group, void* dest, const void* source, size_t bytes) {
    const size_t all = group.product(bytes, static_cast<size_t>(group.size()));
    if (group.layout() != nullptr) [[unlikely]] {
        take_memory_or_end(group.call(), [&] { fcollect_over_hosts(group, dest, source, bytes); });
        return;
    }
    if (!state().checks) {
        scatter(group, dest, bytes, [=](int) { return source; });
        return;
    }
    group.enter(source, bytes, dest, all, bytes);
    for (int i = 0; bytes != 0 && i < group.size(); ++i) {
        const int member = (group.me() + i) % group.size();  // not all at the same one
        copy_if_other(static_cast<char*>(dest) + static_cast<size_t>(member) * bytes,
                      at(group.publication(member).source), bytes);
    }
    group.wait();
}

void collect(const Group& group, void* dest, const void* source, size_t bytes) {
    if (group.layout() != nullptr) [[unlikely]] {
        take_memory_or_end(group.call(), [&] { collect_over_hosts(group, dest, source, bytes); });
        return;
    }
    group.publish(source, bytes, nullptr, 0, bytes);
    group.wait();
    size_t offset = 0;
    for (int member = 0; member < group.size(); ++member) {
        const Publication& part = group.publication(member);
        if (state().checks && part.call != group.name_of_call()) {
            fail(group.call(), "the group's PE {} makes another collective call here", member);
        }
        if (part.bytes != 0) {
            group.shared_address(dest, offset + part.bytes);
            copy_if_other(static_cast<char*>(dest) + offset, at(part.source), part.bytes);
        }
        offset += part.bytes;
    }
    group.wait();
}

void alltoall(const Group& group, void* dest, const void* source, size_t bytes) {
    const size_t all = group.product(bytes, static_cast<size_t>(group.size()));
    if (group.layout() != nullptr) [[unlikely]] {
        take_memory_or_end(group.call(), [&] { alltoall_over_hosts(group, dest, source, bytes); });
        return;
    }
    if (!state().checks) {
        scatter(group, dest, bytes, [=](int member) {
            return static_cast<const char*>(source) + static_cast<size_t>(member) * bytes;
        });
        return;
    }
    group.enter(source, all, dest, all, bytes);
    for (int i = 0; bytes != 0 && i < group.size(); ++i) {
        const int member = (group.me() + i) % group.size();
        copy_if_other(static_cast<char*>(dest) + static_cast<size_t>(member) * bytes,
                      at(group.publication(member).source) + static_cast<size_t>(group.me()) * bytes, bytes);
    }
    group.wait();
}

void alltoalls(const Group& group, void* dest, const void* source, ptrdiff_t dst, ptrdiff_t sst, size_t count,
               size_t element) {
    if (dst < 1 || sst < 1) {
        fail(group.call(), "strides {} and {}: both are at least 1", dst, sst);
    }
    const size_t elements = group.product(count, static_cast<size_t>(group.size()));
    const auto span = [&](ptrdiff_t stride) {
        return elements == 0 ? 0 : group.product((elements - 1) * static_cast<size_t>(stride) + 1, element);
    };
    group.enter(source, span(sst), dest, span(dst), count * element);
    if (group.layout() != nullptr) [[unlikely]] {
        take_memory_or_end(group.call(),
                           [&] { alltoalls_over_hosts(group, dest, source, dst, sst, count, element); });
        return;
    }
    for (int member = 0; member < group.size(); ++member) {
        for (size_t i = 0; i < count; ++i) {
            const size_t to = (static_cast<size_t>(member) * count + i) * static_cast<size_t>(dst);
            const size_t from = (static_cast<size_t>(group.me()) * count + i) * static_cast<size_t>(sst);
            std::memcpy(static_cast<char*>(dest) + to * element,
                        at(group.publication(member).source) + from * element, element);
        }
    }
    group.wait();
}

namespace {

/// The sources' elements [first, first + count), combined in the order of the PEs, so that all have one
/// result.
void combine_all(const Group& group, void* result, size_t first, size_t count, size_t element,
                 Combine combine) {
    std::memcpy(result, at(group.publication(0).source) + first * element, count * element);
    for (int member = 1; member < group.size(); ++member) {
        combine(result, at(group.publication(member).source) + first * element, count);
    }
}

/// Each PE works out its share and hands it to all. Nobody else reads that part of a source, so that source
/// and destination may be the same.
void reduce_share(const Group& group, size_t count, size_t element, Combine combine) {
    alignas(64) char block[kBlock];
    const auto pes = static_cast<size_t>(group.size());
    const size_t step = kBlock / element;
    const size_t share = (count + pes - 1) / pes;
    const size_t begin = std::min(count, static_cast<size_t>(group.me()) * share);
    const size_t end = std::min(count, begin + share);
    for (size_t first = begin; first < end; first += step) {
        const size_t length = std::min(step, end - first);
        combine_all(group, block, first, length, element, combine);
        for (int member = 0; member < group.size(); ++member) {
            std::memcpy(at(group.publication(member).dest) + first * element, block, length * element);
        }
    }
}

}  // namespace

void reduce(const Group& group, void* dest, const void* source, size_t count, size_t element,
            Combine combine) {
    const size_t bytes = group.product(count, element);
    if (group.layout() != nullptr) [[unlikely]] {
        take_memory_or_end(group.call(),
                           [&] { reduce_over_hosts(group, dest, source, count, element, combine); });
        return;
    }
    group.enter(source, bytes, dest, bytes, bytes);
    if (bytes > kSmallReduction) {
        reduce_share(group, count, element, combine);
        group.wait();
        return;
    }
    alignas(64) char result[kSmallReduction];
    if (bytes != 0) {
        combine_all(group, result, 0, count, element, combine);
    }
    group.wait();  // all have read the sources
    if (bytes != 0) {
        std::memcpy(dest, result, bytes);
    }
}

}  // namespace memfabric::shmem
