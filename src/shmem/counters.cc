// SPDX-License-Identifier: Apache-2.0
#include "shmem/counters.h"

namespace memfabric::shmem {

void make_counters(int pes) {
    for (uint32_t counter = 0; counter < kCounters; ++counter) {
        uint32_t first_word = 0;
        const uint32_t first_cell = mf_private_shmem_cells(counter, static_cast<uint32_t>(pes), &first_word);
        the_state.counters.at(counter) = {static_cast<ptrdiff_t>(first_cell * sizeof(observe::Cell)),
                                          static_cast<ptrdiff_t>(first_word * sizeof(uint64_t))};
    }
}

}  // namespace memfabric::shmem
