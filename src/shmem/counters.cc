// SPDX-License-Identifier: Apache-2.0
#include "shmem/counters.h"

namespace memfabric::shmem {

std::array<CounterPlace, 3> counter_places{};

void make_counters(int pes) {
    for (uint32_t counter = 0; counter < counter_places.size(); ++counter) {
        CounterPlace& place = counter_places.at(counter);
        place.first_cell = mf_private_shmem_cells(counter, static_cast<uint32_t>(pes), &place.first_word);
    }
}

}  // namespace memfabric::shmem
