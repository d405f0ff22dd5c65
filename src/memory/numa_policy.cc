// SPDX-License-Identifier: Apache-2.0
#include "memory/numa_policy.h"

#include <numa.h>
#include <numaif.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <memory>

#include "base/log.h"
#include "memory/machine_memory.h"

namespace memfabric::memory {
namespace {

/// A bound range takes from its node alone, and where that has no more the kernel kills.
Status check_room(AddressRange range, unsigned node, bool huge_pages) {
    const uint64_t huge = huge_pages ? node_available_huge_bytes(node) : 0;
    const uint64_t room = std::max(node_available_bytes(node), huge);
    if (range.size <= room) {
        return {};
    }
    return failure(Code::kMallocFailed, "it has room for {} bytes, {} are wanted", room, range.size);
}

Status bind(AddressRange range, unsigned node, bool huge_pages) {
    if (::numa_available() < 0) {
        return {Code::kNotSupported, "this kernel or container has no NUMA support"};
    }
    const std::unique_ptr<bitmask, decltype(&::numa_free_nodemask)> nodes(::numa_allocate_nodemask(),
                                                                          &::numa_free_nodemask);
    if (node >= nodes->size || ::numa_bitmask_isbitset(::numa_all_nodes_ptr, node) == 0) {
        return {Code::kInvalidParam, "this machine has no such node"};
    }
    MF_RETURN_IF_ERROR(check_room(range, node, huge_pages));
    ::numa_bitmask_setbit(nodes.get(), node);
    if (::mbind(reinterpret_cast<void*>(range.begin), range.size, MPOL_BIND, nodes->maskp, nodes->size + 1,
                0) != 0) {
        return {Code::kNotSupported, errno_text(errno)};
    }
    return {};
}

}  // namespace

void bind_to_numa_node(AddressRange range, const Options& options) {
    const int64_t node = options.integer(OptionId::kNumaNode);
    if (node < 0) {
        return;
    }
    static std::atomic<bool> warned{false};
    const bool huge_pages = options.integer(OptionId::kHugePages) != 0;
    const Status status = bind(range, static_cast<unsigned>(node), huge_pages);
    if (!status.is_ok() && !warned.exchange(true)) {
        log_warn("memory is not bound to NUMA node {} (option MF_NUMA_NODE): {}; the kernel places it", node,
                 status.message());
    }
}

}  // namespace memfabric::memory
