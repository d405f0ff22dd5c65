// SPDX-License-Identifier: Apache-2.0
#include "shm/copy_counters.h"

#include <fmt/format.h>

#include <string>

namespace memfabric::shm {

CopyCounters::CopyCounters(uint32_t object, uint32_t rank_size) {
    const std::string label = fmt::format("SHM {} rank", object);
    for (const bool by_fabric : {false, true}) {
        for (const CopyKind kind : {CopyKind::kPut, CopyKind::kGet, CopyKind::kAtomic}) {
            const observe::Counted zero = of(kind, 0, by_fabric);
            first_.at(by_fabric ? 1 : 0).at(static_cast<size_t>(kind)) =
                observe::cells_of(zero.operation, zero.path, label, 0, rank_size);
        }
    }
}

}  // namespace memfabric::shm
