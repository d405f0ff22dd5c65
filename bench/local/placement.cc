// SPDX-License-Identifier: Apache-2.0
#include "local/placement.h"

namespace memfabric::bench {

OnCore::OnCore(Which which) {
    sched_getaffinity(0, sizeof(before_), &before_);
    cpu_set_t one;
    CPU_ZERO(&one);
    for (int core = 0; core < CPU_SETSIZE; ++core) {
        if (CPU_ISSET(core, &before_) && (which == kLast || CPU_COUNT(&one) == 0)) {
            CPU_ZERO(&one);
            CPU_SET(core, &one);
        }
    }
    sched_setaffinity(0, sizeof(one), &one);
}

OnCore::~OnCore() {
    sched_setaffinity(0, sizeof(before_), &before_);
}

}  // namespace memfabric::bench
