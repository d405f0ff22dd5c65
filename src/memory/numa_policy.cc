// SPDX-License-Identifier: Apache-2.0
#include "memory/numa_policy.h"

#include <numa.h>
#include <numaif.h>

#include <atomic>
#include <cerrno>
#include <memory>

#include "base/log.h"

namespace memfabric::memory {
namespace {

Status bind(AddressRange range, unsigned node) {
    if (::numa_available() < 0) {
        return {Code::kNotSupported, "this kernel or container has no NUMA support"};
    }
    const std::unique_ptr<bitmask, decltype(&::numa_free_nodemask)> nodes(::numa_allocate_nodemask(),
                                                                          &::numa_free_nodemask);
    if (node >= nodes->size || ::numa_bitmask_isbitset(::numa_all_nodes_ptr, node) == 0) {
        return {Code::kInvalidParam, "this machine has no such node"};
    }
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
    const Status status = bind(range, static_cast<unsigned>(node));
    if (!status.is_ok() && !warned.exchange(true)) {
        log_warn("memory is not bound to NUMA node {} (option MF_NUMA_NODE): {}; the kernel places it", node,
                 status.message());
    }
}

}  // namespace memfabric::memory
