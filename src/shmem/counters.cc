// SPDX-License-Identifier: Apache-2.0
#include "shmem/counters.h"

namespace memfabric::shmem {

std::array<uint32_t, 3> counter_cells{};

void make_counters(int pes) {
    for (uint32_t counter = 0; counter < counter_cells.size(); ++counter) {
        counter_cells.at(counter) = mf_private_shmem_cells(counter, static_cast<uint32_t>(pes));
    }
}

}  // namespace memfabric::shmem
